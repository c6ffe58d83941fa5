//! How long tasks live: intake ends first, work in hand is given a grace period, then it is interrupted.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The life of everything that a running service has spawned. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    intake: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every task came to its own end.
    Clean,
    /// The grace period passed, and what was left was interrupted.
    Abandoned,
}

impl Lifetime {
    /// A life that has just begun.
    pub fn new() -> Lifetime {
        Lifetime::default()
    }

    /// A life within this one: its intake may end earlier, everything else is shared.
    #[must_use]
    pub fn branch(&self) -> Lifetime {
        Lifetime { intake: self.intake.child_token(), abort: self.abort.clone(), tasks: self.tasks.clone() }
    }

    /// Runs `task` on the current runtime until its own end. A panic in it is logged and stays inside it.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(caught(name, task).map(|_| ()));
    }

    /// Runs `task` like [`Lifetime::spawn`], on the runtime of `handle`.
    pub fn spawn_on(&self, handle: &Handle, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(caught(name, task).map(|_| ()), handle);
    }

    /// Runs `task` like [`Lifetime::spawn`] and hands its answer back: nothing if it panicked.
    pub fn ask<T, F>(&self, name: &'static str, task: F) -> impl Future<Output = Option<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.tasks.spawn(caught(name, task).map(|outcome| outcome.map(|value| answer.send(value).ok())));
        answered.map(Result::ok)
    }

    /// Ends when nothing new may be taken in.
    pub async fn intake_ended(&self) {
        self.intake.cancelled().await;
    }

    /// Whether nothing new may be taken in.
    pub fn is_draining(&self) -> bool {
        self.intake.is_cancelled()
    }

    /// Ends when even the work in hand must stop.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }

    /// Whether even the work in hand must stop.
    pub fn is_aborted(&self) -> bool {
        self.abort.is_cancelled()
    }

    /// From now on nothing new may be taken in.
    pub fn end_intake(&self) {
        self.intake.cancel();
    }

    /// Ends the intake, waits for the tasks for `grace`, then interrupts them and waits for `LAST_WORDS` more.
    pub async fn drain(&self, grace: Duration) -> Drained {
        self.end_intake();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return Drained::Clean;
        }
        self.abort.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, self.tasks.wait()).await;
        Drained::Abandoned
    }
}

async fn caught<T>(name: &'static str, task: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(task).catch_unwind().await {
        Ok(value) => Some(value),
        Err(_) => {
            tracing::error!(task = name, class = "internal_panic", "a task panicked; the relay goes on without it");
            None
        }
    }
}

/// How long interrupted tasks may take to say what they leave behind.
const LAST_WORDS: Duration = Duration::from_secs(1);
