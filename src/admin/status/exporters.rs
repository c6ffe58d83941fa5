//! What is shown of exporters: state, figures, queue, trouble, and how long the phases of a try take.

use crate::delivery::QueueLevel;
use crate::failure::Phase;
use crate::interface::diagnostics as shown;
use crate::telemetry::clock::Moment;
use crate::telemetry::{Condition, Event, ExporterState, Figures, Routing, Snapshot};

use super::{ExporterKind, ExporterLayout, Running, after, bare, sum_of};

/// All of them, in the order of the layout, with their signals together.
pub(super) fn exporters(running: &Running, figures: &Figures, now: Moment) -> Vec<shown::Exporter> {
    let mut found: Vec<shown::Exporter> = Vec::new();
    for layout in &running.layout.exporters {
        let id = layout.id.to_string();
        let flow = flow(layout, running, figures, now);
        match found.iter_mut().find(|exporter| exporter.id == id) {
            Some(exporter) => exporter.flows.push(flow),
            None => {
                let phases = phases(&id, running, figures);
                let certificate_days_left = figures.sum(CERTIFICATE, &[("exporter", &id)]);
                found.push(shown::Exporter {
                    id,
                    state: String::new(),
                    flows: vec![flow],
                    phases,
                    certificate_days_left,
                });
            }
        }
    }
    for exporter in &mut found {
        exporter.state = sum_of(exporter.flows.iter().map(|flow| flow.state.as_str())).to_owned();
    }
    found
}

fn flow(layout: &ExporterLayout, running: &Running, figures: &Figures, now: Moment) -> shown::ExporterFlow {
    let id = layout.id.to_string();
    let noun = layout.signal.facts().metric_noun;
    let count = |what| figures.count(&format!("otelcol_exporter_{what}_{noun}"), &[("exporter", &id)]);
    let chain = running.chains.iter().find(|(state, _)| is_of(state, layout));
    let snapshot = chain.map(|(state, _)| state.snapshot());
    let level = chain.map(|(_, level)| &**level);
    let next_try = level.and_then(QueueLevel::next_try);
    shown::ExporterFlow {
        signal: layout.signal.name().to_owned(),
        state: condition(layout, snapshot.as_ref(), count("fallback_sent")).name().to_owned(),
        endpoint: bare(&layout.endpoint),
        sent: count("sent"),
        send_failed: count("send_failed"),
        enqueue_failed: count("enqueue_failed"),
        per_second: None,
        last_success_unix_nano: snapshot.as_ref().and_then(|now| now.last_success).map_or(0, Moment::unix_nanos),
        next_try_unix_nano: next_try.map_or(0, |ahead| after(now, ahead)),
        queue: level.zip(layout.queue_unit).and_then(|(level, unit)| queue(level, unit)),
        trouble: snapshot.as_ref().and_then(trouble),
        routing: snapshot.as_ref().and_then(|snapshot| snapshot.routing.as_ref()).map(|of| routing(of, now)),
        dead_lettered: figures.count(&format!("otelcol_relay_dead_lettered_{noun}"), &[("exporter", &id)]),
        recovery: chain.and_then(|(state, _)| state.recovery()).map(|over| shown::Recovery {
            class: over.class.code().to_owned(),
            since_unix_nano: over.since.unix_nanos(),
            until_unix_nano: over.until.unix_nanos(),
        }),
    }
}

/// How it fares; `passed_on` are items that others delivered in its place.
fn condition(layout: &ExporterLayout, snapshot: Option<&Snapshot>, passed_on: u64) -> Condition {
    match (layout.kind, snapshot) {
        (_, None) => Condition::Idle,
        (ExporterKind::Exporter, Some(snapshot)) => snapshot.condition(),
        (ExporterKind::Failover, Some(snapshot)) => match &snapshot.routing {
            Some(routing) if routing.active.is_none() => Condition::Failing,
            _ if passed_on != 0 => Condition::Delivering,
            _ => Condition::Idle,
        },
    }
}

fn is_of(state: &ExporterState, layout: &ExporterLayout) -> bool {
    *state.exporter() == layout.id && state.signal() == layout.signal
}

fn queue(level: &QueueLevel, unit: &'static str) -> Option<shown::Queue> {
    Some(shown::Queue {
        size: level.size(),
        capacity: level.capacity()?,
        unit: unit.to_owned(),
        oldest_seconds: level.oldest_waiting().map(|oldest| oldest.as_secs_f64()),
        in_flight: level.in_flight(),
        disk_bytes: level.journal().map(|totals| totals.disk_bytes()),
    })
}

fn routing(routing: &Routing, now: Moment) -> shown::Routing {
    let active = routing.active.and_then(|at| routing.targets.get(at));
    let next_look = routing.next_look.as_ref();
    let (because, cause) =
        routing.because.as_ref().map_or_else(Default::default, |(class, cause)| (class.code(), cause.clone()));
    shown::Routing {
        targets: routing.targets.iter().map(ToString::to_string).collect(),
        active: active.map(ToString::to_string).unwrap_or_default(),
        since_unix_nano: routing.since.unix_nanos(),
        because: because.to_owned(),
        cause,
        standing_by: routing.standing_by().map(ToString::to_string).collect(),
        next_look: next_look.map(|(target, _)| target.to_string()).unwrap_or_default(),
        next_look_unix_nano: next_look.map_or(0, |(_, ahead)| after(now, *ahead)),
    }
}

fn trouble(snapshot: &Snapshot) -> Option<shown::Trouble> {
    let trouble = snapshot.trouble.as_ref()?;
    let row = trouble.class.row();
    Some(shown::Trouble {
        class: row.code.to_owned(),
        family: row.family.name().to_owned(),
        phase: row.phase.name().to_owned(),
        endpoint: bare(trouble.endpoint.as_deref().unwrap_or_default()),
        since_unix_nano: trouble.since.unix_nanos(),
        latest_unix_nano: trouble.latest.unix_nanos(),
        failed_attempts: snapshot.consecutive_failures,
        cause: trouble.cause.clone(),
        meaning: row.meaning.to_owned(),
        remedy: row.remedy.to_owned(),
        edit: trouble.edit.clone().unwrap_or_default(),
    })
}

/// The mean of all tries where it is measured, else what the last failed try took.
fn phases(id: &str, running: &Running, figures: &Figures) -> Vec<shown::Phase> {
    let means = figures.means(PHASES, &[("exporter", id)], "phase");
    if !means.is_empty() {
        let in_order = IN_ORDER.iter().filter_map(|phase| Some((phase.name(), *means.get(phase.name())?)));
        let mean =
            |(name, seconds): (&str, f64)| shown::Phase { name: name.to_owned(), seconds, of: "mean".to_owned() };
        return in_order.map(mean).collect();
    }
    let ours = running.chains.iter().filter(|(state, _)| state.exporter().to_string() == id);
    let events = ours.flat_map(|(state, _)| state.events());
    let latest: Option<Event> = events.filter(|event| !event.phases.is_empty()).max_by_key(|event| event.last);
    let phases = latest.into_iter().flat_map(|event| event.phases);
    let shown = phases.map(|(phase, took)| shown::Phase {
        name: phase.name().to_owned(),
        seconds: took.as_secs_f64(),
        of: "last_failure".to_owned(),
    });
    shown.collect()
}

/// The phases of a try, as one follows the other.
const IN_ORDER: [Phase; 7] =
    [Phase::Resolve, Phase::Connect, Phase::Proxy, Phase::Tls, Phase::Http2, Phase::Request, Phase::Response];

/// How many seconds each phase of a try takes, by `exporter` and `phase`.
const PHASES: &str = "otelcol_exporter_phase_duration";

/// Until the backend's certificate ends, by `exporter`.
const CERTIFICATE: &str = "otelcol_exporter_certificate_days_left";
