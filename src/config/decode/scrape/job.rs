//! One of `scrape_configs`.

use super::{GLOBAL_REST, Global, access, discovery, formats, limits, relabel, target, time};
use crate::config::model::ScrapeJob;
use crate::config::section::{Rule, Section};

/// Reads the job at `key` of its receiver.
pub(super) fn read(mut section: Section<'_>, key: String, global: &Global) -> Option<ScrapeJob> {
    let name = section.text("job_name").filter(|name| !name.is_empty());
    if name.is_none() {
        section.whole().refuse(section.whole().fault("job_name is empty").hint("write job_name: app"));
    }
    let interval = time(&mut section, "scrape_interval").unwrap_or(global.interval);
    let timeout = time(&mut section, "scrape_timeout");
    if timeout.is_some_and(|timeout| interval < timeout) {
        let what = "scrape timeout greater than scrape interval for scrape config with job name";
        section.whole().wrong(format!("{what} \"{}\"", name.clone().unwrap_or_default()));
    }
    let timeout = timeout.unwrap_or(global.timeout.min(interval));
    let limits = limits(&mut section, &global.limits);
    let honor_labels = section.boolean("honor_labels").unwrap_or(false);
    let honor_timestamps = section.boolean("honor_timestamps").unwrap_or(true);
    let track_timestamps_staleness = section.boolean("track_timestamps_staleness").unwrap_or(false);
    let extra_metrics = section.boolean("extra_scrape_metrics").unwrap_or(global.extra_metrics);
    let formats = formats::of_job(&mut section, &global.formats);
    let follow_redirects = section.boolean("follow_redirects").unwrap_or(true);
    let auth = access::auth(&mut section);
    let sent = section.value("http_headers").and_then(|value| value.section()).map(access::http_headers);
    let tls = section.value("tls_config").and_then(|value| value.section()).map(access::tls);
    let proxied = access::proxied(&mut section);
    let steps = relabel::read(&mut section, "relabel_configs");
    let metric_steps = relabel::read(&mut section, "metric_relabel_configs");
    let name = name.unwrap_or_default();
    let tls = tls.unwrap_or_default();
    let job = target::Job { name: &name, interval, timeout, tls, proxied: &proxied, relabel: &steps };
    let targets = target::read(&mut section, &job);
    let limit = section.unsigned("target_limit").filter(|limit| *limit != 0).or(global.targets);
    if let Some(limit) = limit.filter(|limit| *limit < targets.len() as u64) {
        section.whole().wrong(format!("target_limit exceeded (number of targets: {}, limit: {limit})", targets.len()));
    }
    discovery::refuse(&mut section);
    section.rest(JOB_REST);
    section.rest(GLOBAL_REST);
    section.finish();
    Some(ScrapeJob {
        key,
        name,
        targets,
        honor_labels,
        honor_timestamps,
        track_timestamps_staleness,
        extra_metrics,
        follow_redirects,
        relabel: metric_steps,
        external_labels: global.labels.clone(),
        auth,
        headers: sent.unwrap_or_default(),
        limits,
        formats,
        proxy_from_environment: proxied.by_environment,
    })
}

const NO_EXPONENTIAL_LIMITS: &str = "native histograms are taken with the buckets that they have";

const JOB_REST: &[(&str, Rule)] = &[
    ("native_histogram_bucket_limit", Rule::NoEffect(NO_EXPONENTIAL_LIMITS)),
    ("native_histogram_min_bucket_factor", Rule::NoEffect(NO_EXPONENTIAL_LIMITS)),
    ("enable_http2", Rule::NoEffect("a server that prefers HTTP/2 over TLS gets it")),
];
