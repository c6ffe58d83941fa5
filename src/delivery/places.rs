//! Who may export at the same time, and when an export that sleeps until its next try lets another take its place.
//!
//! The Collector's consumers keep their place while they sleep: of ten, a backend that refuses one request in ten soon has
//! all asleep, and the queue fills behind them. Here one that sleeps steps aside as long as the backend takes other data.
//! Where nothing is taken any more it stays, so that a dead backend is tried by `num_consumers` exports and not by all
//! that is queued. A single consumer never steps aside: it keeps the order.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

tokio::task_local! {
    /// The place of the consumer that runs here.
    static PLACE: Place;
}

/// The places of one queue's consumers.
pub(super) struct Places {
    consumers: usize,
    free: Semaphore,
    /// Exports that have slept and wait for a place.
    returning: AtomicUsize,
    /// Consumers that go on without a place, because what they exported was ended from outside as it slept: as many places
    /// are not given back.
    owed: AtomicUsize,
    /// Exports that failed since the last one that succeeded.
    failures: AtomicUsize,
}

/// The queue that consumers belong to.
pub(super) trait Crew: Send + Sync {
    fn places(&self) -> &Places;

    /// A place has become free: somebody may take it.
    fn fill_places(self: Arc<Self>);
}

/// The place of one consumer.
struct Place {
    crew: Arc<dyn Crew>,
    is_held: Cell<bool>,
}

/// An export that has stepped aside. It needs its place again before it goes on.
pub(super) struct Aside {
    crew: Arc<dyn Crew>,
    is_back: bool,
}

impl Places {
    pub(super) fn new(consumers: usize) -> Places {
        let consumers = consumers.clamp(1, Semaphore::MAX_PERMITS);
        Places {
            consumers,
            free: Semaphore::new(consumers),
            returning: AtomicUsize::new(0),
            owed: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
        }
    }

    /// Takes a place, if one is free that nobody waits for.
    pub(super) fn take(&self) -> bool {
        self.free.try_acquire().map(SemaphorePermit::forget).is_ok()
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        if self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |owed| owed.checked_sub(1)).is_err() {
            self.free.add_permits(1);
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.free.available_permits() != 0
    }

    /// Whether a consumer that has ended one export keeps its place for the next: those that have slept come first.
    pub(super) fn keep(&self) -> bool {
        if self.returning.load(Ordering::Relaxed) == 0 {
            return true;
        }
        self.leave();
        self.take()
    }

    /// An export has succeeded.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// An export has failed and will be tried again. Whether others get through.
    fn failed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) < MOST_IN_A_ROW && 1 < self.consumers
    }
}

/// Runs `work` as a consumer of `crew` that has a place.
pub(super) fn consuming<F: Future>(crew: Arc<dyn Crew>, work: F) -> impl Future<Output = F::Output> {
    PLACE.scope(Place { crew, is_held: Cell::new(true) }, work)
}

/// The export that runs here has failed and is about to sleep: lets another have its place, if others get through.
/// Nothing where no consumer of a queue runs.
pub(super) fn step_aside() -> Option<Aside> {
    let crew = PLACE
        .try_with(|place| {
            let leaves = place.crew.places().failed() && place.is_held.replace(false);
            leaves.then(|| Arc::clone(&place.crew))
        })
        .ok()??;
    crew.places().leave();
    Arc::clone(&crew).fill_places();
    Some(Aside { crew, is_back: false })
}

impl Aside {
    /// Ends when the export has a place again.
    pub(super) async fn back(mut self) {
        let places = self.crew.places();
        places.returning.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(places);
        // The semaphore is never closed.
        if let Ok(permit) = places.free.acquire().await {
            permit.forget();
        }
        drop(waiting);
        self.is_back = true;
    }
}

impl Drop for Aside {
    /// However the sleep ended, the consumer goes on.
    fn drop(&mut self) {
        let places = self.crew.places();
        if !self.is_back && !places.take() {
            places.owed.fetch_add(1, Ordering::Relaxed);
        }
        // Outside of the task nobody goes on.
        let _ = PLACE.try_with(|place| place.is_held.set(true));
    }
}

/// Counts an export that waits for a place, for as long as it lives.
struct Waiting<'a>(&'a Places);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.returning.fetch_sub(1, Ordering::Relaxed);
    }
}

/// After so many failures without a success between them, a backend is taken to be down.
const MOST_IN_A_ROW: usize = 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Queue {
        places: Places,
        filled: AtomicUsize,
    }

    impl Crew for Queue {
        fn places(&self) -> &Places {
            &self.places
        }

        fn fill_places(self: Arc<Self>) {
            self.filled.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn queue(consumers: usize) -> Arc<Queue> {
        let queue = Arc::new(Queue { places: Places::new(consumers), filled: AtomicUsize::new(0) });
        (0..consumers).for_each(|_| assert!(queue.places.take()));
        assert!(!queue.places.take(), "all have theirs");
        queue
    }

    #[tokio::test]
    async fn a_place_that_was_left_is_taken_once_and_had_again() {
        let queue = queue(2);
        consuming(Arc::clone(&queue) as Arc<dyn Crew>, async {
            let aside = step_aside().unwrap();
            assert!(step_aside().is_none(), "it has no other place to leave");
            assert_eq!(queue.filled.load(Ordering::Relaxed), 1);
            assert!(queue.places.take());
            let (back, ()) = tokio::join!(aside.back(), async {
                assert!(!queue.places.keep(), "another waits for its place");
            });
            assert!(queue.places.keep(), "nobody waits");
            back
        })
        .await;
        queue.places.leave();
        queue.places.leave();
        assert_eq!(queue.places.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn who_goes_on_without_a_place_gives_none_back() {
        let queue = queue(2);
        consuming(Arc::clone(&queue) as Arc<dyn Crew>, async {
            let aside = step_aside().unwrap();
            assert!(queue.places.take());
            drop(aside);
            queue.places.leave();
            assert!(!queue.places.is_free(), "two others are still there");
        })
        .await;
        queue.places.leave();
        queue.places.leave();
        assert_eq!(queue.places.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn outside_of_a_queue_nothing_steps_aside() {
        assert!(step_aside().is_none());
    }
}
