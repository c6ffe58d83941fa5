//! What each exporter asks for: otlp_grpc, otlp_http, debug and nop.

use std::time::Duration;

use crate::config::model::{Debug, Delivery, Exporter, HttpEncoding, OtlpGrpc, OtlpHttp, Verbosity};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

use super::headers::Carrier;
use super::{compression, delivery, endpoint, headers, tls};

/// `otlp_grpc`, alias `otlp`
pub(super) fn otlp_grpc(section: &mut Section<'_>) -> Option<Exporter> {
    let endpoint = required(section, "requires a non-empty \"endpoint\"", "write endpoint: host:4317");
    let target = endpoint.as_ref().and_then(endpoint::grpc);
    let wish = tls::wish(section);
    let headers = headers::read(section, Carrier::Grpc);
    let compression = compression::grpc(section);
    let timeout = delivery::timeout(section, Duration::from_secs(5));
    let delivery = delivery::read(section);
    section.rest(GRPC_REST);
    let (endpoint, target) = (endpoint?, target?);
    let tls = wish.for_grpc(target.scheme, &endpoint);
    Some(Exporter::OtlpGrpc(OtlpGrpc { endpoint: target.endpoint, tls, headers, compression, timeout, delivery }))
}

/// `otlp_http`, alias `otlphttp`
pub(super) fn otlp_http(section: &mut Section<'_>) -> Option<Exporter> {
    let by_signal = SIGNAL_ENDPOINTS.iter().any(|(key, _)| section.has(key));
    let endpoint = if by_signal && !section.has("endpoint") {
        section.value("endpoint")
    } else {
        required(section, "at least one endpoint must be specified", "write endpoint: http://host:4318")
    };
    let target = endpoint.as_ref().and_then(endpoint::http);
    let wish = tls::wish(section);
    let headers = headers::read(section, Carrier::Http);
    let encoding = encoding(section);
    let (compression, compression_level) = compression::http(section);
    let timeout = delivery::timeout(section, Duration::from_secs(30));
    let delivery = delivery::read(section);
    section.rest(SIGNAL_ENDPOINTS);
    section.rest(HTTP_REST);
    let (endpoint, target) = (endpoint?, target?);
    let tls = wish.for_http(target.scheme, &endpoint);
    let base_path = target.path;
    Some(Exporter::OtlpHttp(OtlpHttp {
        endpoint: target.endpoint,
        base_path,
        tls,
        headers,
        encoding,
        compression,
        compression_level,
        timeout,
        delivery,
    }))
}

/// `encoding`, in lower case only, as in the Collector.
fn encoding(section: &mut Section<'_>) -> HttpEncoding {
    let Some((value, text)) = section.value("encoding").and_then(|value| value.text().map(|text| (value, text))) else {
        return HttpEncoding::Proto;
    };
    match text.as_str() {
        "proto" => HttpEncoding::Proto,
        "json" => HttpEncoding::Json,
        other => {
            value.refuse(value.fault(format!("invalid encoding type: {other}")).hint("write proto or json"));
            HttpEncoding::Proto
        }
    }
}

/// The endpoint, or the problem that there is none.
fn required<'a>(section: &mut Section<'a>, what: &str, hint: &str) -> Option<Reading<'a>> {
    let entry = section.entry("endpoint");
    let (at, empty) = match &entry {
        Some(value) => (value, value.is_null()),
        None => (section.whole(), true),
    };
    if empty {
        at.refuse(at.fault(what).hint(hint));
    }
    entry.filter(|_| !empty)
}

/// `debug`, alias `logging`
pub(super) fn debug(section: &mut Section<'_>) -> Option<Exporter> {
    let early = early_verbosity(section);
    let verbosity = section.choice("verbosity", VERBOSITIES).or(early).unwrap_or(Verbosity::Basic);
    let sampling_initial = section.unsigned("sampling_initial").unwrap_or(2);
    let sampling_thereafter = section.unsigned("sampling_thereafter").unwrap_or(1);
    let delivery = Delivery { retry: None, queue: delivery::queue(section) };
    section.rest(DEBUG_REST);
    let sampling_thereafter = Some(sampling_thereafter).filter(|thereafter| *thereafter != 0);
    Some(Exporter::Debug(Debug { verbosity, sampling_initial, sampling_thereafter, delivery }))
}

/// `loglevel`, which said how much the logging exporter printed before `verbosity` did.
fn early_verbosity(section: &mut Section<'_>) -> Option<Verbosity> {
    let value = section.value("loglevel").or_else(|| section.value("logLevel"))?;
    let verbosity = value.choice(LOG_LEVELS)?;
    let name = VERBOSITIES.iter().find(|(_, known)| *known == verbosity).map_or("basic", |(name, _)| name);
    let warning = Problem::new(None, "", "the key \"loglevel\" is called \"verbosity\" today");
    value.warn_of(warning.hint(format!("write verbosity: {name}")));
    Some(verbosity)
}

/// `nop`
pub(super) fn nop(_: &mut Section<'_>) -> Option<Exporter> {
    Some(Exporter::Nop)
}

const VERBOSITIES: &[(&str, Verbosity)] =
    &[("basic", Verbosity::Basic), ("normal", Verbosity::Normal), ("detailed", Verbosity::Detailed)];

const LOG_LEVELS: &[(&str, Verbosity)] = &[
    ("debug", Verbosity::Detailed),
    ("info", Verbosity::Normal),
    ("warn", Verbosity::Basic),
    ("warning", Verbosity::Basic),
    ("error", Verbosity::Basic),
    ("dpanic", Verbosity::Basic),
    ("panic", Verbosity::Basic),
    ("fatal", Verbosity::Basic),
];

const BUFFERS: &str = "the relay sizes its buffers by itself";
const POOL: &str = "the relay keeps its connections by itself";

const GRPC_REST: &[(&str, Rule)] = &[
    ("auth", Rule::NotYet),
    ("authority", Rule::NotYet),
    ("balancer_name", Rule::Only(&["round_robin"])),
    ("keepalive", Rule::NoEffect(POOL)),
    ("middlewares", Rule::NotYet),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("user_agent", Rule::NotYet),
    ("wait_for_ready", Rule::NotYet),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
];

const SIGNAL_ENDPOINTS: &[(&str, Rule)] = &[
    ("traces_endpoint", Rule::NotYet),
    ("metrics_endpoint", Rule::NotYet),
    ("logs_endpoint", Rule::NotYet),
    ("profiles_endpoint", Rule::NotYet),
];

const HTTP_REST: &[(&str, Rule)] = &[
    ("auth", Rule::NotYet),
    ("cookies", Rule::NoEffect("the relay keeps no cookies")),
    ("disable_keep_alives", Rule::NotYet),
    ("force_attempt_http2", Rule::Fixed("true", "over TLS the server chooses between HTTP/2 and HTTP/1.1")),
    ("http2_ping_timeout", Rule::NoEffect(POOL)),
    ("http2_read_idle_timeout", Rule::NoEffect(POOL)),
    ("idle_conn_timeout", Rule::NoEffect(POOL)),
    ("max_conns_per_host", Rule::NoEffect(POOL)),
    ("max_idle_conns", Rule::NoEffect(POOL)),
    ("max_idle_conns_per_host", Rule::NoEffect(POOL)),
    ("middlewares", Rule::NotYet),
    ("proxy_url", Rule::NotYet),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
];

const DEBUG_REST: &[(&str, Rule)] = &[
    ("output_paths", Rule::Only(&["stdout"])),
    ("use_internal_logger", Rule::NoEffect("the relay prints what it was sent in one way")),
];
