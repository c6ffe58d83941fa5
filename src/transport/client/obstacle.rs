//! What stopped a request below its answer, in a form that several requests waiting for one connection can share.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::failure::{Class, Failure, Phase};

/// A failure of the connection, before it belongs to one request.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub(super) class: Class,
    phase: Option<Phase>,
    text: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Obstacle {
    /// Of `class`, with the evidence in words.
    pub(super) fn new(class: Class, text: impl Into<Cow<'static, str>>) -> Obstacle {
        Obstacle { class, phase: None, text: text.into(), source: None }
    }

    /// In this phase rather than the one of its class.
    pub(super) fn in_phase(mut self, phase: Phase) -> Obstacle {
        self.phase = Some(phase);
        self
    }

    /// With more evidence behind the rest.
    pub(super) fn and(mut self, more: &str) -> Obstacle {
        if !more.is_empty() {
            self.text.to_mut().push_str(more);
        }
        self
    }

    /// Caused by `source`.
    pub(super) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Obstacle {
        self.source = Some(Arc::new(source));
        self
    }

    /// The failure of one request that it stopped.
    pub(super) fn into_failure(self) -> Failure {
        let mut failure = Failure::new(self.class, self.text);
        if let Some(phase) = self.phase {
            failure = failure.in_phase(phase);
        }
        match self.source {
            Some(source) => failure.because(Shared(source)),
            None => failure,
        }
    }
}

/// Whether the error says that the process or the machine has no free file descriptor. It has no kind of its own.
pub(super) fn is_out_of_files(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// A cause that several failures have.
#[derive(Debug)]
struct Shared(Arc<dyn StdError + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
