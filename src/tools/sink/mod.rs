//! `sink`: what a load test is pointed at. It takes everything with the relay's own receiver, keeps nothing, counts, tells
//! the items of a load generator apart, and fails as it is told to.
//!
//! ```text
//! request -> Port (deals a fate) -> OtlpServer -> Visit (latency, fault) -> Ledger (counts, runs)
//! ```
//!
//! Whatever is refused, hangs or is reset was not taken and is not counted. Only a lost answer was: it is what makes
//! duplicates.

mod desk;
mod dice;
mod faults;
mod ledger;
mod port;
mod report;
mod runs;
mod slow;
mod words;

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::ListenAddress;
use crate::flow::{Consume, Consumed, Lifetime, Receipt, Workers};
use crate::memory;
use crate::payload::{Budget, Payload};
use crate::protocol::Protocol;
use crate::receivers::otlp::{Entries, MessageLimits, OtlpServer, Sign};
use crate::signal::Signal;
use crate::transport::server::{self, Listener, Terms};
use crate::units::ByteCount;

pub use desk::{Paper, Status};
pub use faults::{Asked, BadAsk};
pub use report::{Count, Report, RunReport};
pub use runs::RunFigures;

use faults::Faults;
use ledger::{Ledger, Refused};
use port::Port;

/// A sink: its counts, and how it answers.
pub struct Sink {
    ledger: Arc<ArcSwap<Ledger>>,
    conduct: ArcSwap<Conduct>,
    budget: Arc<Budget>,
    instance: Arc<str>,
}

/// How requests are answered at the moment.
struct Conduct {
    server: Arc<OtlpServer>,
    faults: Faults,
}

/// Where a sink listens for one of the protocols; both are served there.
pub struct Place<'a> {
    /// The socket.
    pub listener: &'a Listener,
    /// What the port is for.
    pub protocol: Protocol,
    /// The port for the other protocol, to be told to who errs.
    pub elsewhere: &'a ListenAddress,
    /// TLS and the bounds of connections.
    pub terms: Terms,
}

impl Sink {
    /// A sink that fails as `asked`, and listens nowhere yet. Requests in hand may take half of the memory that there is.
    ///
    /// # Errors
    /// What is asked for and cannot be.
    pub fn new(asked: &Asked) -> Result<Arc<Sink>, BadAsk> {
        let budget = Budget::new(ByteCount(memory::available().0 / 2));
        let (ledger, instance) = (Arc::new(ArcSwap::from_pointee(Ledger::new())), uuid::Uuid::new_v4().to_string());
        let instance: Arc<str> = instance.into();
        let conduct = ArcSwap::from_pointee(Conduct::of(asked, &budget, &instance, &ledger)?);
        Ok(Arc::new(Sink { ledger, conduct, budget, instance }))
    }

    /// Answers what comes to `place` until the intake of `lifetime` ends.
    ///
    /// # Errors
    /// When the system gives no file descriptor for it.
    pub fn serve(self: &Arc<Self>, place: Place<'_>, workers: &Workers, lifetime: &Lifetime) -> io::Result<()> {
        let sign = Sign::new(place.protocol, Some(place.elsewhere));
        let port = Port { sink: Arc::clone(self), sign, lifetime: lifetime.clone() };
        let terms = Arc::new(ArcSwap::from_pointee(place.terms));
        server::serve(place.listener, workers, lifetime, terms, Arc::new(port))
    }

    /// From the next request on fails as `asked`. Chance begins anew.
    ///
    /// # Errors
    /// What is asked for and cannot be: then all stays as it is.
    pub fn fail(&self, asked: &Asked) -> Result<(), BadAsk> {
        self.conduct.store(Arc::new(Conduct::of(asked, &self.budget, &self.instance, &self.ledger)?));
        Ok(())
    }

    /// What it is asked to do wrong.
    pub fn asked(&self) -> Asked {
        self.conduct.load().faults.asked().clone()
    }

    /// Forgets everything that was counted. What is under way counts for what is forgotten.
    pub fn reset(&self) {
        self.ledger.store(Arc::new(Ledger::new()));
    }

    /// Everything that was counted.
    pub fn report(&self) -> Report {
        self.ledger.load().report()
    }

    /// What is known of `run`.
    pub fn run(&self, run: &str) -> Option<RunReport> {
        self.ledger.load().run(run)
    }
}

impl Conduct {
    fn of(
        asked: &Asked,
        budget: &Arc<Budget>,
        instance: &Arc<str>,
        ledger: &Arc<ArcSwap<Ledger>>,
    ) -> Result<Conduct, BadAsk> {
        let faults = Faults::of(asked)?;
        let limit = faults.limit.unwrap_or(LARGEST);
        let limits = MessageLimits { grpc: limit, http: limit };
        let mut entries = Entries::new();
        for signal in Signal::ALL {
            entries = entries.with(Protocol::Grpc, signal, Arc::new(Listed));
        }
        let refused = Arc::new(Refused(Arc::clone(ledger)));
        let server = OtlpServer::new(limits, entries, Arc::clone(budget), Arc::clone(instance), refused);
        Ok(Conduct { server, faults })
    }
}

/// Stands for a signal among what reflection lists. Each request brings the stage with it that it goes to.
struct Listed;

impl Consume for Listed {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        Box::pin(std::future::ready(Ok(Receipt::empty())))
    }
}

/// The largest request, unless a limit is set.
const LARGEST: ByteCount = ByteCount::mib(64);
