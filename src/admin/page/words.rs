//! How numbers, times and states are written for people.

use std::time::Duration;

use crate::interface::diagnostics::{Exporter, RelayStatus};
use crate::telemetry::clock::Moment;

use super::super::html::Html;

/// How data gets on, in a few words: the first thing to read.
pub(super) fn exporting(status: &RelayStatus) -> String {
    let failing: Vec<&Exporter> = status.exporters.iter().filter(|exporter| exporter.state == "failing").collect();
    let words = match (status.state.as_str(), failing.len(), status.exporters.len()) {
        ("starting", ..) => return "Starting".to_owned(),
        ("stopping", ..) => return "Stopping".to_owned(),
        (_, 0, _) if status.exporting == "idle" => return "Nothing sent yet".to_owned(),
        (_, 0, _) => return "All is well".to_owned(),
        (_, 1, 1) => "The exporter is failing".to_owned(),
        (_, failing, all) if failing == all => "All exporters are failing".to_owned(),
        (_, 1, all) => format!("1 of {all} exporters is failing"),
        (_, failing, all) => format!("{failing} of {all} exporters are failing"),
    };
    match failing.into_iter().all(is_stood_in_for) {
        true => format!("{words}; a fallback takes the data"),
        false => words,
    }
}

/// Whether another exporter takes all that this one fails to deliver.
fn is_stood_in_for(exporter: &Exporter) -> bool {
    exporter.flows.iter().filter(|flow| flow.state == "failing").all(|flow| {
        let routing = flow.routing.as_ref();
        routing.is_some_and(|routing| !routing.active.is_empty() && routing.targets.first() != Some(&routing.active))
    })
}

/// The state as a sign and a word: never told by colour alone.
pub(super) fn badge(html: &mut Html, state: &str) {
    let (class, sign, word) = match state {
        "delivering" => ("badge good", "✓", "delivering"),
        "failing" => ("badge bad", "✕", "failing"),
        "idle" => ("badge calm", "○", "idle"),
        "ongoing" => ("badge bad", "✕", "ongoing"),
        _ => ("badge calm", "✓", "over"),
    };
    html.element("span", &[("class", class)], |html| {
        html.leaf("span", &[("aria-hidden", "true")], sign);
        html.text(" ");
        html.text(word);
    });
}

/// `1,234,567`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `12.5/s`; a dash before two looks.
pub(super) fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "–/s".to_owned(),
        Some(rate) if rate < 0.05 => "0/s".to_owned(),
        Some(rate) if rate < 100.0 => format!("{rate:.1}/s"),
        // Not negative, and far below 2^64.
        Some(rate) => format!("{}/s", count(rate.round() as u64)),
    }
}

/// `3 min 20 s`: the two largest units.
pub(super) fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// `1.2 ms`
pub(super) fn took(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.001 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}

/// How long ago `then` is, with the moment itself for who wants it; a dash where it has not come.
pub(super) fn ago(html: &mut Html, status: &RelayStatus, then: u64) {
    if then == 0 {
        return html.text("–");
    }
    let moment = Moment::from_unix_nanos(then);
    let ago = Moment::from_unix_nanos(status.time_unix_nano).since(moment);
    let full = moment.to_string();
    html.leaf("time", &[("datetime", &full), ("title", &full)], format_args!("{} ago", length(ago)));
}

/// How long it is from `since` to now.
pub(super) fn lasting(status: &RelayStatus, since: u64) -> String {
    length(Moment::from_unix_nanos(status.time_unix_nano).since(Moment::from_unix_nanos(since)))
}

/// When `then` is: `in 3 s`.
pub(super) fn until(status: &RelayStatus, then: u64) -> String {
    let ahead = Moment::from_unix_nanos(then).since(Moment::from_unix_nanos(status.time_unix_nano));
    if ahead < Duration::from_secs(1) { "now".to_owned() } else { format!("in {}", length(ahead)) }
}

/// `12:34:56 UTC`
pub(super) fn clock(unix_nanos: u64) -> String {
    let text = Moment::from_unix_nanos(unix_nanos).to_string();
    format!("{} UTC", text.get(11..19).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn rates_and_times_have_as_many_digits_as_help() {
        assert_eq!(
            [rate(None), rate(Some(0.0)), rate(Some(1.25)), rate(Some(1234.4))],
            ["–/s", "0/s", "1.2/s", "1,234/s"]
        );
        assert_eq!([took(0.00025), took(0.0125), took(2.0)], ["250 µs", "12.5 ms", "2.0 s"]);
        assert_eq!(length(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(length(Duration::from_secs(90_000)), "1 d 1 h");
    }
}
