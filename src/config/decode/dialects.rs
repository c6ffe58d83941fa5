//! What the exporters ask for that send over HTTP as `otlp_http` does, but something else: `prometheusremotewrite` and
//! `zipkin`, with the contrib exporters' keys and defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::model::{
    Compression, Delivery, Dialect, Exporter, HttpEncoding, HttpTarget, OtlpHttp, Prometheus, Queue, RemoteWrite,
    Retry, Zipkin,
};
use crate::config::section::{Rule, Section};
use crate::signal::Signal;

use super::headers::Carrier;
use super::retryable::Codes;
use super::{compression, delivery, endpoint, exporters, headers, links, prometheus, proxies, tls};

/// `prometheusremotewrite`
pub(super) fn remote_write(section: &mut Section<'_>) -> Option<Exporter> {
    let translation = prometheus::translation(section);
    let dialect = RemoteWrite {
        namespace: section.text("namespace").unwrap_or_default(),
        external_labels: prometheus::labels(section, "external_labels"),
        resource_labels: prometheus::conversion(section).unwrap_or_default(),
        scope_labels: section.boolean("disable_scope_info") != Some(true),
        translation,
        target_info: target_info(section),
        metadata: section.boolean("send_metadata").unwrap_or(false),
    };
    let mut delivery = delivery::read_as(section, Codes::Http, REMOTE_WRITE_RETRY, remote_write_queue());
    early_queue(section, &mut delivery);
    let body = Body { encoding: HttpEncoding::Proto, compression: Compression::Snappy, level: None };
    let hint = "write endpoint: http://prometheus:9090/api/v1/write";
    section.rest(REMOTE_WRITE_REST);
    sent(section, Dialect::RemoteWrite(Box::new(dialect)), Prometheus::SIGNAL, hint, body, delivery)
}

/// `target_info`, which is on unless it is switched off.
fn target_info(section: &mut Section<'_>) -> bool {
    let Some(mut target_info) = section.value("target_info").and_then(|value| value.section()) else { return true };
    let enabled = target_info.boolean("enabled").unwrap_or(true);
    target_info.finish();
    enabled
}

/// `remote_write_queue`, where no `sending_queue` is written.
fn early_queue(section: &mut Section<'_>, delivery: &mut Delivery) {
    let newer = section.has("sending_queue");
    let Some(mut queue) = section.value("remote_write_queue").and_then(|value| value.section()) else { return };
    let enabled = queue.boolean("enabled").unwrap_or(true);
    let size = queue.unsigned("queue_size").filter(|size| *size != 0);
    queue.rest(&[("num_consumers", Rule::Fixed("5", IN_ORDER))]);
    queue.finish();
    if newer {
        return;
    }
    match (&mut delivery.queue, enabled) {
        (queue, false) => *queue = None,
        (Some(queue), true) => queue.queue_size = size.unwrap_or(queue.queue_size),
        (None, true) => {}
    }
}

/// `zipkin`
pub(super) fn zipkin(section: &mut Section<'_>) -> Option<Exporter> {
    let name = section.text_value("default_service_name").and_then(|value| value.text());
    let encoding = section.text_value("format").and_then(|value| value.choice(FORMATS)).unwrap_or(HttpEncoding::Json);
    let delivery = delivery::read(section, Codes::Http);
    let (compression, level) = compression::http_unless_none(section);
    let dialect = Zipkin { default_service_name: name.unwrap_or_else(|| NAMELESS.to_owned()) };
    let hint = "write endpoint: http://zipkin:9411/api/v2/spans";
    section.rest(&[("encoding", Rule::NotYet)]);
    let body = Body { encoding, compression, level };
    sent(section, Dialect::Zipkin(dialect), Zipkin::SIGNAL, hint, body, delivery)
}

/// How bodies are written.
struct Body {
    encoding: HttpEncoding,
    compression: Compression,
    level: Option<i32>,
}

/// What is left of an exporter that sends `signal` alone; `hint` says what an endpoint looks like.
fn sent(
    section: &mut Section<'_>,
    dialect: Dialect,
    signal: Signal,
    hint: &str,
    body: Body,
    delivery: Delivery,
) -> Option<Exporter> {
    let value = exporters::required(section, "requires a non-empty \"endpoint\"", hint);
    let wish = tls::wish(section);
    let proxy = proxies::configured(section);
    let headers = headers::read(section, Carrier::Http);
    let timeout = delivery::timeout(section, Duration::from_secs(5));
    let link = links::http(section);
    // Read when the extensions are known.
    section.entry("auth");
    exporters::refuse_cookies(section);
    section.rest(exporters::HTTP_REST);
    let value = value?;
    let target = endpoint::http_of_anything(&value, "endpoint")?;
    let tls = wish.for_http(target.scheme, &value);
    let place = HttpTarget { key: "endpoint", endpoint: target.endpoint, path: target.path, tls, proxy };
    let Body { encoding, compression, level } = body;
    Some(Exporter::OtlpHttp(OtlpHttp {
        dialect,
        targets: BTreeMap::from([(signal, place)]),
        headers,
        encoding,
        auth: None,
        compression,
        compression_level: level,
        timeout,
        link,
        delivery,
    }))
}

const NAMELESS: &str = "<missing service name>";

const FORMATS: &[(&str, HttpEncoding)] = &[("json", HttpEncoding::Json), ("proto", HttpEncoding::Proto)];

const REMOTE_WRITE_RETRY: Retry = Retry {
    initial_interval: Duration::from_millis(50),
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: Duration::from_millis(200),
    max_elapsed_time: Some(Duration::from_secs(60)),
};

/// One request after the other: samples of a series that come late are refused.
fn remote_write_queue() -> Queue {
    Queue { num_consumers: 1, queue_size: 10_000, ..delivery::DEFAULT_QUEUE }
}

const IN_ORDER: &str = "one request after the other keeps the samples of a series in order";

const REMOTE_WRITE_REST: &[(&str, Rule)] = &[
    ("compression", Rule::Only(&["snappy"])),
    ("protobuf_message", Rule::Only(&["prometheus.WriteRequest"])),
    ("wal", Rule::NotYet),
    (
        "max_batch_size_bytes",
        Rule::Fixed("3000000", "batches bound requests, and one that is refused as too large is cut"),
    ),
    ("max_batch_request_parallelism", Rule::NoEffect(IN_ORDER)),
    ("export_created_metric", Rule::NotYet),
];
