//! What is shown of recent failures: those of all signals of an exporter that are alike are one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::Phase;
use crate::interface::diagnostics as shown;
use crate::telemetry::clock::Moment;
use crate::telemetry::{Event, ExporterState};

use super::{Running, bare};

/// All of them, the latest first.
pub(super) fn events(running: &Running, now: Moment) -> Vec<shown::Event> {
    let mut folded = BTreeMap::new();
    for (state, _) in &running.chains {
        let failing = state.snapshot().trouble;
        for event in state.events() {
            let goes_on =
                failing.as_ref().is_some_and(|trouble| trouble.class == event.class) || is_refusal(&event, now);
            fold(&mut folded, state, event, if goes_on { ONGOING } else { OVER });
        }
    }
    let mut events: Vec<shown::Event> = folded.into_values().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.last_unix_nano));
    events
}

/// What makes failures one event: exporter, class, endpoint, cause.
type Key = (String, &'static str, Option<String>, String);

fn fold(into: &mut BTreeMap<Key, shown::Event>, of: &ExporterState, event: Event, state: &'static str) {
    let row = event.class.row();
    let (exporter, signal) = (of.exporter().to_string(), of.signal().name().to_owned());
    let Event { class: _, phase, endpoint, cause, count, first, last, phases: _ } = event;
    let fresh = shown::Event {
        exporter: exporter.clone(),
        signals: Vec::new(),
        class: row.code.to_owned(),
        family: row.family.name().to_owned(),
        phase: phase.name().to_owned(),
        endpoint: bare(endpoint.as_deref().unwrap_or_default()),
        cause: cause.clone(),
        meaning: row.meaning.to_owned(),
        remedy: row.remedy.to_owned(),
        count: 0,
        first_unix_nano: first.unix_nanos(),
        last_unix_nano: 0,
        state: state.to_owned(),
    };
    let known = into.entry((exporter, row.code, endpoint, cause)).or_insert(fresh);
    known.signals.push(signal);
    known.count += count;
    known.first_unix_nano = known.first_unix_nano.min(first.unix_nanos());
    known.last_unix_nano = known.last_unix_nano.max(last.unix_nanos());
    if state == ONGOING {
        state.clone_into(&mut known.state);
    }
}

/// Whether the queue refuses data these days: nothing tells of its end.
fn is_refusal(event: &Event, now: Moment) -> bool {
    matches!(event.phase, Phase::Queue | Phase::Storage | Phase::Local) && now.since(event.last) < RECENT
}

/// Senders try again sooner.
const RECENT: Duration = Duration::from_secs(30);

const ONGOING: &str = "ongoing";

const OVER: &str = "over";
