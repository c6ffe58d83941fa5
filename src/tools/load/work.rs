//! What load is to be generated, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::Schedule;
use super::tally::Tally;
use super::template::Format;
use super::timeline::Timeline;
use crate::config::{Exporter, Retry};
use crate::ident::ComponentId;
use crate::signal::Signal;

/// What is to be sent, and how.
#[derive(Clone, Debug)]
pub struct Work {
    /// The name of the exporter.
    pub id: Arc<ComponentId>,
    /// Where to, with TLS, headers, compression and timeout: an `otlp_grpc` or `otlp_http` exporter.
    pub exporter: Exporter,
    /// Where that is, for the report.
    pub endpoint: String,
    /// What is spoken there, for the report.
    pub protocol: String,
    /// How requests are written: as the exporter says that they are.
    pub format: Format,
    /// What the run is called: the resource attribute of its items.
    pub run: String,
    /// The signals, which take turns.
    pub signals: Vec<Signal>,
    /// Items in a request, at least one.
    pub items_per_request: u64,
    /// The length of an attribute that each item has beside the usual ones, in bytes; none for 0.
    pub attribute_size: usize,
    /// Connections, at least one.
    pub connections: usize,
    /// Requests that may be under way on each connection, at least one.
    pub concurrency: usize,
    /// Threads, at least one. No more are started than there are connections.
    pub threads: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// For how long; no end without it.
    pub duration: Option<Duration>,
    /// How many items, of all signals; no end without it.
    pub count: Option<u64>,
    /// How failed requests are sent again; not at all without it.
    pub retry: Option<Retry>,
    /// After so long without any success it ends; never without it.
    pub give_up: Option<Duration>,
    /// How long answers are waited for when nothing more is sent.
    pub grace: Duration,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each when the one before it is answered.
    Closed,
    /// By a schedule, whatever becomes of those before. Latency counts from when a request was due.
    Open(Schedule),
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Sums over all requests.
    pub tally: Tally,
    /// Its course.
    pub timeline: Timeline,
    /// From the beginning to the last answer.
    pub elapsed: Duration,
    /// Requests that were sent and not answered when it ended.
    pub unanswered: u64,
    /// Items of each signal that were sent, whatever the outcome.
    pub sequences: Vec<(Signal, u64)>,
    /// Requests that were due and never sent, since too many others were under way.
    pub unsent: u64,
    /// Seconds of CPU that this process used, where that can be told.
    pub cpu_seconds: Option<f64>,
    /// How many threads sent.
    pub threads: usize,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was sent, or the time was up.
    Done,
    /// It was told to end.
    Interrupted,
    /// Nothing had succeeded for too long.
    GaveUp,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// How far it has come.
    Progress(&'a Live),
    /// A class of failures that was not there before: its name, cause and remedy.
    Failure(&'a str),
    /// It was told to end: nothing more is sent, and answers are waited for.
    Ending,
}

/// How far a run has come.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Items in requests whose outcome is known.
    pub items: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Items in a second, of late.
    pub items_per_second: f64,
    /// The median latency of late.
    pub p50: Option<Duration>,
    /// The latency that one in a hundred requests exceeded of late.
    pub p99: Option<Duration>,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// What the exporter cannot be made of, by its key.
    #[error(transparent)]
    Setup(#[from] crate::exporters::SetupProblem),
    /// The exporter has no place for a signal, or there are no shapes for it.
    #[error("{0} cannot be generated for this endpoint")]
    Signal(Signal),
    /// The threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] std::io::Error),
}
