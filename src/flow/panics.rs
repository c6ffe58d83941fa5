//! How many panics there were, whoever caught them.
//!
//! A panic is a bug, and stays inside of what it happened in: a request, an export, a connection, a page. Wherever that
//! is, it is counted here, so that one that nobody reports is seen too.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the panics of this process from now on. What was done about them before is still done.
pub fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            COUNT.fetch_add(1, Ordering::Relaxed);
            before(info);
        }));
    });
}

/// How many panics there were since [`count_panics`].
pub fn panics() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

static COUNT: AtomicU64 = AtomicU64::new(0);
