//! The status as JSON: the fields of `proto/otlp_relay/diagnostics/v1/diagnostics.proto`, times as RFC 3339 in UTC.
//!
//! What is not there is null, so that every field can be counted on. Fields are added, never renamed.

use serde_json::{Value, json};

use crate::interface::diagnostics as shown;
use crate::telemetry::clock::Moment;

/// The whole status.
pub(in crate::admin) fn to_json(status: &shown::RelayStatus) -> Value {
    let shown::RelayStatus { time_unix_nano, started_unix_nano, .. } = *status;
    json!({
        "version": status.version,
        "instance": status.instance,
        "state": status.state,
        "exporting": status.exporting,
        "time": time(time_unix_nano),
        "started": time(started_unix_nano),
        "uptime_seconds": time_unix_nano.saturating_sub(started_unix_nano) / 1_000_000_000,
        "configuration": status.configuration,
        "warnings": status.warnings,
        "receivers": list(&status.receivers, receiver),
        "pipelines": list(&status.pipelines, pipeline),
        "exporters": list(&status.exporters, exporter),
        "events": list(&status.events, event),
        "clients": list(&status.clients, client),
        "extensions": status.extensions,
    })
}

fn receiver(of: &shown::Receiver) -> Value {
    let listener = |listener: &shown::Listener| json!({"protocol": listener.protocol, "address": listener.address, "security": listener.security});
    let flow = |flow: &shown::ReceiverFlow| {
        let shown::ReceiverFlow { signal, accepted, refused, per_second } = flow;
        json!({"signal": signal, "accepted": accepted, "refused": refused, "per_second": per_second})
    };
    json!({"id": of.id, "listeners": list(&of.listeners, listener), "flows": list(&of.flows, flow)})
}

fn pipeline(of: &shown::Pipeline) -> Value {
    let shown::Pipeline { id, signal, receivers, processors, exporters } = of;
    json!({"id": id, "signal": signal, "receivers": receivers, "processors": processors, "exporters": exporters})
}

fn exporter(of: &shown::Exporter) -> Value {
    let phase = |phase: &shown::Phase| json!({"name": phase.name, "seconds": phase.seconds, "of": phase.of});
    json!({
        "id": of.id,
        "state": of.state,
        "flows": list(&of.flows, flow),
        "phases": list(&of.phases, phase),
        "certificate_days_left": of.certificate_days_left,
    })
}

fn flow(of: &shown::ExporterFlow) -> Value {
    json!({
        "signal": of.signal,
        "state": of.state,
        "endpoint": of.endpoint,
        "sent": of.sent,
        "send_failed": of.send_failed,
        "enqueue_failed": of.enqueue_failed,
        "per_second": of.per_second,
        "last_success": time(of.last_success_unix_nano),
        "next_try": time(of.next_try_unix_nano),
        "queue": of.queue.as_ref().map(queue),
        "trouble": of.trouble.as_ref().map(trouble),
        "recovery": of.recovery.as_ref().map(recovery),
        "routing": of.routing.as_ref().map(routing),
        "dead_lettered": of.dead_lettered,
    })
}

fn queue(of: &shown::Queue) -> Value {
    let shown::Queue { size, capacity, unit, oldest_seconds, in_flight, disk_bytes } = of;
    json!({
        "size": size, "capacity": capacity, "unit": unit, "oldest_seconds": oldest_seconds, "in_flight": in_flight,
        "disk_bytes": disk_bytes,
    })
}

fn trouble(of: &shown::Trouble) -> Value {
    json!({
        "class": of.class,
        "family": of.family,
        "phase": of.phase,
        "endpoint": of.endpoint,
        "since": time(of.since_unix_nano),
        "latest": time(of.latest_unix_nano),
        "failed_attempts": of.failed_attempts,
        "cause": of.cause,
        "meaning": of.meaning,
        "remedy": of.remedy,
        "edit": (!of.edit.is_empty()).then_some(&of.edit),
    })
}

fn routing(of: &shown::Routing) -> Value {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "targets": of.targets,
        "active": some(&of.active),
        "since": time(of.since_unix_nano),
        "because": some(&of.because),
        "cause": some(&of.cause),
        "standing_by": of.standing_by,
        "next_look": some(&of.next_look),
        "next_look_at": time(of.next_look_unix_nano),
    })
}

fn recovery(of: &shown::Recovery) -> Value {
    json!({"class": of.class, "since": time(of.since_unix_nano), "until": time(of.until_unix_nano)})
}

fn event(of: &shown::Event) -> Value {
    json!({
        "exporter": of.exporter,
        "signals": of.signals,
        "class": of.class,
        "family": of.family,
        "phase": of.phase,
        "endpoint": of.endpoint,
        "cause": of.cause,
        "meaning": of.meaning,
        "remedy": of.remedy,
        "count": of.count,
        "first": time(of.first_unix_nano),
        "last": time(of.last_unix_nano),
        "state": of.state,
    })
}

fn client(of: &shown::Client) -> Value {
    json!({
        "address": of.address,
        "protocol": of.protocol,
        "class": of.class,
        "cause": of.cause,
        "meaning": of.meaning,
        "remedy": of.remedy,
        "count": of.count,
        "first": time(of.first_unix_nano),
        "last": time(of.last_unix_nano),
    })
}

fn list<T>(of: &[T], each: impl Fn(&T) -> Value) -> Value {
    of.iter().map(each).collect()
}

/// 0 stands for a moment that has not come.
fn time(unix_nanos: u64) -> Option<String> {
    (unix_nanos != 0).then(|| Moment::from_unix_nanos(unix_nanos).to_string())
}
