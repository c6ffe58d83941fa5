//! What comes in as OTLP is shown as the compatibility specification has it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, Metric, ResourceMetrics, ScopeMetrics, exemplar, metric::Data, number_data_point::Value as Num,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;

use super::negotiation::Format;
use super::shown::Escaping;
use super::text::Dialect;
use super::*;
use crate::config::{ListenAddress, ResourceLabels, Translation};
use crate::protocol::prometheus as wire;
use crate::signal::Signal;

const CUMULATIVE: i32 = 2;
const DELTA: i32 = 1;
const SECOND: u64 = 1_000_000_000;

fn settings() -> Prometheus {
    Prometheus {
        listen: ListenAddress { host: "127.0.0.1".to_owned(), port: 0 },
        tls: None,
        response_headers: Vec::new(),
        header_timeout: None,
        idle_timeout: None,
        one_request: false,
        namespace: String::new(),
        const_labels: Vec::new(),
        send_timestamps: false,
        metric_expiration: Duration::from_secs(300),
        resource_labels: ResourceLabels::default(),
        open_metrics: true,
        scope_labels: false,
        translation: Translation::default(),
        max_series: 1000,
    }
}

fn made(settings: &Prometheus) -> Scraped {
    prometheus(Arc::new(ComponentId::parse("prometheus").unwrap()), settings)
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| attribute(key, value)).collect()
}

fn point(value: Num, (start, time): (u64, u64), pairs: &[(&str, &str)]) -> otlp::NumberDataPoint {
    otlp::NumberDataPoint {
        attributes: attributes(pairs),
        start_time_unix_nano: start * SECOND,
        time_unix_nano: time * SECOND,
        value: Some(value),
        ..otlp::NumberDataPoint::default()
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: "What it is".to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn sum(name: &str, temporality: i32, points: Vec<otlp::NumberDataPoint>) -> Metric {
    let sum = otlp::Sum { data_points: points, aggregation_temporality: temporality, is_monotonic: true };
    metric(name, "", Data::Sum(sum))
}

fn gauge(name: &str, points: Vec<otlp::NumberDataPoint>) -> Metric {
    metric(name, "", Data::Gauge(otlp::Gauge { data_points: points }))
}

fn request(resource: &[(&str, &str)], metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope =
        InstrumentationScope { name: "lib".to_owned(), version: "1".to_owned(), ..InstrumentationScope::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes: attributes(resource), ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// Gives `request` to `scraped`, as a pipeline does.
fn give(scraped: &Scraped, request: &ExportMetricsServiceRequest) -> Receipt {
    let payload = Payload::parse(Signal::Metrics, request.encode_to_vec().into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(scraped.stage().consume(payload)).unwrap()
}

fn text(scraped: &Scraped, dialect: Dialect, escaping: Escaping) -> String {
    let written = scraped.page().written(Format::Text(dialect, "1.0.0"), escaping);
    String::from_utf8(written.to_vec()).unwrap()
}

/// What `settings` make of `metrics`, line for line.
#[track_caller]
fn check(settings: &Prometheus, metrics: Vec<Metric>, dialect: Dialect, expected: &[&str]) {
    let scraped = made(settings);
    let receipt = give(&scraped, &request(&[], metrics));
    assert_eq!(receipt.message, None);
    let shown = text(&scraped, dialect, Escaping::AllowUtf8);
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected, "{shown}");
}

#[test]
fn numbers_are_shown() {
    let metrics = vec![
        sum("requests", CUMULATIVE, vec![point(Num::AsInt(3), (1, 2), &[("b", "x\"\\\ny"), ("a", "1")])]),
        gauge("temperature", vec![point(Num::AsDouble(-1.5), (0, 2), &[])]),
    ];
    check(
        &settings(),
        metrics,
        Dialect::Prometheus,
        &[
            "# HELP requests_total What it is",
            "# TYPE requests_total counter",
            r#"requests_total{a="1",b="x\"\\\ny"} 3"#,
            "# HELP temperature What it is",
            "# TYPE temperature gauge",
            "temperature -1.5",
        ],
    );
}

#[test]
fn open_metrics_has_units_exemplars_and_an_end() {
    let mut counted = point(Num::AsInt(1), (1, 2), &[]);
    counted.exemplars.push(otlp::Exemplar {
        filtered_attributes: attributes(&[("user", "u")]),
        time_unix_nano: 1_500_000_000,
        span_id: vec![1; 8],
        trace_id: vec![0xAB; 16],
        value: Some(exemplar::Value::AsDouble(0.5)),
    });
    let mut io = sum("io", CUMULATIVE, vec![counted]);
    io.unit = "By".to_owned();
    let settings = Prometheus { send_timestamps: true, ..settings() };
    let ids = "trace_id=\"abababababababababababababababab\",span_id=\"0101010101010101\"";
    check(
        &settings,
        vec![io],
        Dialect::OpenMetrics,
        &[
            "# HELP io_bytes What it is",
            "# TYPE io_bytes counter",
            "# UNIT io_bytes bytes",
            &format!("io_bytes_total 1.0 2.000 # {{{ids},user=\"u\"}} 0.5 1.500"),
            "# EOF",
        ],
    );
}

#[test]
fn a_counter_whose_open_metrics_name_is_taken_keeps_its_own() {
    let metrics = vec![
        sum("a", CUMULATIVE, vec![point(Num::AsInt(1), (1, 2), &[])]),
        gauge("a", vec![point(Num::AsInt(2), (1, 2), &[])]),
    ];
    let shown = ["# HELP a What it is", "# TYPE a gauge", "a 2.0"];
    let counted = ["# HELP a_total What it is", "# TYPE a_total unknown", "a_total 1.0", "# EOF"];
    check(&settings(), metrics, Dialect::OpenMetrics, &[&shown[..], &counted[..]].concat());
}

fn histogram(temporality: i32, points: Vec<otlp::HistogramDataPoint>) -> Metric {
    let histogram = otlp::Histogram { data_points: points, aggregation_temporality: temporality };
    metric("latency", "s", Data::Histogram(histogram))
}

fn observed((start, time): (u64, u64), counts: &[u64], sum: f64) -> otlp::HistogramDataPoint {
    otlp::HistogramDataPoint {
        start_time_unix_nano: start * SECOND,
        time_unix_nano: time * SECOND,
        count: counts.iter().sum(),
        sum: Some(sum),
        bucket_counts: counts.to_vec(),
        explicit_bounds: vec![0.5, 1.0],
        attributes: attributes(&[("le", "mine")]),
        ..otlp::HistogramDataPoint::default()
    }
}

#[test]
fn histograms_are_cumulative_up_to_infinity() {
    let expected = [
        "# HELP latency_seconds What it is",
        "# TYPE latency_seconds histogram",
        r#"latency_seconds_bucket{exported_le="mine",le="0.5"} 1"#,
        r#"latency_seconds_bucket{exported_le="mine",le="1"} 3"#,
        r#"latency_seconds_bucket{exported_le="mine",le="+Inf"} 6"#,
        r#"latency_seconds_sum{exported_le="mine"} 7.5"#,
        r#"latency_seconds_count{exported_le="mine"} 6"#,
    ];
    let whole = histogram(CUMULATIVE, vec![observed((1, 3), &[1, 2, 3], 7.5)]);
    check(&settings(), vec![whole], Dialect::Prometheus, &expected);
    let parts = vec![observed((1, 2), &[1, 0, 3], 7.0), observed((2, 3), &[0, 2, 0], 0.5)];
    check(&settings(), vec![histogram(DELTA, parts)], Dialect::Prometheus, &expected);
}

#[test]
fn summaries_are_shown() {
    let quantile = |quantile, value| ValueAtQuantile { quantile, value };
    let point = otlp::SummaryDataPoint {
        count: 4,
        sum: 2.5,
        quantile_values: vec![quantile(0.99, f64::NAN), quantile(0.5, 1.0), quantile(0.5, 2.0)],
        ..otlp::SummaryDataPoint::default()
    };
    check(
        &settings(),
        vec![metric("size", "", Data::Summary(otlp::Summary { data_points: vec![point] }))],
        Dialect::Prometheus,
        &[
            "# HELP size What it is",
            "# TYPE size summary",
            r#"size{quantile="0.5"} 1"#,
            r#"size{quantile="0.99"} NaN"#,
            "size_sum 2.5",
            "size_count 4",
        ],
    );
}

fn exponential() -> Metric {
    let point = otlp::ExponentialHistogramDataPoint {
        time_unix_nano: 2 * SECOND,
        count: 9,
        sum: Some(12.0),
        scale: 1,
        zero_count: 2,
        positive: Some(WireBuckets { offset: -1, bucket_counts: vec![3, 0, 4] }),
        ..otlp::ExponentialHistogramDataPoint::default()
    };
    let all = otlp::ExponentialHistogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    metric("latency", "", Data::ExponentialHistogram(all))
}

#[test]
fn exponential_histograms_are_native_in_protobuf_and_one_bucket_in_text() {
    let scraped = made(&settings());
    give(&scraped, &request(&[], vec![exponential()]));
    let written = scraped.page().written(Format::Protobuf, Escaping::Underscores);
    let family = wire::MetricFamily::decode_length_delimited(written).unwrap();
    assert_eq!((family.name.as_deref(), family.kind), (Some("latency"), Some(wire::HISTOGRAM)));
    let native = family.metric[0].histogram.clone().unwrap();
    assert_eq!((native.schema, native.zero_count, native.zero_threshold), (Some(1), Some(2), Some(1e-128)));
    let spans: Vec<_> = native.positive_span.iter().map(|span| (span.offset.unwrap(), span.length.unwrap())).collect();
    assert_eq!((spans, native.positive_delta), (vec![(0, 1), (1, 1)], vec![3, 1]));
    let shown = text(&scraped, Dialect::Prometheus, Escaping::Underscores);
    assert!(shown.ends_with("latency_bucket{le=\"+Inf\"} 9\nlatency_sum 12\nlatency_count 9\n"), "{shown}");
}

#[test]
fn targets_are_told_once_and_series_say_whose_they_are() {
    let settings = Prometheus { scope_labels: true, namespace: "n".to_owned(), ..settings() };
    let scraped = made(&settings);
    let resource =
        [("service.name", "s"), ("service.namespace", "ns"), ("service.instance.id", "i"), ("host.name", "h")];
    let points = vec![point(Num::AsInt(1), (0, 1), &[("job", "mine"), ("a.b", "1"), ("a_b", "2")])];
    give(&scraped, &request(&resource, vec![gauge("g", points)]));
    let shown = text(&scraped, Dialect::Prometheus, Escaping::Underscores);
    let series = r#"n_g{a_b="1;2",exported_job="mine",instance="i",job="ns/s",otel_scope_name="lib",otel_scope_schema_url="",otel_scope_version="1"} 1"#;
    assert!(shown.contains(series), "{shown}");
    assert!(shown.contains("# TYPE n_target_info gauge\n"), "{shown}");
    assert!(shown.contains("n_target_info{host_name=\"h\",instance=\"i\",job=\"ns/s\"} 1\n"), "{shown}");
}

#[test]
fn constant_labels_and_resource_attributes_are_on_every_series() {
    let resource_labels = ResourceLabels { included: vec!["host.*".to_owned()], excluded: vec!["*.id".to_owned()] };
    let const_labels = vec![("the zone".to_owned(), "eu".to_owned())];
    let settings = Prometheus { resource_labels, const_labels, ..settings() };
    let scraped = made(&settings);
    let points = vec![point(Num::AsInt(1), (0, 1), &[("host.name", "mine")])];
    give(&scraped, &request(&[("host.name", "h"), ("host.id", "i"), ("x", "y")], vec![gauge("g", points)]));
    let shown = text(&scraped, Dialect::Prometheus, Escaping::Underscores);
    assert!(shown.ends_with("g{host_name=\"h\",the_zone=\"eu\"} 1\n"), "{shown}");
}

#[test]
fn names_of_all_characters_are_quoted_for_who_reads_them() {
    let settings = Prometheus { translation: Translation::NoUtf8EscapingWithSuffixes, ..settings() };
    let scraped = made(&settings);
    let points = vec![point(Num::AsInt(1), (0, 1), &[("a.b", "x")])];
    give(&scraped, &request(&[], vec![sum("größe.in", CUMULATIVE, points)]));
    let quoted = text(&scraped, Dialect::Prometheus, Escaping::AllowUtf8);
    assert!(quoted.ends_with("# TYPE \"größe.in_total\" counter\n{\"größe.in_total\",\"a.b\"=\"x\"} 1\n"), "{quoted}");
    let classic = text(&scraped, Dialect::Prometheus, Escaping::Underscores);
    assert!(classic.ends_with("# TYPE gr__e_in_total counter\ngr__e_in_total{a_b=\"x\"} 1\n"), "{classic}");
}

#[test]
fn what_cannot_be_shown_is_rejected_with_the_reason() {
    let scraped = made(&Prometheus { max_series: 2, ..settings() });
    let one = || vec![point(Num::AsInt(1), (0, 1), &[])];
    let mut odd = histogram(CUMULATIVE, vec![observed((0, 1), &[1], 0.0)]);
    odd.name = "odd".to_owned();
    let falling = otlp::Sum { data_points: one(), aggregation_temporality: DELTA, is_monotonic: false };
    let metrics = vec![
        gauge("a", one()),
        sum("a", CUMULATIVE, one()),
        sum("a.total", 0, one()),
        metric("a_total", "", Data::Gauge(otlp::Gauge { data_points: one() })),
        odd,
        metric("falls", "", Data::Sum(falling)),
        gauge("é", one()),
        gauge("too many", one()),
    ];
    let receipt = give(&scraped, &request(&[], metrics));
    let message = receipt.message.unwrap();
    assert_eq!(receipt.rejected, Items(6), "{message}");
    for words in [
        "a_total is a counter already, and no gauge",
        "a.total: its aggregation temporality is neither delta nor cumulative",
        "odd: a histogram has one bucket more than bounds",
        "falls: a sum that is not monotonic has to be cumulative for Prometheus",
        "é: nothing is left of its name in Prometheus",
    ] {
        assert!(message.contains(words), "{words}: {message}");
    }
    let more = give(&scraped, &request(&[], vec![gauge("b", one())])).message.unwrap();
    assert_eq!(&*more, "there are as many series as max_series allows (1 data points)");
}

#[test]
fn a_series_ends_when_its_sender_says_so_or_nothing_comes() {
    let scraped = made(&settings());
    let mut ended = point(Num::AsInt(1), (0, 2), &[]);
    ended.flags = 1;
    give(&scraped, &request(&[], vec![gauge("g", vec![point(Num::AsInt(1), (0, 1), &[])])]));
    assert!(text(&scraped, Dialect::Prometheus, Escaping::Underscores).ends_with("g 1\n"));
    give(&scraped, &request(&[], vec![gauge("g", vec![ended])]));
    assert_eq!(text(&scraped, Dialect::Prometheus, Escaping::Underscores), "");

    let now = Instant::now();
    let request = request(&[("service.name", "s")], vec![gauge("g", vec![point(Num::AsInt(1), (0, 1), &[])])]);
    scraped.stage.reader.read(&request, &scraped.stage.store, now);
    let shown = |after| scraped.stage.store.snapshot(now + Duration::from_secs(after));
    assert_eq!((shown(300).families.len(), shown(300).targets.len()), (1, 1));
    assert_eq!((shown(301).families.len(), shown(301).targets.len()), (0, 0));
}

#[test]
fn an_older_value_does_not_take_the_place_of_a_younger_one() {
    let scraped = made(&settings());
    for (value, time) in [(1, 5), (2, 3)] {
        give(&scraped, &request(&[], vec![gauge("g", vec![point(Num::AsInt(value), (0, time), &[])])]));
    }
    assert!(text(&scraped, Dialect::Prometheus, Escaping::Underscores).ends_with("g 1\n"));
}

proptest! {
    /// Whatever deltas come, in whatever order and from however many writers: the counter does not fall, and is the sum of
    /// those that were not rejected.
    #[test]
    fn a_counter_of_deltas_never_falls(deltas in proptest::collection::vec((0_u32..1000, 0_u64..20, 0_u64..20), 1..30)) {
        let scraped = made(&settings());
        let (mut expected, mut last) = (0.0, 0.0);
        for (value, start, time) in deltas {
            let points = vec![point(Num::AsInt(i64::from(value)), (start, time), &[])];
            let receipt = give(&scraped, &request(&[], vec![sum("c", DELTA, points)]));
            if receipt.rejected == Items::ZERO {
                expected += f64::from(value);
            }
            let shown = text(&scraped, Dialect::OpenMetrics, Escaping::Underscores);
            let now: f64 = shown.lines().find_map(|line| line.strip_prefix("c_total ")).unwrap().parse().unwrap();
            prop_assert!(last <= now);
            last = now;
        }
        prop_assert_eq!(last, expected);
    }

    /// No text in any place makes a line that is none, or one series twice.
    #[test]
    fn any_text_stays_in_its_place(name in "\\PC{0,12}", key in "\\PC{1,12}", value in any::<String>(), help in any::<String>()) {
        for translation in [Translation::default(), Translation::NoTranslation] {
            let scraped = made(&Prometheus { translation, ..settings() });
            let mut gauge = gauge(&name, vec![point(Num::AsInt(1), (0, 1), &[(&key, &value)])]);
            gauge.description.clone_from(&help);
            give(&scraped, &request(&[], vec![gauge]));
            for escaping in [Escaping::AllowUtf8, Escaping::Underscores] {
                let shown = text(&scraped, Dialect::OpenMetrics, escaping);
                let odd = shown.split('\n').filter(|line| !line.is_empty() && !line.starts_with("# "));
                prop_assert!(odd.clone().all(|line| line.ends_with(" 1.0")), "{}", shown);
                prop_assert!(odd.count() <= 1);
            }
        }
    }
}
