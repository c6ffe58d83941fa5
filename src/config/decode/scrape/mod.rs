//! What the `prometheus` receiver asks for: Prometheus' own configuration below `config`, as far as it is about scraping
//! targets that are written down.

mod access;
mod discovery;
mod formats;
mod job;
mod relabel;
mod target;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::duration;
use crate::config::model::{LastScrape, Receiver, ScrapeLimits, Scraping};
use crate::config::problem::Mistake;
use crate::config::section::{Rule, Section};
use crate::units::ByteCount;

/// `prometheus`
pub(super) fn prometheus(section: &mut Section<'_>) -> Option<Receiver> {
    let offset = section.duration("initial_scrape_offset", "'initial_scrape_offset' must be non-negative");
    let at_the_end = section.boolean("scrape_on_shutdown").unwrap_or(false);
    let trim_suffixes = section.boolean("trim_metric_suffixes").unwrap_or(false);
    // The older place of a job's own key.
    let extra_metrics = section.boolean("report_extra_scrape_metrics").unwrap_or(false);
    section.rest(REST);
    let config = section.entry("config");
    let Some(mut config) = config.and_then(|value| value.section()) else {
        let fault = section.whole().fault("no Prometheus scrape_configs or target_allocator set");
        section.whole().refuse(fault.hint(EXAMPLE));
        return None;
    };
    let mut global = config.value("global").and_then(|value| value.section()).map(global).unwrap_or_default();
    global.extra_metrics |= extra_metrics;
    let written = config.value("scrape_configs");
    let items = written.as_ref().map(|list| list.items()).unwrap_or_default();
    if items.is_empty() {
        let at = written.as_ref().unwrap_or(config.whole());
        at.refuse(at.fault("no Prometheus scrape_configs or target_allocator set").hint(EXAMPLE));
    }
    let mut names = BTreeSet::new();
    let mut jobs = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let at = item.clone();
        let key = format!("config::scrape_configs::{index}");
        let Some(job) = item.section().and_then(|section| job::read(section, key, &global)) else { continue };
        if !names.insert(job.name.clone()) {
            at.wrong(format!("found multiple scrape configs with job name \"{}\"", job.name));
        }
        jobs.push(job);
    }
    config.rest(CONFIG_REST);
    config.finish();
    Some(Receiver::Prometheus(Box::new(Scraping {
        jobs,
        first_after: offset.unwrap_or_default(),
        last_scrape: if at_the_end { LastScrape::AtTheEnd } else { LastScrape::AsPlanned },
        trim_suffixes,
    })))
}

/// What holds for every job that says nothing else.
struct Global {
    interval: Duration,
    timeout: Duration,
    labels: Vec<(String, String)>,
    limits: ScrapeLimits,
    /// `target_limit` of a job.
    targets: Option<u64>,
    formats: formats::Usual,
    extra_metrics: bool,
}

impl Default for Global {
    fn default() -> Global {
        let (interval, timeout) = (Duration::from_secs(60), Duration::from_secs(10));
        Global {
            interval,
            timeout,
            labels: Vec::new(),
            limits: ScrapeLimits::default(),
            targets: None,
            formats: formats::Usual::default(),
            extra_metrics: false,
        }
    }
}

fn global(mut section: Section<'_>) -> Global {
    let usual = Global::default();
    let interval = time(&mut section, "scrape_interval").unwrap_or(usual.interval);
    let timeout = time(&mut section, "scrape_timeout").unwrap_or(usual.timeout.min(interval));
    if interval < timeout {
        section.whole().wrong("global scrape timeout greater than scrape interval");
    }
    let labels = super::prometheus::labels(&mut section, "external_labels");
    let limits = limits(&mut section, &ScrapeLimits::default());
    let targets = section.unsigned("target_limit").filter(|limit| *limit != 0);
    let formats = formats::of_global(&mut section);
    let extra_metrics = section.boolean("extra_scrape_metrics").unwrap_or(false);
    section.rest(GLOBAL_REST);
    section.finish();
    Global { interval, timeout, labels, limits, targets, formats, extra_metrics }
}

/// A duration as Prometheus writes it, more than zero.
fn time(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let value = section.value(key)?;
    match duration::parse_prometheus(&value.text()?) {
        Ok(time) if !time.is_zero() => return Some(time),
        Ok(_) => value.wrong(format!("{key} has to be more than 0")),
        Err(what) => value.refuse(value.fault(what).hint("units are ms, s, m, h, d, w and y: 15s, 1m30s")),
    }
    None
}

/// The limits of a scrape; 0 is none, whatever is usual.
fn limits(section: &mut Section<'_>, usual: &ScrapeLimits) -> ScrapeLimits {
    let body = section.value("body_size_limit").and_then(|value| {
        let found = value.text().and_then(|text| bytes(&text));
        if found.is_none() {
            value.refuse(value.fault("invalid body_size_limit").hint("write a number with a unit: 10MB"));
        }
        found
    });
    let mut number = |key, usual: Option<u64>| section.unsigned(key).or(usual).filter(|number| *number != 0);
    ScrapeLimits {
        body: body.or(usual.body).filter(|bytes| *bytes != ByteCount::ZERO),
        samples: number("sample_limit", usual.samples),
        labels: number("label_limit", usual.labels),
        label_name: number("label_name_length_limit", usual.label_name),
        label_value: number("label_value_length_limit", usual.label_value),
    }
}

/// `10MB`, which Prometheus counts in powers of 1024.
fn bytes(text: &str) -> Option<ByteCount> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = match unit.trim().trim_end_matches('B').trim_end_matches('i') {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    Some(ByteCount(number.parse::<u64>().ok()?.saturating_mul(1024_u64.pow(power))))
}

const EXAMPLE: &str = "write config: {scrape_configs: [{job_name: app, static_configs: [{targets: ['app:9090']}]}]}";

const ADJUSTED: &str = "a start that a target does not tell is that of the first scrape";

const REST: &[(&str, Rule)] = &[
    ("target_allocator", Rule::NotYet),
    ("api_server", Rule::NotYet),
    ("enable_protobuf_negotiation", Rule::NoEffect("write scrape_protocols: [PrometheusProto] in the job")),
    ("discovery_reload_on_startup", Rule::NoEffect("targets that are written down are known at the start")),
    ("use_start_time_metric", Rule::NoEffect(ADJUSTED)),
    ("start_time_metric_regex", Rule::NoEffect(ADJUSTED)),
    ("use_collector_start_time_fallback", Rule::NoEffect(ADJUSTED)),
    ("skip_offsetting", Rule::NoEffect("the first scrape is at the start")),
    ("ignore_metadata", Rule::NotYet),
];

const NO_RULES: &str = "the receiver only scrapes, as in the Collector";

const CONFIG_REST: &[(&str, Rule)] = &[
    ("alerting", Rule::NotYet),
    ("remote_read", Rule::NotYet),
    ("remote_write", Rule::NotYet),
    ("rule_files", Rule::NotYet),
    ("scrape_config_files", Rule::NotYet),
    ("otlp", Rule::NoEffect(NO_RULES)),
    ("runtime", Rule::NoEffect(NO_RULES)),
    ("storage", Rule::NoEffect(NO_RULES)),
    ("tracing", Rule::NoEffect(NO_RULES)),
];

/// Keys of the whole that every job has as well.
const GLOBAL_REST: &[(&str, Rule)] = &[
    ("evaluation_interval", Rule::NoEffect(NO_RULES)),
    ("rule_query_offset", Rule::NoEffect(NO_RULES)),
    ("query_log_file", Rule::NoEffect(NO_RULES)),
    ("scrape_failure_log_file", Rule::NoEffect("failing scrapes are in the relay's log")),
    ("convert_classic_histograms_to_nhcb", Rule::NoEffect("OTLP's histograms have the bounds of their targets anyway")),
    ("keep_dropped_targets", Rule::NoEffect("nobody asks the relay for them")),
];

/// What `mistake` is of a key that Prometheus has and the relay has not.
const NOT_YET: Mistake = Mistake::NotSupportedYet;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        for (text, expected) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("10B", Some(10)),
            ("2KB", Some(2048)),
            ("1MiB", Some(1 << 20)),
            ("x", None),
        ] {
            assert_eq!(bytes(text).map(|bytes| bytes.0), expected, "{text}");
        }
    }
}
