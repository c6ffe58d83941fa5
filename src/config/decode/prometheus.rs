//! What the `prometheus` exporter asks for, with the contrib exporter's keys and defaults.

use std::time::Duration;

use crate::config::model::{Exporter, Prometheus, ResourceLabels, Translation};
use crate::config::section::{Rule, Section};

use super::{endpoint, headers, server_tls};

/// `prometheus`
pub(super) fn prometheus(section: &mut Section<'_>) -> Option<Exporter> {
    let has_endpoint = section.text_value("endpoint").is_some();
    if !has_endpoint {
        let at = section.entry("endpoint").unwrap_or_else(|| section.whole().clone());
        at.refuse(at.fault("requires a non-empty \"endpoint\"").hint("write endpoint: 0.0.0.0:8889"));
    }
    section.entry("transport");
    let listen = if has_endpoint { endpoint::listen_by_transport(section, USUAL_PORT) } else { None };
    let tls = server_tls::read(section);
    let mut time = |key| {
        let time = section.duration(key, &format!("'{key}' must be non-negative"));
        time.filter(|time| !time.is_zero())
    };
    let read_timeout = time("read_timeout");
    // As in Go, the time for the whole is also that for its head, and for the pause before it.
    let header_timeout = time("read_header_timeout").or(read_timeout);
    let idle_timeout = time("idle_timeout").or(read_timeout);
    let expiration = section.duration("metric_expiration", "'metric_expiration' must be non-negative");
    let max_series = section.unsigned("max_series").and_then(|series| usize::try_from(series).ok());
    let (response_headers, const_labels) = (headers::of_responses(section), labels(section, "const_labels"));
    let one_request = section.boolean("keep_alives_enabled") == Some(false);
    let namespace = section.text("namespace").unwrap_or_default();
    let send_timestamps = section.boolean("send_timestamps").unwrap_or(false);
    let resource_labels = resource_labels(section);
    let open_metrics = section.boolean("enable_open_metrics").unwrap_or(false);
    let scope_labels = section.boolean("without_scope_info") != Some(true);
    let translation = translation(section);
    section.rest(REST);
    Some(Exporter::Prometheus(Box::new(Prometheus {
        listen: listen?,
        tls,
        response_headers,
        header_timeout,
        idle_timeout,
        one_request,
        namespace,
        const_labels,
        send_timestamps,
        metric_expiration: expiration.unwrap_or(EXPIRATION),
        resource_labels,
        open_metrics,
        scope_labels,
        translation,
        max_series: max_series.filter(|series| *series != 0).unwrap_or(MAX_SERIES),
    })))
}

/// A map of labels.
pub(super) fn labels(section: &mut Section<'_>, key: &'static str) -> Vec<(String, String)> {
    let labels = section.value(key).and_then(|value| value.section());
    let entries = labels.into_iter().flat_map(Section::into_entries);
    entries.filter_map(|(entry, value)| Some((entry.key.clone(), value.text()?))).collect()
}

/// `resource_constant_labels` wins over the older `resource_to_telemetry_conversion`.
fn resource_labels(section: &mut Section<'_>) -> ResourceLabels {
    let labels = conversion(section).unwrap_or_default();
    let Some(mut constant) = section.value("resource_constant_labels").and_then(|value| value.section()) else {
        return labels;
    };
    let mut patterns = |key| -> Vec<String> {
        let words = constant.value(key).map(|value| value.words()).unwrap_or_default();
        words.into_iter().map(|(word, _)| word).collect()
    };
    let (included, excluded) = (patterns("included"), patterns("excluded"));
    constant.finish();
    if included.is_empty() && excluded.is_empty() { labels } else { ResourceLabels { included, excluded } }
}

/// `resource_to_telemetry_conversion`, where it is on.
pub(super) fn conversion(section: &mut Section<'_>) -> Option<ResourceLabels> {
    let mut conversion = section.value("resource_to_telemetry_conversion")?.section()?;
    let enabled = conversion.boolean("enabled").unwrap_or(false);
    let without_service = conversion.boolean("exclude_service_attributes").unwrap_or(false);
    conversion.finish();
    let excluded = SERVICE.iter().filter(|_| without_service).map(|key| (*key).to_owned()).collect();
    enabled.then(|| ResourceLabels { included: vec!["*".to_owned()], excluded })
}

/// `translation_strategy`, or what `add_metric_suffixes` comes to.
pub(super) fn translation(section: &mut Section<'_>) -> Translation {
    let suffixes = section.boolean("add_metric_suffixes").unwrap_or(true);
    let asked = section.text_value("translation_strategy").and_then(|value| value.choice(STRATEGIES));
    let older = if suffixes {
        Translation::UnderscoreEscapingWithSuffixes
    } else {
        Translation::UnderscoreEscapingWithoutSuffixes
    };
    asked.unwrap_or(older)
}

/// The port in the examples of the Collector; an endpoint is always written.
const USUAL_PORT: u16 = 8889;

const EXPIRATION: Duration = Duration::from_secs(5 * 60);

/// A few hundred megabytes of series.
const MAX_SERIES: usize = 200_000;

/// What `job` and `instance` are made of.
const SERVICE: &[&str] = &["service.name", "service.namespace", "service.instance.id"];

const STRATEGIES: &[(&str, Translation)] = &[
    ("UnderscoreEscapingWithSuffixes", Translation::UnderscoreEscapingWithSuffixes),
    ("UnderscoreEscapingWithoutSuffixes", Translation::UnderscoreEscapingWithoutSuffixes),
    ("NoUTF8EscapingWithSuffixes", Translation::NoUtf8EscapingWithSuffixes),
    ("NoTranslation", Translation::NoTranslation),
];

const BODIES: &str = "a scrape has no body";

const REST: &[(&str, Rule)] = &[
    ("auth", Rule::NotYet),
    ("cors", Rule::NotYet),
    ("middlewares", Rule::NotYet),
    ("compression_algorithms", Rule::NoEffect(BODIES)),
    ("dialer", Rule::NoEffect("a listener dials nobody")),
    ("include_metadata", Rule::NoEffect("nobody is behind the page to be told")),
    ("max_request_body_size", Rule::NoEffect(BODIES)),
    ("sending_queue", Rule::NoEffect("data is taken at once, and waits for nothing")),
    ("write_timeout", Rule::NoEffect("the scraper bounds how long a scrape takes")),
];
