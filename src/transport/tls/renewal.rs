//! How files that are renewed while the relay runs get into use, without a connection or a handshake that suffers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::TlsProblem;

/// Something made of files. They are read again when it is asked for and they may be out of date; what was made of them
/// stays in use as long as they cannot be used.
pub(in crate::transport) struct Renewed<M, T> {
    /// Whose files they are, for the log.
    owner: String,
    interval: Option<Duration>,
    read: Read<M>,
    make: Make<M, T>,
    state: Mutex<State<M, T>>,
}

/// Reads the files, given what was read before.
type Read<M> = Box<dyn Fn(Option<&M>) -> Result<M, TlsProblem> + Send + Sync>;

/// Makes what is used of what was read.
type Make<M, T> = Box<dyn Fn(&M) -> Result<T, TlsProblem> + Send + Sync>;

struct State<M, T> {
    material: Arc<M>,
    made: Arc<T>,
    looked: Instant,
    /// One look at a time: a file that does not answer holds up one thread only.
    look: Look,
    /// What was last complained of.
    problem: Option<TlsProblem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Done,
    Underway,
}

impl<M: PartialEq + Send + Sync + 'static, T: Send + Sync + 'static> Renewed<M, T> {
    /// Reads and makes it for the first time.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(in crate::transport) fn load(
        owner: String,
        interval: Option<Duration>,
        read: impl Fn(Option<&M>) -> Result<M, TlsProblem> + Send + Sync + 'static,
        make: impl Fn(&M) -> Result<T, TlsProblem> + Send + Sync + 'static,
    ) -> Result<Arc<Renewed<M, T>>, TlsProblem> {
        let material = Arc::new(read(None)?);
        let made = Arc::new(make(&material)?);
        let state = State { material, made, looked: Instant::now(), look: Look::Done, problem: None };
        let (read, make) = (Box::new(read), Box::new(make));
        Ok(Arc::new(Renewed { owner, interval, read, make, state: Mutex::new(state) }))
    }

    /// What is in use now.
    pub(in crate::transport) fn current(&self) -> Arc<T> {
        Arc::clone(&self.lock().made)
    }

    /// What is in use, after a look at the files where it is time for one.
    pub(in crate::transport) async fn fresh(self: &Arc<Self>) -> Arc<T> {
        if self.takes_the_look() {
            let this = Arc::clone(self);
            // A file may be slow. A look that panics is one without a finding.
            let _ = tokio::task::spawn_blocking(move || this.look()).await;
        }
        self.current()
    }

    fn takes_the_look(&self) -> bool {
        let Some(interval) = self.interval else { return false };
        let mut state = self.lock();
        let due = state.look == Look::Done && interval <= state.looked.elapsed();
        if due {
            state.look = Look::Underway;
            state.looked = Instant::now();
        }
        due
    }

    /// Looks at the files, whenever that was done last. What cannot be used is logged, and what is in use stays so.
    pub(in crate::transport) fn look(&self) {
        let old = Arc::clone(&self.lock().material);
        let found = (self.read)(Some(&old)).and_then(|material| {
            if material == *old { Ok(None) } else { Ok(Some(((self.make)(&material)?, material))) }
        });
        let mut state = self.lock();
        state.look = Look::Done;
        match found {
            Ok(None) => state.problem = None,
            Ok(Some((made, material))) => {
                (state.made, state.material, state.problem) = (Arc::new(made), Arc::new(material), None);
                tracing::info!(tls = self.owner, "renewed certificates are in use");
            }
            Err(problem) if state.problem.as_ref() == Some(&problem) => {}
            Err(problem) => {
                let class = problem.mistake.code();
                tracing::error!(class, tls = self.owner, %problem, "renewed certificates cannot be used; the old ones stay in use");
                state.problem = Some(problem);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
