//! How a run begins: everything that can fail is done before the first socket takes data.

use std::io;

use crate::config::Problems;
use crate::telemetry::LogFileError;
use crate::transport::server::BindError;

/// Why the relay could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration asks for something that is not there: a certificate file, a key that does not match.
    #[error("cannot start: {0}")]
    Problems(#[from] Problems),
    /// A port or address cannot be listened on.
    #[error("cannot start: {0}")]
    Bind(#[from] BindError),
    /// A log file cannot be opened.
    #[error("cannot start: {0}")]
    Log(#[from] LogFileError),
    /// The system refuses a thread or a signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}
