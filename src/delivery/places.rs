//! Who may export at the same time, and when an export that sleeps until its next try lets another take its place.
//!
//! The Collector's consumers keep their place while they sleep: of ten, a backend that refuses one request in ten soon has
//! all asleep, and the queue fills behind them. Here one that sleeps steps aside as long as the backend takes other data.
//! Where nothing is taken any more it stays, so that a dead backend is tried by `num_consumers` exports and not by all
//! that is queued. A single consumer never steps aside: it keeps the order.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// Exports that have stepped aside and not come back.
    aside: AtomicUsize,
    /// Exports that failed since the last one that succeeded.
    failures: AtomicUsize,
    /// Whose turn it is where a place is wanted by one that has slept and by new data: they take turns.
    is_turn_of_new: AtomicBool,
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

/// An export that has stepped aside, for as long as this lives: it has to [`regain`] a place before it goes on.
pub(super) struct Aside(Arc<dyn Crew>);

impl Places {
    pub(super) fn new(consumers: usize) -> Places {
        let consumers = consumers.clamp(1, Semaphore::MAX_PERMITS);
        Places {
            consumers,
            free: Semaphore::new(consumers),
            returning: AtomicUsize::new(0),
            aside: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            is_turn_of_new: AtomicBool::new(false),
        }
    }

    /// Takes a place, if one is free that nobody waits for.
    pub(super) fn take(&self) -> bool {
        self.free.try_acquire().map(SemaphorePermit::forget).is_ok()
    }

    /// Gives back a place that nobody works in yet.
    pub(super) fn give_back(&self) {
        self.free.add_permits(1);
    }

    pub(super) fn is_free(&self) -> bool {
        self.free.available_permits() != 0
    }

    /// An export has succeeded.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// An export has failed and will be tried again. Whether others get through.
    fn failed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) < MOST_IN_A_ROW
            && 1 < self.consumers
            && self.aside.load(Ordering::Relaxed) < MOST_ASIDE
    }

    fn lets_return(&self) -> bool {
        self.returning.load(Ordering::Relaxed) != 0 && !self.is_turn_of_new.fetch_xor(true, Ordering::Relaxed)
    }

    async fn wait(&self) {
        self.returning.fetch_add(1, Ordering::Relaxed);
        let waiting = Counted(&self.returning);
        // The semaphore is never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        drop(waiting);
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
    crew.places().aside.fetch_add(1, Ordering::Relaxed);
    crew.places().give_back();
    Arc::clone(&crew).fill_places();
    Some(Aside(crew))
}

/// Ends when the consumer that runs here has a place, which it lacks after its export has stepped aside: also where that was
/// ended from outside as it slept.
pub(super) async fn regain() {
    let lacking = PLACE.try_with(|place| (!place.is_held.get()).then(|| Arc::clone(&place.crew)));
    if let Ok(Some(crew)) = lacking {
        crew.places().wait().await;
        // It is still the task of that consumer.
        let _ = PLACE.try_with(|place| place.is_held.set(true));
    }
}

/// Whether the consumer that runs here, which has ended one export, keeps its place for the next; else another has it.
pub(super) fn keep() -> bool {
    let keeps = |place: &Place| {
        let places = place.crew.places();
        if !place.is_held.get() || !places.lets_return() {
            return true;
        }
        places.give_back();
        place.is_held.set(places.take());
        place.is_held.get()
    };
    PLACE.try_with(keeps).unwrap_or(true)
}

/// The consumer that runs here ends.
pub(super) fn leave() {
    let _ = PLACE.try_with(|place| {
        if place.is_held.replace(false) {
            place.crew.places().give_back();
        }
    });
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.places().aside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One that is counted for as long as this lives.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// After so many failures without a success between them, a backend is taken to be down.
const MOST_IN_A_ROW: usize = 10;

/// So many exports may sleep aside: each takes some 7 KB beside its data.
const MOST_ASIDE: usize = 8192;

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
            tokio::join!(regain(), async { queue.places.give_back() });
            drop(aside);
            assert!(keep(), "nobody waits");
            leave();
            leave();
        })
        .await;
        queue.places.give_back();
        assert_eq!(queue.places.free.available_permits(), 2);
        assert_eq!(queue.places.aside.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_has_slept_and_new_data_take_turns() {
        let queue = queue(1);
        consuming(Arc::clone(&queue) as Arc<dyn Crew>, async {
            let mut slept = std::pin::pin!(queue.places.wait());
            assert!(futures_util::poll!(&mut slept).is_pending());
            assert!(!keep(), "it is for who has slept");
            slept.await;
            queue.places.give_back();
            regain().await;
            let mut slept = std::pin::pin!(queue.places.wait());
            assert!(futures_util::poll!(&mut slept).is_pending());
            assert!(keep(), "it is for new data");
            assert!(!keep());
            slept.await;
        })
        .await;
    }

    #[tokio::test]
    async fn who_was_ended_as_it_slept_needs_a_place_again() {
        let queue = queue(2);
        consuming(Arc::clone(&queue) as Arc<dyn Crew>, async {
            let aside = step_aside().unwrap();
            assert!(queue.places.take());
            drop(aside);
            let mut regained = std::pin::pin!(regain());
            assert!(futures_util::poll!(&mut regained).is_pending(), "two others are there");
            queue.places.give_back();
            regained.await;
            leave();
        })
        .await;
        queue.places.give_back();
        assert_eq!(queue.places.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn outside_of_a_queue_nothing_steps_aside() {
        assert!(step_aside().is_none());
        regain().await;
        assert!(keep());
    }
}
