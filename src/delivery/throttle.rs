//! Until when a backend asked not to be sent anything.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::schedule::LONGEST_DEMAND;

/// The pause that the backend of one chain asked for. It is given to it by all exports, not only by the one that it
/// answered (OTLP specification, "OTLP/gRPC Throttling": the client must throttle itself); the Collector's other
/// consumers go on sending.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<Option<Instant>>);

impl Throttle {
    /// The backend asks for a pause of `delay` from now on.
    pub(super) fn demand(&self, delay: Duration) {
        let until = Instant::now() + delay.min(LONGEST_DEMAND);
        let mut paused_until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Some(until));
    }

    /// Ends when the pause is over, however often it is made longer.
    pub(super) async fn over(&self) {
        while let Some(until) = self.paused_until()
            && Instant::now() < until
        {
            sleep_until(until).await;
        }
    }

    fn paused_until(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
