//! What the exporters ask for that send over HTTP as `otlp_http` does, but something else: `prometheusremotewrite` and
//! `zipkin`, with the contrib exporters' keys and defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;

use crate::config::describe::Unread;
use crate::config::model::{
    Compression, Delivery, Dialect, Exporter, HttpEncoding, HttpLink, HttpTarget, OtlpHttp, Prometheus, Queue,
    RemoteWrite, Retry, Secret, Zipkin,
};
use crate::config::problem::Mistake;
use crate::config::section::{Rule, Section};
use crate::signal::Signal;
use crate::units::ByteCount;

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
        max_body: section.unsigned("max_batch_size_bytes").filter(|bytes| *bytes != 0).map(ByteCount),
        metadata: section.boolean("send_metadata").unwrap_or(false),
    };
    let mut delivery = delivery::read_as(section, Codes::Http, REMOTE_WRITE_RETRY, remote_write_queue());
    early_queue(section, &mut delivery);
    let body = Body { encoding: HttpEncoding::Proto, compression: Compression::Snappy, level: None };
    message(section);
    wal(section);
    section.rest(REMOTE_WRITE_REST);
    let timeout = delivery::timeout(section, TIMEOUT);
    let hint = "write endpoint: http://prometheus:9090/api/v1/write";
    let connection = match section.value("http").and_then(|value| value.section()) {
        Some(mut http) => {
            section.rest(&OUTER.map(|key| (key, Rule::NoEffect("http is written, and has keys of its own"))));
            http.rest(SNAPPY);
            let timeout = delivery::timeout(&mut http, timeout.unwrap_or(TIMEOUT));
            let connection = connection(&mut http, "http::endpoint", hint, timeout);
            http.finish();
            connection
        }
        None => {
            section.rest(SNAPPY);
            connection(section, "endpoint", hint, timeout)
        }
    };
    sent(connection?, Dialect::RemoteWrite(Box::new(dialect)), Prometheus::SIGNAL, body, delivery)
}

/// `protobuf_message`: version 1 is what every server takes.
fn message(section: &mut Section<'_>) {
    let Some(value) = section.text_value("protobuf_message") else { return };
    let versions = &[("prometheus.WriteRequest", 1), ("io.prometheus.write.v2.Request", 2)];
    if value.choice(versions) == Some(2) {
        value.warn("version 1 is sent, as the Collector does without its feature gate; servers of version 2 take both");
    }
}

/// `wal`, which is what a durable queue is for.
fn wal(section: &mut Section<'_>) {
    section.whole().leave("wal", Unread::Refused);
    let Some(value) = section.value("wal").filter(|value| !value.asks_for_nothing()) else { return };
    let fault =
        value.fault("the Collector's key \"wal\" is not supported by otlp-relay: a durable queue keeps the data");
    let hint =
        "write sending_queue: {storage: file_storage} in its place, and the extension file_storage: {directory: DIR}";
    value.refuse(fault.hint(hint).is(Mistake::NotSupportedYet));
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
    let timeout = delivery::timeout(section, TIMEOUT);
    let connection = connection(section, "endpoint", hint, timeout);
    sent(connection?, Dialect::Zipkin(dialect), Zipkin::SIGNAL, body, delivery)
}

/// How bodies are written.
struct Body {
    encoding: HttpEncoding,
    compression: Compression,
    level: Option<i32>,
}

/// How a server is reached.
struct Connection {
    target: HttpTarget,
    headers: Vec<(HeaderName, Secret)>,
    timeout: Option<Duration>,
    link: HttpLink,
}

/// The keys of a client. `hint` says what an endpoint looks like, `key` where it stands in its exporter.
fn connection(
    section: &mut Section<'_>,
    key: &'static str,
    hint: &str,
    timeout: Option<Duration>,
) -> Option<Connection> {
    let value = exporters::required(section, "requires a non-empty \"endpoint\"", hint);
    let wish = tls::wish(section);
    let proxy = proxies::configured(section);
    let headers = headers::read(section, Carrier::Http);
    let link = links::http(section);
    // Read when the extensions are known.
    section.entry("auth");
    exporters::refuse_cookies(section);
    section.rest(exporters::HTTP_REST);
    let value = value?;
    let target = endpoint::http_of_anything(&value, "endpoint")?;
    let tls = wish.for_http(target.scheme, &value);
    let target = HttpTarget { key, endpoint: target.endpoint, path: target.path, tls, proxy };
    Some(Connection { target, headers, timeout, link })
}

/// An exporter that sends `signal` alone.
fn sent(connection: Connection, dialect: Dialect, signal: Signal, body: Body, delivery: Delivery) -> Option<Exporter> {
    let Connection { target, headers, timeout, link } = connection;
    let Body { encoding, compression, level } = body;
    Some(Exporter::OtlpHttp(OtlpHttp {
        dialect,
        targets: BTreeMap::from([(signal, target)]),
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

/// Of one request, unless something else is written.
const TIMEOUT: Duration = Duration::from_secs(5);

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

const SNAPPY: &[(&str, Rule)] = &[("compression", Rule::Only(&["snappy"]))];

/// The keys of a client that may stand below `http` instead.
const OUTER: [&str; 16] = [
    "endpoint",
    "proxy_url",
    "tls",
    "headers",
    "auth",
    "compression",
    "compression_params",
    "read_buffer_size",
    "write_buffer_size",
    "max_idle_conns",
    "max_idle_conns_per_host",
    "max_conns_per_host",
    "idle_conn_timeout",
    "disable_keep_alives",
    "http2_ping_timeout",
    "http2_read_idle_timeout",
];

const REMOTE_WRITE_REST: &[(&str, Rule)] = &[
    ("max_batch_request_parallelism", Rule::NoEffect(IN_ORDER)),
    ("export_created_metric", Rule::NoEffect("no series tells when another one began, as in the Collector of today")),
    ("include_metadata_keys", Rule::NotYet),
    ("convert_explicit_histograms_to_nhcb", Rule::NotYet),
    ("keep_classic_histograms", Rule::NoEffect("histograms are written with the bounds that they have")),
];
