//! What a run came to, for people.

use std::time::Duration;

use super::plot::{plot, show};
use super::verify::{Checked, Verified};
use super::work::{Ending, Outcome, Pace, Work};
use crate::units::ByteCount;

/// The report of a run, in lines.
pub fn summary(work: &Work, outcome: &Outcome, verified: Option<&Verified>) -> String {
    let mut lines = Lines(String::new());
    lines.target(work);
    lines.sent(outcome);
    lines.latency(work, outcome);
    lines.failures(outcome);
    lines.cpu(outcome);
    if let Some(verified) = verified {
        lines.verified(work, outcome, verified);
    }
    let mut text = lines.0;
    if let Some(plot) = plot(&outcome.timeline) {
        text.push('\n');
        text.push_str(&plot);
    }
    text
}

struct Lines(String);

impl Lines {
    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key:<11} {value}\n"));
    }

    fn target(&mut self, work: &Work) {
        let Work { endpoint, protocol, connections, items_per_request, .. } = work;
        let size =
            format!("{}, {} a request", many(*connections as u64, "connection"), many(*items_per_request, "item"));
        self.line("target", &format!("{endpoint} over {protocol}, {size}"));
    }

    fn sent(&mut self, outcome: &Outcome) {
        let Outcome { tally, elapsed, .. } = outcome;
        let ending = match outcome.ending {
            Ending::Done => "",
            Ending::Interrupted => ", interrupted",
            Ending::GaveUp => ", given up: nothing has succeeded",
        };
        self.line("time", &format!("{}{ending}", show(*elapsed)));
        let requests = tally.requests();
        let retries = if tally.retries > 0 { format!(", {} retries", tally.retries) } else { String::new() };
        self.line("requests", &format!("{requests}, {}/s{retries}", per_second(requests, *elapsed)));
        for (signal, counts) in &tally.signals {
            let rate = per_second(counts.accepted.0, *elapsed);
            let mut text = format!("{} accepted of {} sent, {rate}/s", counts.accepted, counts.sent);
            if counts.rejected.0 > 0 {
                text.push_str(&format!(", {} rejected (partial success)", counts.rejected));
            }
            self.line(signal.facts().item_noun, &text);
        }
        let bytes = format!("{} sent, {}/s", tally.bodies, ByteCount(rate(tally.bodies.0, *elapsed) as u64));
        let packed = if tally.bodies.0 < tally.messages.0 {
            format!("; {} uncompressed", tally.messages)
        } else {
            String::new()
        };
        self.line("bytes", &format!("{bytes}{packed}"));
    }

    fn latency(&mut self, work: &Work, outcome: &Outcome) {
        let latency = &outcome.tally.latency;
        let shown = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
        let shown = shown.into_iter().map(|(name, quantile)| (name, latency.at(quantile)));
        let shown = shown.chain([("max", latency.longest())]);
        let shown: Vec<String> = shown.filter_map(|(name, time)| Some(format!("{name} {}", show(time?)))).collect();
        if !shown.is_empty() {
            let from = if matches!(work.pace, Pace::Open(_)) { " (from when a request was due)" } else { "" };
            self.line("latency", &format!("{}{from}", shown.join(", ")));
        }
        if outcome.tally.late > 0 {
            let why = "sent later than they were due, which their latency shows";
            self.line("late", &format!("{} requests {why}", outcome.tally.late));
        }
        if outcome.unsent > 0 {
            let all = work.connections * work.concurrency;
            let why =
                format!("due and never sent: {all} were under way, as many as --connections and --concurrency allow");
            self.line("unsent", &format!("{} requests {why}", outcome.unsent));
        }
    }

    fn failures(&mut self, outcome: &Outcome) {
        if let Some(words) = &outcome.tally.rejection {
            self.line("rejected", &format!("the first with the words: {words}"));
        }
        for (class, failed) in &outcome.tally.failures {
            let items = failed.items;
            let text = format!("{class}: {} requests, {items} items; help=otlp-relay explain {class}", failed.requests);
            self.line("failed", &text);
        }
        if outcome.unanswered > 0 {
            self.line("unanswered", &format!("{} requests when it ended", outcome.unanswered));
        }
    }

    fn cpu(&mut self, outcome: &Outcome) {
        let Some(seconds) = outcome.cpu_seconds else { return };
        let items = outcome.tally.items().sent.0;
        // The system counts in steps of 10 ms.
        let each = if items > 0 && seconds > 0.2 {
            format!(", {:.2} us an item", seconds * 1e6 / items as f64)
        } else {
            String::new()
        };
        let threads = many(outcome.threads as u64, "thread");
        self.line("cpu", &format!("{seconds:.2} s of this program on {threads}{each}"));
    }

    fn verified(&mut self, work: &Work, outcome: &Outcome, verified: &Verified) {
        for (signal, checked) in &verified.signals {
            let noun = signal.facts().item_noun;
            let Checked { lost, doubled, acknowledged, .. } = checked;
            // What waits between two tries of a relay would come later than anybody looks.
            let fate = if *lost == 0 { "lost" } else { "missing (lost, or still on their way)" };
            let mut text = format!("{lost} {fate}, {doubled} doubled of {acknowledged} {noun}");
            if checked.unacknowledged > 0 {
                let at_least = "so that more may be lost than can be told";
                text.push_str(&format!("; {} were not acknowledged, {at_least}", checked.unacknowledged));
            }
            self.line("verified", &text);
        }
        if !verified.is_clean() && outcome.tally.retries > 0 {
            self.line("", "what this program has sent again may be what is doubled");
        }
        self.line("run", &work.run);
    }
}

/// `1 request`, `2 requests`
fn many(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-6)
}

/// With no more digits than mean something.
fn per_second(count: u64, time: Duration) -> String {
    let rate = rate(count, time);
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}
