//! `dump ls`: one line for each record.

use std::time::Duration;

use serde_json::{Value, json};

use super::records::Entry;
use crate::interface::record::Record;
use crate::telemetry::clock::Moment;

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this class, or of this family.
    pub class: Option<String>,
    /// Of this exporter.
    pub exporter: Option<String>,
    /// Not older than this.
    pub since: Option<Duration>,
}

impl Filter {
    fn takes(&self, record: &Record, now: Moment) -> bool {
        let failure = record.failure.as_ref();
        let is = |word: &str| failure.is_some_and(|failure| failure.class == word || failure.family == word);
        self.class.as_deref().is_none_or(is)
            && self.exporter.as_deref().is_none_or(|exporter| record.exporter == exporter)
            && self.since.is_none_or(|since| now.before(since).unix_nanos() <= record.time_unix_nano)
    }
}

/// A table of those of `entries` that `filter` takes, each with its number among all.
pub fn listing(entries: &[Entry], filter: &Filter) -> String {
    let heads = ["#", "TIME", "EXPORTER", "SIGNAL", "CLASS", "ITEMS", "TRY", "ENDPOINT"].map(str::to_owned);
    let rows: Vec<[String; 8]> = std::iter::once(heads).chain(taken(entries, filter).map(row)).collect();
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// The same as an array of objects.
pub fn listing_json(entries: &[Entry], filter: &Filter) -> String {
    let rows: Vec<Value> = taken(entries, filter)
        .map(|(number, Entry { record, .. })| {
            let failure = record.failure.as_ref();
            json!({
                "number": number,
                "time": Moment::from_unix_nanos(record.time_unix_nano).to_string(),
                "exporter": record.exporter,
                "signal": record.signal,
                "class": failure.map(|failure| &failure.class),
                "family": failure.map(|failure| &failure.family),
                "items": record.items,
                "attempt": record.attempt,
                "endpoint": record.endpoint,
            })
        })
        .collect();
    format!("{:#}\n", Value::from(rows))
}

fn taken<'a>(entries: &'a [Entry], filter: &'a Filter) -> impl Iterator<Item = (usize, &'a Entry)> {
    let now = Moment::now();
    (1..).zip(entries).filter(move |(_, entry)| filter.takes(&entry.record, now))
}

fn row((number, Entry { record, .. }): (usize, &Entry)) -> [String; 8] {
    let class = record.failure.as_ref().map_or("-", |failure| failure.class.as_str());
    let unless_zero = |number: u64| if number == 0 { "-".to_owned() } else { number.to_string() };
    let time = match record.time_unix_nano {
        0 => "-".to_owned(),
        nanos => Moment::from_unix_nanos(nanos).to_string(),
    };
    [
        number.to_string(),
        time,
        record.exporter.clone(),
        record.signal.clone(),
        class.to_owned(),
        record.items.to_string(),
        unless_zero(record.attempt.into()),
        if record.endpoint.is_empty() { "-".to_owned() } else { record.endpoint.clone() },
    ]
}
