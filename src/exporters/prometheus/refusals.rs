//! What of a request cannot be shown, and why: for the answer to its sender and the log.

use std::collections::BTreeMap;

use super::store::{Kind, Refused};

/// The points of a request that were not taken.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    points: u64,
    /// What to say, with how many points it is said of, and of which metric first.
    reasons: BTreeMap<String, (u64, String)>,
}

/// Why a point is not taken, apart from what the store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its value makes no sense, or none to Prometheus.
    Unfit(&'static str),
    /// A sum that is not monotonic, of delta temporality.
    DeltaOfGauge,
    /// A sum or histogram that is neither delta nor cumulative.
    NoTemporality,
    /// It is of delta temporality, and nothing adds it up.
    Delta,
    /// Its name is empty, or has nothing that Prometheus takes.
    Nameless,
}

impl Refusals {
    /// How many points.
    pub(super) fn points(&self) -> u64 {
        self.points
    }

    pub(super) fn note(&mut self, metric: &str, reason: Reason, points: u64) {
        let why = match reason {
            Reason::Unfit(why) => why,
            Reason::DeltaOfGauge => "a sum that is not monotonic has to be cumulative for Prometheus",
            Reason::NoTemporality => "its aggregation temporality is neither delta nor cumulative",
            Reason::Delta => "remote write takes cumulative sums and histograms only, and this one is of deltas",
            Reason::Nameless => "nothing is left of its name in Prometheus",
        };
        self.add(why.to_owned(), metric, points);
    }

    pub(super) fn note_refused(&mut self, refused: Refused) {
        match refused {
            Refused::Conflict { name, known, refused } => {
                let (known, refused) = (word(known), word(refused));
                self.add(format!("{name} is a {known} already, and no {refused}"), "", 1);
            }
            Refused::Late => self.add("its delta is older than what is counted already".to_owned(), "", 1),
            Refused::TooMany => self.add("there are as many series as max_series allows".to_owned(), "", 1),
        }
    }

    fn add(&mut self, why: String, metric: &str, points: u64) {
        if points == 0 {
            return;
        }
        self.points += points;
        if self.reasons.len() < MOST_REASONS || self.reasons.contains_key(&why) {
            self.reasons.entry(why).or_insert_with(|| (0, metric.to_owned())).0 += points;
        }
    }

    /// In words; none where everything was taken.
    pub(super) fn message(&self) -> Option<String> {
        let said = self.reasons.iter().map(|(why, (points, metric))| match metric.as_str() {
            "" => format!("{why} ({points} data points)"),
            metric => format!("{metric}: {why} ({points} data points)"),
        });
        (self.points != 0).then(|| said.collect::<Vec<_>>().join("; "))
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Summary => "summary",
        Kind::Unknown => "metric without type",
    }
}

/// Nobody reads more in one message.
const MOST_REASONS: usize = 5;
