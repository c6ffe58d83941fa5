//! By what the bytes of a payload are accounted for, for as long as any copy or part of it lives.

use std::sync::Arc;

use super::Hold;

/// One hold, or those of all the payloads that were joined.
#[derive(Debug)]
pub(super) enum Holds {
    One(#[allow(dead_code, reason = "it is given back when it is dropped")] Hold),
    Many(#[allow(dead_code, reason = "they are given back when they are dropped")] Box<[Arc<Holds>]>),
}

impl Holds {
    /// This one.
    pub(super) fn one(hold: Hold) -> Arc<Holds> {
        Arc::new(Holds::One(hold))
    }

    /// All of `holds`; nothing where there are none.
    pub(super) fn all(holds: impl IntoIterator<Item = Arc<Holds>>) -> Option<Arc<Holds>> {
        let mut holds = holds.into_iter();
        let (first, second) = (holds.next()?, holds.next());
        Some(match second {
            None => first,
            Some(second) => Arc::new(Holds::Many([first, second].into_iter().chain(holds).collect())),
        })
    }
}
