//! What the operating system asks of a running relay.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are listened to.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGINT or SIGTERM: to stop.
    Stop(&'static str),
    /// SIGHUP: to read the configuration again.
    Reload,
}

impl Signals {
    /// From now on these signals no longer kill the process.
    ///
    /// # Errors
    /// When the system does not let them be listened to.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// What the next signal asks for; with the Collector's word for it.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop("interrupt"),
            _ = self.terminate.recv() => Asked::Stop("terminated"),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
