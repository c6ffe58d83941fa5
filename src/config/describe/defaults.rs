//! What the decoder takes where nothing is written, as configuration text: for `print-config` alone.
//!
//! That this agrees with the decoder is a law that tests hold: a configuration with these defaults written out is read
//! as the same configuration. Defaults that depend on other keys are left out.

use crate::config::yaml::{Entry, Node, Value, parse};

/// A map inside of components, or of the service, and the defaults of its keys.
struct Row {
    section: &'static str,
    /// Types of components; none for a section without components.
    types: &'static [&'static str],
    /// The way from there to the map, if any.
    inside: &'static [&'static str],
    when: When,
    /// A YAML map.
    keys: &'static str,
}

/// Where defaults are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Also where the section is not written: it is on unless switched off.
    Always,
    /// Where the section is written, if only as null: it is off otherwise.
    Written,
    /// Where the section is written as a map: null switches it off.
    Map,
    /// Where the section is written and empty: a key in it changes the defaults of others.
    Empty,
}

/// Fills the defaults into `root`.
pub(super) fn fill(root: &mut Node) {
    unlimited(root);
    for row in ROWS {
        // Tests read every row.
        let Ok(Some(keys)) = parse(row.keys, &"defaults".into()).map(|document| document.root) else { continue };
        let Value::Map(sections) = &mut root.value else { return };
        for section in sections.iter_mut().filter(|entry| entry.key == row.section) {
            if row.types.is_empty() {
                descend(&mut section.value, row, row.inside, &keys);
            } else if let Value::Map(components) = &mut section.value.value {
                let meant = components.iter_mut().filter(|entry| row.types.contains(&kind(&entry.key)));
                meant.for_each(|component| descend(&mut component.value, row, row.inside, &keys));
            }
        }
    }
}

/// With storage, retries go on for ever unless their time is written.
fn unlimited(root: &mut Node) {
    let Ok(Some(keys)) = parse(RETRY_ON_DISK.keys, &"defaults".into()).map(|document| document.root) else { return };
    let Value::Map(sections) = &mut root.value else { return };
    for exporters in sections.iter_mut().filter(|entry| entry.key == RETRY_ON_DISK.section) {
        let Value::Map(components) = &mut exporters.value.value else { continue };
        let meant = components.iter_mut().filter(|entry| RETRY_ON_DISK.types.contains(&kind(&entry.key)));
        for component in meant.filter(|entry| has_storage(&entry.value)) {
            descend(&mut component.value, &RETRY_ON_DISK, RETRY_ON_DISK.inside, &keys);
        }
    }
}

/// Whether the queue of `exporter` is on disk.
fn has_storage(exporter: &Node) -> bool {
    let member = |node: &Node, key: &str| match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone()),
        Value::Scalar(_) | Value::List(_) => None,
    };
    let queue = member(exporter, "sending_queue");
    let is_on = |queue: &Node| !matches!(&queue.value, Value::Map(entries) if is_off(entries));
    queue.filter(is_on).and_then(|queue| member(&queue, "storage")).is_some_and(|storage| {
        !storage.is_null() && !matches!(&storage.value, Value::Scalar(scalar) if scalar.text.is_empty())
    })
}

/// Goes down `path` as far as it is written, or all of it where it is always there.
fn descend(node: &mut Node, row: &Row, path: &[&str], keys: &Node) {
    let Some((first, rest)) = path.split_first() else {
        if row.when != When::Empty || node.is_empty() {
            complete(node, keys);
        }
        return;
    };
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    match &mut node.value {
        Value::List(items) if *first == EACH => items.iter_mut().for_each(|item| descend(item, row, rest, keys)),
        Value::Map(entries) if !is_off(entries) => {
            if row.when == When::Always && !entries.iter().any(|entry| entry.key == *first) {
                let value = Node::map(keys.place.clone(), Vec::new());
                entries.push(Entry { key: (*first).to_owned(), place: keys.place.clone(), value });
            }
            let counts = |entry: &&mut Entry| entry.key == *first && !(row.when == When::Map && entry.value.is_null());
            let inside = entries.iter_mut().find(counts);
            inside.into_iter().for_each(|entry| descend(&mut entry.value, row, rest, keys));
        }
        _ => {}
    }
}

/// Fills `keys` into the map `node`.
fn complete(node: &mut Node, keys: &Node) {
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    let (Value::Map(written), Value::Map(keys)) = (&mut node.value, &keys.value) else { return };
    if is_off(written) {
        return;
    }
    for default in keys {
        if written.iter().any(|entry| replaces(&entry.key, &default.key)) {
            continue;
        }
        match written.iter_mut().find(|entry| entry.key == default.key) {
            Some(entry) if entry.value.is_null() => entry.value = default.value.clone(),
            Some(_) => {}
            None => written.push(default.clone()),
        }
    }
}

fn is_off(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| match &entry.value.value {
        Value::Scalar(scalar) => entry.key == "enabled" && scalar.text.eq_ignore_ascii_case("false"),
        Value::List(_) | Value::Map(_) => false,
    })
}

/// The type in an identifier.
fn kind(key: &str) -> &str {
    key.split('/').next().unwrap_or_default().trim()
}

/// Whether nothing is filled in for `key` where `written` is written.
fn replaces(written: &str, key: &str) -> bool {
    EARLIER.contains(&(written, key))
}

/// Any member of a list.
const EACH: &str = "*";

/// Keys that take the place of a key with a default, since they are its earlier name, or that change the default.
const EARLIER: &[(&str, &str)] = &[
    ("address", "readers"),
    ("blocking", "block_on_overflow"),
    ("overflow", "block_on_overflow"),
    ("logLevel", "verbosity"),
    ("loglevel", "verbosity"),
    ("port", "endpoint"),
    ("protocol", "timeout"),
    // A default is every address of the family that it names.
    ("transport", "endpoint"),
];

const fn always(section: &'static str, types: &'static [&'static str], keys: &'static str) -> Row {
    Row { section, types, inside: &[], when: When::Always, keys }
}

const fn inside(row: Row, inside: &'static [&'static str], when: When) -> Row {
    Row { inside, when, ..row }
}

const OTLP: &[&str] = &["otlp_grpc", "otlp", "otlp_http", "otlphttp"];
const REMOTE_WRITE: &[&str] = &["prometheusremotewrite", "prometheus_remote_write"];
const ZIPKIN: &[&str] = &["zipkin"];
/// Those with a queue that may be on disk, beside the debug exporter.
const SENDING: &[&str] =
    &["otlp_grpc", "otlp", "otlp_http", "otlphttp", "prometheusremotewrite", "prometheus_remote_write", "zipkin"];
const DEBUG: &[&str] = &["debug", "logging"];
const SAMPLING: &str = "{enabled: true, tick: 10s, initial: 10, thereafter: 100}";
const RETRY: &str = "{enabled: true, initial_interval: 5s, randomization_factor: 0.5, multiplier: 1.5, \
                     max_interval: 30s, max_elapsed_time: 5m}";
const QUICK_RETRY: &str = "{enabled: true, initial_interval: 50ms, randomization_factor: 0.5, multiplier: 1.5, \
                           max_interval: 200ms, max_elapsed_time: 1m}";
/// Without `sizer`, which a batch takes over where it is written.
const QUEUE: &str = "{enabled: true, num_consumers: 10, queue_size: 1000, block_on_overflow: false, \
                     wait_for_result: false}";
const LOGS: &str = "{level: info, encoding: console, output_paths: [stderr], error_output_paths: [stderr], \
                    initial_fields: {}, disable_zap_resource: false}";
const METRICS: &str = "{level: normal, readers: [{pull: {exporter: {prometheus: {}}}}]}";
const PROMETHEUS: &str = "{host: localhost, port: 8888, without_scope_info: true, without_units: true, \
                          without_type_suffix: true}";

/// Filled in first, so that it wins over [`RETRY`].
const RETRY_ON_DISK: Row = Row {
    section: "exporters",
    types: SENDING,
    inside: &["retry_on_failure"],
    when: When::Always,
    keys: "{max_elapsed_time: 0s}",
};

/// Outer maps before inner ones.
const ROWS: &[Row] = &[
    inside(
        always("receivers", &["otlp"], "{endpoint: '0.0.0.0:4317', max_recv_msg_size_mib: 4}"),
        &["protocols", "grpc"],
        When::Written,
    ),
    inside(
        always("receivers", &["otlp"], "{endpoint: '0.0.0.0:4318', max_request_body_size: 20971520}"),
        &["protocols", "http"],
        When::Written,
    ),
    always(
        "receivers",
        &["prometheus"],
        "{initial_scrape_offset: 0s, scrape_on_shutdown: false, trim_metric_suffixes: false}",
    ),
    inside(
        always("receivers", &["prometheus"], "{scrape_interval: 1m, scrape_timeout: 10s}"),
        &["config", "global"],
        When::Written,
    ),
    inside(
        always(
            "receivers",
            &["prometheus"],
            "{metrics_path: /metrics, scheme: http, honor_labels: false, honor_timestamps: true, \
              follow_redirects: true, track_timestamps_staleness: false, enable_compression: true, \
              proxy_from_environment: false}",
        ),
        &["config", "scrape_configs", EACH],
        When::Written,
    ),
    always("processors", &["batch"], "{timeout: 200ms, send_batch_size: 8192, send_batch_max_size: 0}"),
    always("processors", &["memory_limiter"], "{check_interval: 1s}"),
    always("exporters", &["otlp_grpc", "otlp"], "{compression: gzip, timeout: 5s}"),
    always("exporters", &["otlp_http", "otlphttp"], "{compression: gzip, timeout: 30s}"),
    inside(always("exporters", OTLP, RETRY), &["retry_on_failure"], When::Always),
    inside(always("exporters", OTLP, QUEUE), &["sending_queue"], When::Always),
    inside(
        always("exporters", SENDING, "{flush_timeout: 200ms, min_size: 8192, max_size: 0, sizer: items}"),
        &["sending_queue", "batch"],
        When::Empty,
    ),
    always(
        "exporters",
        DEBUG,
        "{verbosity: basic, sampling_initial: 2, sampling_thereafter: 1, use_internal_logger: true}",
    ),
    always("exporters", &["file"], "{append: false, format: json, create_directory: false}"),
    always(
        "exporters",
        &["prometheus"],
        "{send_timestamps: false, metric_expiration: 5m, enable_open_metrics: false, add_metric_suffixes: true, \
          without_scope_info: false, max_series: 200000}",
    ),
    always(
        "exporters",
        REMOTE_WRITE,
        "{timeout: 5s, add_metric_suffixes: true, send_metadata: false, disable_scope_info: false}",
    ),
    inside(always("exporters", REMOTE_WRITE, QUICK_RETRY), &["retry_on_failure"], When::Always),
    inside(always("exporters", REMOTE_WRITE, "{enabled: true}"), &["target_info"], When::Always),
    inside(
        always("exporters", REMOTE_WRITE, "{enabled: true, queue_size: 10000, num_consumers: 5}"),
        &["remote_write_queue"],
        When::Always,
    ),
    inside(
        always("exporters", REMOTE_WRITE, "{num_consumers: 1, queue_size: 10000}"),
        &["sending_queue"],
        When::Written,
    ),
    inside(always("exporters", REMOTE_WRITE, QUEUE), &["sending_queue"], When::Written),
    always(
        "exporters",
        ZIPKIN,
        "{timeout: 5s, format: json, default_service_name: '<missing service name>', compression: none}",
    ),
    inside(always("exporters", ZIPKIN, RETRY), &["retry_on_failure"], When::Always),
    inside(always("exporters", ZIPKIN, QUEUE), &["sending_queue"], When::Always),
    inside(always("exporters", DEBUG, QUEUE), &["sending_queue"], When::Written),
    inside(always("exporters", SENDING, "{max_bytes: 1073741824}"), &["dead_letter"], When::Map),
    always(
        "extensions",
        &["debug_dump"],
        "{which: failed, sample: 1, payload: otlp_protobuf, max_bytes: 268435456, max_age: 24h, exporters: []}",
    ),
    inside(
        always(
            "exporters",
            SENDING,
            "{enabled: true, max_consecutive_failures: 5, max_outage: 30s, retry_interval: 30s}",
        ),
        &["fallback"],
        When::Map,
    ),
    always("connectors", &["failover"], "{retry_interval: 10m}"),
    inside(always("connectors", &["failover"], QUEUE), &["sending_queue"], When::Written),
    always(
        "extensions",
        &["file_storage"],
        "{directory: /var/lib/otelcol/file_storage, timeout: 1s, fsync: true, create_directory: false}",
    ),
    always("extensions", &["health_check"], "{endpoint: '0.0.0.0:13133', path: /}"),
    always("extensions", &["zpages"], "{endpoint: 'localhost:55679'}"),
    always("service", &[], "{extensions: [], shutdown_timeout: 8s}"),
    inside(always("service", &[], LOGS), &["telemetry", "logs"], When::Always),
    // Null switches sampling off, so it is no section to fill.
    inside(always("service", &[], SAMPLING), &["telemetry", "logs", "sampling"], When::Map),
    inside(always("service", &[], METRICS), &["telemetry", "metrics"], When::Always),
    inside(
        always("service", &[], PROMETHEUS),
        &["telemetry", "metrics", "readers", EACH, "pull", "exporter", "prometheus"],
        When::Written,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_map() {
        for row in ROWS {
            let keys = parse(row.keys, &"row".into()).ok().and_then(|document| document.root);
            assert!(matches!(keys.map(|keys| keys.value), Some(Value::Map(_))), "{}", row.keys);
        }
    }
}
