//! Looks at the certificates in use: how many days they have left is a gauge, and few of them are a warning once a day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::exporters::otlp::Certificates;
use crate::failure::Class;
use crate::ident::ComponentId;
use crate::telemetry::Registry;
use crate::transport::server::TlsServer;

/// The certificates of a configuration. They hold no stage.
pub(super) struct InUse {
    pub(super) exporters: BTreeMap<ComponentId, Certificates>,
    pub(super) receivers: Vec<(ComponentId, Arc<TlsServer>)>,
}

/// Looks at certificates until it is dropped.
pub(super) struct Watchman {
    registry: Registry,
    task: JoinSet<()>,
    /// What there may be gauges of.
    shown: Vec<Held>,
}

/// A certificate, by who has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// The server's that an exporter sends to.
    Server(ComponentId),
    /// An exporter's own.
    Client(ComponentId),
    /// A receiver's.
    Receiver(ComponentId),
}

impl Watchman {
    pub(super) fn new(registry: Registry) -> Watchman {
        Watchman { registry, task: JoinSet::new(), shown: Vec::new() }
    }

    /// From now on looks at these.
    pub(super) fn watch(&mut self, certificates: InUse) {
        self.task.abort_all();
        self.task = JoinSet::new();
        for held in std::mem::replace(&mut self.shown, certificates.possible()) {
            held.forget(&self.registry);
        }
        let registry = self.registry.clone();
        self.task.spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut warned = BTreeMap::new();
            loop {
                ticks.tick().await;
                for (held, end) in certificates.ends() {
                    let days = days_left(end);
                    held.show(days, &registry);
                    if days < SOON
                        && !held.is_told_elsewhere(days)
                        && warned.get(&held).is_none_or(|at: &Instant| A_DAY <= at.elapsed())
                    {
                        held.warn(days, end);
                        warned.insert(held, Instant::now());
                    }
                }
            }
        });
    }
}

impl InUse {
    fn possible(&self) -> Vec<Held> {
        let exporters = self.exporters.keys().flat_map(|id| [Held::Server(id.clone()), Held::Client(id.clone())]);
        exporters.chain(self.receivers.iter().map(|(id, _)| Held::Receiver(id.clone()))).collect()
    }

    fn ends(&self) -> Vec<(Held, SystemTime)> {
        let mut ends = Vec::new();
        for (id, certificates) in &self.exporters {
            let (server, own) = certificates.ends();
            ends.extend(server.map(|end| (Held::Server(id.clone()), end)));
            ends.extend(own.map(|end| (Held::Client(id.clone()), end)));
        }
        let mut receivers: BTreeMap<&ComponentId, SystemTime> = BTreeMap::new();
        for (id, end) in self.receivers.iter().filter_map(|(id, tls)| Some((id, tls.end()?))) {
            let first = receivers.entry(id).or_insert(end);
            *first = end.min(*first);
        }
        ends.extend(receivers.into_iter().map(|(id, end)| (Held::Receiver(id.clone()), end)));
        ends
    }
}

impl Held {
    fn show(&self, days: f64, registry: &Registry) {
        let id = self.id().to_string();
        registry.gauge(self.metric(), self.help(), &self.labels(&id)).set(days);
    }

    fn forget(&self, registry: &Registry) {
        let id = self.id().to_string();
        registry.forget(self.metric(), &self.labels(&id));
    }

    fn id(&self) -> &ComponentId {
        match self {
            Held::Server(id) | Held::Client(id) | Held::Receiver(id) => id,
        }
    }

    fn metric(&self) -> &'static str {
        match self {
            Held::Server(_) => "otelcol_exporter_certificate_days_left",
            Held::Client(_) => "otelcol_exporter_client_certificate_days_left",
            Held::Receiver(_) => "otelcol_receiver_certificate_days_left",
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Held::Server(_) => "Days until the certificate that the backend showed last ends; negative when it has",
            Held::Client(_) => "Days until the exporter's own certificate ends; negative when it has",
            Held::Receiver(_) => "Days until the receiver's certificate ends; negative when it has",
        }
    }

    fn labels<'a>(&self, id: &'a str) -> [(&'static str, &'a str); 1] {
        match self {
            Held::Server(_) | Held::Client(_) => [("exporter", id)],
            Held::Receiver(_) => [("receiver", id)],
        }
    }

    /// The end of a backend's certificate that has come is told as a failure of its exporter.
    fn is_told_elsewhere(&self, days: f64) -> bool {
        matches!(self, Held::Server(_)) && days < 0.0
    }

    fn warn(&self, days: f64, end: SystemTime) {
        let until = httpdate::fmt_http_date(end);
        let days = days.floor() as i64;
        macro_rules! warn {
            ($whose:ident = $id:expr, $class:expr, $remedy:expr, $words:expr) => {
                tracing::warn!($whose = %$id, days_left = days, until, class = $class, remedy = $remedy, $words)
            };
        }
        match self {
            Held::Server(id) => warn!(
                exporter = id,
                Class::TlsCertificateExpired.code(),
                "renew the backend's certificate",
                "the backend's certificate ends soon"
            ),
            Held::Client(id) => warn!(
                exporter = id,
                Class::TlsClientCertificateRejected.code(),
                "renew the certificate of tls::cert_file",
                "the exporter's own certificate ends soon"
            ),
            Held::Receiver(id) => warn!(
                receiver = id,
                Class::PeerRejectedOurCertificate.code(),
                "renew the certificate of tls::cert_file",
                "the receiver's certificate ends soon"
            ),
        }
    }
}

fn days_left(end: SystemTime) -> f64 {
    let seconds = match end.duration_since(SystemTime::now()) {
        Ok(left) => left.as_secs_f64(),
        Err(past) => -past.duration().as_secs_f64(),
    };
    seconds / A_DAY.as_secs_f64()
}

/// A certificate is read when it is renewed or shown; this only looks at what is known of it.
const EVERY: Duration = Duration::from_secs(2);
const A_DAY: Duration = Duration::from_secs(86_400);
/// In days: who renews certificates by hand wants to know by then.
const SOON: f64 = 14.0;
