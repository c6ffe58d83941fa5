//! Which of several targets takes the data of an exporter or connector: a gauge, counters, log lines and the state.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Class;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::telemetry::Watch;
use crate::telemetry::clock::Moment;
use crate::telemetry::registry::Registry;
use crate::telemetry::series::Gauge;
use crate::telemetry::state::{ExporterState, Routing};

/// Watches the targets of one exporter or connector, for one signal.
pub struct Switches {
    id: Arc<ComponentId>,
    signal: Signal,
    targets: Vec<Arc<str>>,
    level: Gauge,
    registry: Registry,
    state: Arc<ExporterState>,
    pace: Mutex<Pace>,
}

/// Another target takes over.
#[derive(Clone, Copy, Debug)]
pub struct Switched<'a> {
    /// The target before; none when all of them failed.
    pub from: Option<&'a str>,
    /// The target from now on; none when all of them fail.
    pub to: Option<&'a str>,
    /// The place of `to` in the order of preference, from 0.
    pub level: Option<usize>,
    /// Why, as one clause.
    pub reason: &'a str,
    /// What is wrong with the one before, if something is.
    pub class: Option<Class>,
    /// The same in words.
    pub cause: &'a str,
}

/// Bounds the lines of targets that come and go.
struct Pace {
    since: Instant,
    said: u32,
    folded: u64,
}

impl Switches {
    /// `id` prefers the first of `targets`, which are known by these names. The gauge
    /// `otelcol_connector_failover_active_level` shows the active one by its place, from 0, or -1 when all of them fail: the
    /// contrib failover connector's metric, and here an exporter's with fallbacks, too.
    pub fn new(
        id: &Arc<ComponentId>,
        signal: Signal,
        targets: Vec<Arc<str>>,
        state: Arc<ExporterState>,
        watch: &Watch,
    ) -> Switches {
        let name = id.to_string();
        let help = "The place of the active target in the order of preference; -1 when all of them fail";
        let labels = [("connector", name.as_str()), ("data_type", signal.name())];
        let level = watch.registry.gauge(ACTIVE_LEVEL, help, &labels);
        level.set(0.0);
        state.routed(Routing {
            targets: targets.clone(),
            active: Some(0),
            since: Moment::now(),
            because: None,
            next_look: None,
        });
        let pace = Mutex::new(Pace { since: Instant::now(), said: 0, folded: 0 });
        let switches =
            Switches { id: Arc::clone(id), signal, targets, level, registry: watch.registry.clone(), state, pace };
        for target in &switches.targets {
            switches.count(target, 0);
        }
        switches
    }

    /// Forgets the gauge of an exporter or connector that is no more.
    pub fn forget(id: &ComponentId, signal: Signal, registry: &Registry) {
        registry.forget(ACTIVE_LEVEL, &[("connector", &id.to_string()), ("data_type", signal.name())]);
    }

    /// Another target takes over.
    pub fn switched(&self, switch: &Switched<'_>) {
        self.level.set(switch.level.map_or(-1.0, |level| level as f64));
        self.count(switch.to.unwrap_or_default(), 1);
        self.state.routed(Routing {
            targets: self.targets.clone(),
            active: switch.level,
            since: Moment::now(),
            because: switch.class.map(|class| (class, switch.cause.to_owned())),
            next_look: None,
        });
        let Some(folded) = self.may_speak() else { return };
        let (id, data_type, folded) = (&self.id, self.signal.name(), (folded != 0).then_some(folded));
        let (from, to, reason) = (switch.from.unwrap_or("none"), switch.to.unwrap_or("none"), switch.reason);
        match (switch.class, switch.to) {
            (None, _) => tracing::info!(exporter = %id, data_type, from, to, reason, folded, "switched back"),
            (Some(class), Some(_)) => tracing::warn!(
                class = class.code(), exporter = %id, data_type, from, to, reason, cause = switch.cause, folded,
                "switched to a fallback"
            ),
            (Some(class), None) => tracing::warn!(
                class = class.code(), exporter = %id, data_type, from, reason, cause = switch.cause, folded,
                "every fallback fails, too; data is kept and tried again"
            ),
        }
    }

    fn count(&self, to: &str, n: u64) {
        let name = self.id.to_string();
        let labels = [("exporter", name.as_str()), ("data_type", self.signal.name()), ("to", to)];
        let help = "How often another target took over; an empty \"to\": all of them failed";
        self.registry.counter("otelcol_exporter_fallback_switches", help, &labels).add(n);
    }

    /// How many switches were not told before this one; none where this one is not told either.
    fn may_speak(&self) -> Option<u64> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if pace.since + WINDOW <= now {
            (pace.since, pace.said) = (now, 0);
        }
        if MOST_LINES <= pace.said {
            pace.folded += 1;
            return None;
        }
        pace.said += 1;
        Some(std::mem::take(&mut pace.folded))
    }
}

const ACTIVE_LEVEL: &str = "otelcol_connector_failover_active_level";

/// In so long no more than [`MOST_LINES`] are written.
const WINDOW: Duration = Duration::from_secs(60);

const MOST_LINES: u32 = 10;
