//! What each exporter asks for: otlp_grpc, otlp_http, debug, file and nop.

use std::time::Duration;

use crate::config::model::{
    Debug, DebugOutput, Delivery, Dialect, Exporter, HttpEncoding, OtlpGrpc, OtlpHttp, Verbosity,
};
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::config::suggest;

use super::headers::Carrier;
use super::retryable::Codes;
use super::{compression, delivery, endpoint, headers, links, proxies, targets, tls};

/// `otlp_grpc`, alias `otlp`; with the `protocol` of the OpenTelemetry specification, what that says.
pub(super) fn otlp_grpc(section: &mut Section<'_>) -> Option<Exporter> {
    match section.choice("protocol", PROTOCOLS) {
        Some(Wire::Http(encoding)) => return encoded_http(section, encoding),
        Some(Wire::Grpc) | None => {}
    }
    let endpoint = required(section, "requires a non-empty \"endpoint\"", "write endpoint: host:4317");
    let target = endpoint.as_ref().and_then(endpoint::grpc);
    let wish = tls::wish(section);
    let headers = headers::read(section, Carrier::Grpc);
    let compression = compression::grpc(section);
    let timeout = delivery::timeout(section, Duration::from_secs(5));
    let delivery = delivery::read(section, Codes::Grpc);
    let link = Box::new(links::grpc(section));
    // Read when the extensions are known.
    section.entry("auth");
    section.rest(GRPC_REST);
    let (endpoint, target) = (endpoint?, target?);
    let tls = wish.for_grpc(target.scheme, &endpoint);
    Some(Exporter::OtlpGrpc(OtlpGrpc {
        endpoint: target.endpoint,
        tls,
        headers,
        auth: None,
        compression,
        timeout,
        link,
        delivery,
    }))
}

/// `otlp_http`, alias `otlphttp`
pub(super) fn otlp_http(section: &mut Section<'_>) -> Option<Exporter> {
    encoded_http(section, HttpEncoding::Proto)
}

/// OTLP/HTTP in `usual`, unless `encoding` says otherwise.
fn encoded_http(section: &mut Section<'_>, usual: HttpEncoding) -> Option<Exporter> {
    let wish = tls::wish(section);
    let proxy = proxies::configured(section);
    let targets = targets::read(section, &wish, proxy.as_ref());
    let headers = headers::read(section, Carrier::Http);
    let encoding = encoding(section, usual);
    let (compression, compression_level) = compression::http(section);
    let timeout = delivery::timeout(section, Duration::from_secs(30));
    let delivery = delivery::read(section, Codes::Http);
    let link = links::http(section);
    // Read when the extensions are known.
    section.entry("auth");
    refuse_cookies(section);
    section.rest(HTTP_REST);
    Some(Exporter::OtlpHttp(OtlpHttp {
        dialect: Dialect::Otlp,
        targets: targets?,
        headers,
        auth: None,
        encoding,
        compression,
        compression_level,
        timeout,
        link,
        delivery,
    }))
}

/// `cookies` is on as soon as it is written, even as an empty map.
pub(super) fn refuse_cookies(section: &mut Section<'_>) {
    let Some(value) = section.value("cookies") else { return };
    if section.optional("cookies").is_some() {
        let what = "the Collector's key \"cookies\" is not supported by otlp-relay yet";
        value.refuse(value.fault(what).is(Mistake::NotSupportedYet));
    }
}

/// `encoding`, in lower case only, as in the Collector.
fn encoding(section: &mut Section<'_>, usual: HttpEncoding) -> HttpEncoding {
    let Some((value, text)) = section.value("encoding").and_then(|value| value.text().map(|text| (value, text))) else {
        return usual;
    };
    match text.as_str() {
        "proto" => HttpEncoding::Proto,
        "json" => HttpEncoding::Json,
        other => {
            value.refuse(value.fault(format!("invalid encoding type: {other}")).hint("write proto or json"));
            usual
        }
    }
}

/// The endpoint, or the problem that there is none.
pub(super) fn required<'a>(section: &mut Section<'a>, what: &str, hint: &str) -> Option<Reading<'a>> {
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
    let verbosity = section.value("verbosity").and_then(|value| verbosity(&value)).or(early);
    let sampling_initial = section.unsigned("sampling_initial").unwrap_or(2);
    let sampling_thereafter = section.unsigned("sampling_thereafter").unwrap_or(1);
    let delivery = Delivery { queue: delivery::queue(section), ..Delivery::default() };
    let output = debug_output(section);
    let sampling_thereafter = Some(sampling_thereafter).filter(|thereafter| *thereafter != 0);
    let verbosity = verbosity.unwrap_or(Verbosity::Basic);
    Some(Exporter::Debug(Debug { verbosity, sampling_initial, sampling_thereafter, output, delivery }))
}

/// A level of the Collector's metrics, of which `none` is the only one that says nothing.
fn verbosity(value: &Reading<'_>) -> Option<Verbosity> {
    if let Some(verbosity) = value.numbered(&VERBOSITIES, 0) {
        return Some(verbosity);
    }
    let text = value.text()?;
    let known = VERBOSITIES.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
    if known.is_none() {
        let what = if text.eq_ignore_ascii_case("none") {
            "verbosity level \"None\" is not supported".to_owned()
        } else {
            format!("unknown metrics level {text:?}")
        };
        value.refuse(value.fault(what).hint(suggest::hint(&text, &VERBOSITIES.map(|(word, _)| word))));
    }
    known.map(|(_, verbosity)| *verbosity)
}

/// `use_internal_logger` and `output_paths`, of which the second needs the first to be false.
fn debug_output(section: &mut Section<'_>) -> DebugOutput {
    let internal = section.boolean("use_internal_logger").unwrap_or(true);
    let paths = section.value("output_paths");
    if internal {
        if let Some(paths) = paths {
            let fault = paths.fault("output_paths is not supported when use_internal_logger is true");
            paths.refuse(fault.hint("write use_internal_logger: false"));
        }
        return DebugOutput::InternalLogger;
    }
    let Some(value) = paths else { return DebugOutput::Paths(vec!["stdout".to_owned()]) };
    let paths: Vec<String> = value.words().into_iter().map(|(path, _)| path).collect();
    if paths.is_empty() {
        let fault = value.fault("output_paths must not be empty when use_internal_logger is false");
        value.refuse(fault.hint("write output_paths: [stdout]"));
    }
    DebugOutput::Paths(paths)
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

const VERBOSITIES: [(&str, Verbosity); 3] =
    [("basic", Verbosity::Basic), ("normal", Verbosity::Normal), ("detailed", Verbosity::Detailed)];

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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Grpc,
    Http(HttpEncoding),
}

const PROTOCOLS: &[(&str, Wire)] = &[
    ("grpc", Wire::Grpc),
    ("http/protobuf", Wire::Http(HttpEncoding::Proto)),
    ("http/json", Wire::Http(HttpEncoding::Json)),
];

const BUFFERS: &str = "the relay sizes its buffers by itself";

const GRPC_REST: &[(&str, Rule)] = &[
    ("middlewares", Rule::NotYet),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
];

pub(super) const HTTP_REST: &[(&str, Rule)] = &[
    ("middlewares", Rule::NotYet),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
];
