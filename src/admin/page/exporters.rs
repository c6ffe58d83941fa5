//! Each exporter: what is wrong and what to do, its figures by signal, its queue, and the phases of a try.

use std::collections::BTreeMap;

use crate::interface::diagnostics::{Exporter, ExporterFlow, Queue, RelayStatus, Trouble};

use crate::units::ByteCount;

use super::super::html::Html;
use super::overview::sentence;
use super::words;

pub(super) fn write(html: &mut Html, status: &RelayStatus) {
    if status.exporters.is_empty() {
        return html.leaf("p", &[("class", "none")], "There are no exporters.");
    }
    html.element("ul", &[("class", "cards")], |html| {
        // What needs a person comes first.
        let (failing, others): (Vec<_>, Vec<_>) =
            status.exporters.iter().partition(|exporter| exporter.state == "failing");
        for exporter in failing.into_iter().chain(others) {
            let class = if exporter.state == "failing" { "card bad" } else { "card" };
            html.element("li", &[("class", class)], |html| card(html, status, exporter));
        }
    });
}

fn card(html: &mut Html, status: &RelayStatus, exporter: &Exporter) {
    html.element("h3", &[], |html| {
        html.text(&exporter.id);
        html.text(" ");
        words::badge(html, &exporter.state);
    });
    troubles(html, status, exporter);
    routings(html, status, exporter);
    flows(html, status, exporter);
    phases(html, exporter);
    if let Some(days) = exporter.certificate_days_left {
        let class = if days < NEAR_END { "times warn" } else { "times" };
        let words = if days < 0.0 {
            format!("The backend's certificate ended {:.0} days ago.", -days)
        } else {
            format!("The backend's certificate is good for {days:.0} more days.")
        };
        html.leaf("p", &[("class", class)], words);
    }
}

/// One text for signals that fail alike.
fn troubles(html: &mut Html, status: &RelayStatus, exporter: &Exporter) {
    let mut told: Vec<&Trouble> = Vec::new();
    for flow in &exporter.flows {
        match &flow.trouble {
            Some(trouble) if !told.iter().any(|other| is_alike(other, trouble)) => {
                self::trouble(html, status, exporter, trouble);
                told.push(trouble);
            }
            _ => {}
        }
    }
    recovered(html, status, exporter);
}

fn is_alike(one: &Trouble, other: &Trouble) -> bool {
    one.class == other.class && one.endpoint == other.endpoint
}

fn trouble(html: &mut Html, status: &RelayStatus, exporter: &Exporter, trouble: &Trouble) {
    let alike = |flow: &&ExporterFlow| flow.trouble.as_ref().is_some_and(|other| is_alike(trouble, other));
    let alike: Vec<&ExporterFlow> = exporter.flows.iter().filter(alike).collect();
    let troubles = || alike.iter().filter_map(|flow| flow.trouble.as_ref());
    let since = troubles().map(|trouble| trouble.since_unix_nano).min().unwrap_or(trouble.since_unix_nano);
    let attempts: u64 = troubles().map(|trouble| trouble.failed_attempts).sum();
    let next = alike.iter().map(|flow| flow.next_try_unix_nano).filter(|next| *next != 0).min();
    html.element("div", &[("class", "trouble")], |html| {
        html.element("p", &[("class", "meaning")], |html| {
            html.leaf("strong", &[], sentence(&trouble.meaning));
            html.text(" ");
            html.leaf("code", &[("class", "class")], &trouble.class);
        });
        html.element("dl", &[("class", "why")], |html| {
            html.leaf("dt", &[], "Remedy");
            html.leaf("dd", &[("class", "remedy")], sentence(&trouble.remedy));
            if !trouble.edit.is_empty() {
                html.leaf("dt", &[], "Edit");
                html.element("dd", &[], |html| html.leaf("code", &[], &trouble.edit));
            }
            html.leaf("dt", &[], "Cause");
            html.leaf("dd", &[], &trouble.cause);
            html.leaf("dt", &[], "Where");
            html.leaf("dd", &[], format_args!("{} (phase: {})", trouble.endpoint, trouble.phase));
        });
        html.element("p", &[("class", "times")], |html| {
            html.text(format_args!(
                "Failing for {} · {} failed tries",
                words::lasting(status, since),
                words::count(attempts)
            ));
            if let Some(next) = next {
                html.text(format_args!(" · next try {}", words::until(status, next)));
            }
        });
    });
}

/// Who gets the data of each signal, who stands by, why, and when the preferred one is tried again.
fn routings(html: &mut Html, status: &RelayStatus, exporter: &Exporter) {
    for flow in &exporter.flows {
        let Some(routing) = &flow.routing else { continue };
        if routing.targets.first() == Some(&routing.active) {
            let (active, others) = (&routing.active, routing.standing_by.join(", "));
            let words = format!("{}: {active} takes the data; {others} standing by", flow.signal);
            html.leaf("p", &[("class", "times")], words);
            continue;
        }
        html.element("p", &[("class", "times warn")], |html| {
            if routing.active.is_empty() {
                html.text(format_args!("{}: none of {} takes data ", flow.signal, routing.targets.join(", ")));
            } else {
                html.text(format_args!("{}: {} takes the data instead ", flow.signal, routing.active));
            }
            html.text(format_args!("for {}", words::lasting(status, routing.since_unix_nano)));
            if !routing.because.is_empty() {
                html.text(", because of ");
                html.leaf("code", &[("class", "class")], &routing.because);
            }
            if !routing.next_look.is_empty() {
                let when = words::until(status, routing.next_look_unix_nano);
                html.text(format_args!(" · {} is tried again {when}", routing.next_look));
            }
        });
    }
}

/// One line for each class that is over, with the signals that it was of.
fn recovered(html: &mut Html, status: &RelayStatus, exporter: &Exporter) {
    let mut over: BTreeMap<&str, (Vec<&str>, u64)> = BTreeMap::new();
    for flow in exporter.flows.iter().filter(|flow| flow.trouble.is_none()) {
        if let Some(recovery) = &flow.recovery {
            let (signals, until) = over.entry(&recovery.class).or_default();
            signals.push(&flow.signal);
            *until = recovery.until_unix_nano.max(*until);
        }
    }
    for (class, (signals, until)) in over {
        html.element("p", &[("class", "times")], |html| {
            html.text(format_args!("Recovered ({}) ", signals.join(", ")));
            words::ago(html, status, until);
            html.text(" from ");
            html.leaf("code", &[("class", "class")], class);
        });
    }
}

/// On a phone each cell says what it is, since the heads are gone.
fn flows(html: &mut Html, status: &RelayStatus, exporter: &Exporter) {
    html.element("table", &[], |html| {
        html.leaf("caption", &[("class", "unseen")], format_args!("{} by signal", exporter.id));
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                for head in HEADS {
                    html.leaf("th", &[("scope", "col")], head);
                }
            });
        });
        html.element("tbody", &[], |html| {
            for flow in &exporter.flows {
                html.element("tr", &[], |html| row(html, status, flow));
            }
        });
    });
    let kept: u64 = exporter.flows.iter().map(|flow| flow.dead_lettered).sum();
    if kept != 0 {
        html.leaf(
            "p",
            &[("class", "times")],
            format_args!("{} items are set aside as dead letters", words::count(kept)),
        );
    }
    let mut endpoints: Vec<&str> = exporter.flows.iter().map(|flow| flow.endpoint.as_str()).collect();
    endpoints.retain(|endpoint| !endpoint.is_empty());
    endpoints.dedup();
    if !endpoints.is_empty() {
        html.leaf("p", &[("class", "times")], format_args!("To {}", endpoints.join(", ")));
    }
}

fn row(html: &mut Html, status: &RelayStatus, flow: &ExporterFlow) {
    let [_, sent, failed, rate, queue, oldest, last] = HEADS;
    html.element("th", &[("scope", "row")], |html| html.text(&flow.signal));
    html.leaf("td", &[("data-head", sent)], words::count(flow.sent));
    html.leaf("td", &[("data-head", failed)], words::count(flow.send_failed + flow.enqueue_failed));
    html.leaf("td", &[("data-head", rate)], words::rate(flow.per_second));
    html.element("td", &[("data-head", queue)], |html| match &flow.queue {
        Some(queue) => depth(html, queue),
        None => html.text("none"),
    });
    let age = flow.queue.as_ref().and_then(|queue| queue.oldest_seconds);
    html.leaf("td", &[("data-head", oldest)], age.map_or_else(|| "–".to_owned(), words::took));
    html.element("td", &[("data-head", last)], |html| words::ago(html, status, flow.last_success_unix_nano));
}

fn depth(html: &mut Html, queue: &Queue) {
    let Queue { size, capacity, unit, .. } = queue;
    html.text(format_args!("{} of {} {unit}", words::count(*size), words::count(*capacity)));
    if let Some(bytes) = queue.disk_bytes {
        html.text(format_args!(", {} on disk", ByteCount(bytes)));
    }
    let [value, max, low, high] = [*size, *capacity, capacity / 2, capacity / 5 * 4].map(|number| number.to_string());
    let bounds = [("max", max.as_str()), ("low", &low), ("high", &high), ("optimum", "0")];
    let value = [("value", value.as_str()), ("aria-label", "fill of the queue")];
    html.leaf("meter", &[&bounds[..], &value[..]].concat(), "");
}

fn phases(html: &mut Html, exporter: &Exporter) {
    let Some(first) = exporter.phases.first() else { return };
    let of = match (first.of.as_str(), exporter.state.as_str()) {
        ("mean", _) => "A try takes",
        (_, "failing") => "The last failed try took",
        // How long it took before it recovered tells nothing of now.
        _ => return,
    };
    html.element("p", &[("class", "times")], |html| {
        html.text(of);
        html.text(": ");
        for (at, phase) in exporter.phases.iter().enumerate() {
            html.text(if at == 0 { "" } else { " → " });
            html.text(format_args!("{} {}", phase.name, words::took(phase.seconds)));
        }
    });
}

const HEADS: [&str; 7] = ["Signal", "Sent", "Lost or refused", "Rate", "Queue", "Oldest waiting", "Last success"];

/// Days: who renews certificates by hand wants to know by then.
const NEAR_END: f64 = 14.0;
