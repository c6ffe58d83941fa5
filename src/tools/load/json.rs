//! What a run came to, for programs. Names stay as they are; new ones may come.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::latency::Latency;
use super::schedule::Schedule;
use super::tally::{Counts, Tally};
use super::timeline::Timeline;
use super::verify::Verified;
use super::work::{Ending, Outcome, Pace, Work};

/// The report of a run as one object. Latencies are in milliseconds.
pub fn json(work: &Work, outcome: &Outcome, verified: Option<&Verified>) -> Value {
    let Outcome { tally, timeline, elapsed, unanswered, unsent, cpu_seconds, threads, ending, .. } = outcome;
    let all = tally.items();
    let rate = |count: u64| count as f64 / elapsed.as_secs_f64().max(1e-6);
    let signals: Map<String, Value> =
        tally.signals.iter().map(|(signal, counts)| (signal.name().to_owned(), items(*counts))).collect();
    json!({
        "run": work.run,
        "endpoint": work.endpoint,
        "protocol": work.protocol,
        "ended": match ending {
            Ending::Done => "done",
            Ending::Interrupted => "interrupted",
            Ending::GaveUp => "gave_up",
        },
        "mode": match work.pace {
            Pace::Closed => "closed",
            Pace::Open(_) => "open",
        },
        "schedule": schedule(work.pace),
        "items_per_request": work.items_per_request,
        "connections": work.connections,
        "concurrency": work.concurrency,
        "threads": threads,
        "elapsed_seconds": elapsed.as_secs_f64(),
        "requests": {
            "sent": tally.requests() + unanswered,
            "accepted": tally.accepted,
            "failed": tally.failed,
            "unanswered": unanswered,
            "late": tally.late,
            "unsent": unsent,
            "retries": tally.retries,
        },
        "items": items(all),
        "signals": signals,
        "bytes": {"messages": tally.messages.0, "bodies": tally.bodies.0},
        "rates": {
            "requests_per_second": rate(tally.requests()),
            "accepted_items_per_second": rate(all.accepted.0),
            "body_bytes_per_second": rate(tally.bodies.0),
        },
        "latency_ms": latency(&tally.latency),
        "rejection": tally.rejection.as_deref(),
        "failures": failures(tally),
        "timeline": course(timeline),
        "cpu_seconds": cpu_seconds,
        "verified": verified.map(checked),
    })
}

/// What was asked for in an open loop.
fn schedule(pace: Pace) -> Value {
    match pace {
        Pace::Closed => Value::Null,
        Pace::Open(Schedule { rate, ramp }) => {
            json!({"requests_per_second": rate, "ramp_seconds": ramp.as_secs_f64()})
        }
    }
}

fn items(counts: Counts) -> Value {
    let Counts { sent, accepted, rejected, failed } = counts;
    json!({"sent": sent.0, "accepted": accepted.0, "rejected": rejected.0, "failed": failed.0})
}

fn latency(latency: &Latency) -> Value {
    let millis = |time: Option<Duration>| time.map(|time| time.as_micros() as f64 / 1e3);
    json!({
        "count": latency.count(),
        "min": millis(latency.shortest()),
        "mean": millis(latency.mean()),
        "p50": millis(latency.at(0.5)),
        "p90": millis(latency.at(0.9)),
        "p99": millis(latency.at(0.99)),
        "p99_9": millis(latency.at(0.999)),
        "max": millis(latency.longest()),
    })
}

fn failures(tally: &Tally) -> Value {
    let failures = tally.failures.iter().map(|(class, failed)| {
        json!({
            "class": class.to_string(),
            "requests": failed.requests,
            "items": failed.items.0,
            "first_cause": failed.cause,
            "help": format!("otlp-relay explain {class}"),
        })
    });
    failures.collect()
}

fn course(timeline: &Timeline) -> Value {
    let points = timeline.points.iter().zip(1..).map(|(point, number)| {
        json!({
            "until_seconds": (timeline.step * number).as_secs_f64(),
            "accepted": point.accepted,
            "failed": point.failed,
            "items": point.items.0,
            "latency_ms": latency(&point.latency),
        })
    });
    points.collect()
}

fn checked(verified: &Verified) -> Value {
    let signals: Map<String, Value> = verified
        .signals
        .iter()
        .map(|(signal, checked)| {
            let checked = json!({
                "acknowledged": checked.acknowledged,
                "unacknowledged": checked.unacknowledged,
                "arrived": checked.arrived,
                "doubled": checked.doubled,
                "lost": checked.lost,
            });
            (signal.name().to_owned(), checked)
        })
        .collect();
    json!({"clean": verified.is_clean(), "signals": signals})
}
