//! What was found out by looking at an endpoint, so that it is looked at once and not at every attempt.
//!
//! A look is worth its connections when the failure leaves open what is there, and then only when it is new: the first of
//! its class after a success or after another class.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Class;

/// What one kind of look found, for as long as the endpoint fails in the same way.
#[derive(Debug)]
pub(super) struct Looks<T> {
    last: Mutex<Option<Look<T>>>,
    /// Whether there is something to forget: all that a success has to look at.
    any: AtomicBool,
}

#[derive(Debug)]
struct Look<T> {
    /// How the attempt had failed, as far as that told by itself.
    class: Class,
    at: Instant,
    found: T,
}

impl<T: Clone> Looks<T> {
    pub(super) fn new() -> Looks<T> {
        Looks { last: Mutex::new(None), any: AtomicBool::new(false) }
    }

    /// What there is to see after a failure of `class`: what was seen before, or what `look` sees now.
    pub(super) async fn see(&self, class: Class, look: impl Future<Output = T>) -> T {
        if let Some(known) =
            self.lock().as_ref().filter(|known| known.class == class && known.at.elapsed() < LOOK_AGAIN)
        {
            return known.found.clone();
        }
        let found = look.await;
        *self.lock() = Some(Look { class, at: Instant::now(), found: found.clone() });
        self.any.store(true, Ordering::Relaxed);
        found
    }

    /// The endpoint works, or fails in another way: the next failure is news again.
    pub(super) fn forget(&self) {
        if self.any.swap(false, Ordering::Relaxed) {
            *self.lock() = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Look<T>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another service may have taken the port over while nobody was served.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn one_look_serves_until_the_class_changes_or_all_is_well() {
        let (looks, count) = (Looks::new(), AtomicUsize::new(0));
        let see = |class| looks.see(class, async { count.fetch_add(1, Ordering::Relaxed) });
        assert_eq!((see(Class::ConnectionReset).await, see(Class::ConnectionReset).await), (0, 0));
        assert_eq!((see(Class::ConnectionRefused).await, see(Class::ConnectionReset).await), (1, 2));
        looks.forget();
        assert_eq!(see(Class::ConnectionReset).await, 3);
    }
}
