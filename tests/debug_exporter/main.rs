//! Does the debug exporter show each signal in the Collector's layouts?
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod console;
mod samples;
mod values;

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use otlp_relay::config::{Debug, DebugOutput, Delivery, LogEncoding, Verbosity};
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::telemetry::Lines;
use prost::Message;
use samples::{logs, metrics, profiles, traces};
use tracing_subscriber::layer::SubscriberExt;

/// Exports `requests` one after the other and compares what the log then holds, without its timestamps.
#[track_caller]
fn check<M: Message>(signal: Signal, settings: Debug, requests: &[M], expected: &str) {
    let written = Written::default();
    let sink = written.clone();
    let log = tracing_subscriber::registry().with(Lines::new(LogEncoding::Console, move || sink.clone()));
    let guard = tracing::subscriber::set_default(log);
    export(signal, settings, requests);
    drop(guard);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let text: String = text.split_inclusive('\n').map(without_time).collect();
    assert_eq!(text, expected, "\n--- got\n{text}");
}

/// Exports `requests` one after the other.
fn export<M: Message>(signal: Signal, settings: Debug, requests: &[M]) {
    let id = Arc::new(ComponentId::parse("debug").unwrap());
    let exporter = otlp_relay::exporters::debug::Debug::open(id, &settings).unwrap().stage(signal);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for request in requests {
        let payload = Payload::parse(signal, Bytes::from(request.encode_to_vec())).unwrap();
        runtime.block_on(exporter.consume(payload)).unwrap();
    }
}

fn without_time(line: &str) -> &str {
    line.split_once("Z INFO ").map_or(line, |(_, rest)| rest)
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(verbosity: Verbosity) -> Debug {
    Debug {
        verbosity,
        sampling_initial: 2,
        sampling_thereafter: Some(1),
        output: DebugOutput::InternalLogger,
        delivery: Delivery::default(),
    }
}

#[test]
fn basic_is_a_summary_for_each_request() {
    let basic = || settings(Verbosity::Basic);
    check(Signal::Traces, basic(), &[traces()], "Traces exporter=debug data_type=traces resource spans=1 spans=2\n");
    check(Signal::Metrics, basic(), &[metrics()], METRICS_SUMMARY);
    check(Signal::Logs, basic(), &[logs()], "Logs exporter=debug data_type=logs resource logs=1 log records=2\n");
    check(Signal::Profiles, basic(), &[profiles()], PROFILES_SUMMARY);
}

#[test]
fn sampling_leaves_out_entries_of_the_same_text() {
    let sampled = |verbosity| Debug { sampling_initial: 1, sampling_thereafter: None, ..settings(verbosity) };
    let line = "Traces exporter=debug data_type=traces resource spans=1 spans=2\n";
    check(Signal::Traces, sampled(Verbosity::Basic), &[traces(), traces(), traces()], line);
    let mut other = traces();
    other.resource_spans[0].scope_spans[0].spans.truncate(1);
    other.resource_spans[0].scope_spans[0].spans[0].name = "search".to_owned();
    let head = "ResourceTraces #0 [https://r] service.name=shop\nScopeTraces #0 lib@1.0\n";
    let span = |name| format!("{name} abababababababababababababababab 0101010101010101 http.method=GET n=5\n");
    let end = " exporter=debug data_type=traces\n";
    let (first, second) = (span("checkout"), span("search"));
    let expected = [line, head, &first, "  \n", end, head, &second, end].concat();
    check(Signal::Traces, sampled(Verbosity::Normal), &[traces(), other, traces()], &expected);
}

#[test]
fn normal_is_a_line_for_each_span() {
    let expected = concat!(
        "Traces exporter=debug data_type=traces resource spans=1 spans=2\n",
        "ResourceTraces #0 [https://r] service.name=shop\n",
        "ScopeTraces #0 lib@1.0\n",
        "checkout abababababababababababababababab 0101010101010101 http.method=GET n=5\n",
        "  \n",
        " exporter=debug data_type=traces\n",
    );
    check(Signal::Traces, settings(Verbosity::Normal), &[traces()], expected);
}

#[test]
fn normal_is_a_line_for_each_log_record_and_control_characters_are_harmless() {
    let expected = concat!(
        "Logs exporter=debug data_type=logs resource logs=1 log records=2\n",
        "ResourceLog #0\n",
        "ScopeLog #0 [https://s]\n",
        "two\nlines \\u{1b}[31m k=v l=w\n",
        " \n",
        " exporter=debug data_type=logs\n",
    );
    check(Signal::Logs, settings(Verbosity::Normal), &[logs()], expected);
}

#[test]
fn normal_is_a_line_for_each_data_point() {
    let expected = [
        METRICS_SUMMARY,
        "ResourceMetrics #0\n",
        "ScopeMetrics #0\n",
        "g{a=1,b=2} 1.5\n",
        "g{a=1,b=2} 3\n",
        "g{} \n",
        "s{} 9\n",
        "h{} count=3 sum=6.5 min=0.5 le2.5=1 2\n",
        "e{} count=6 le-4=2 le-2=1 zero=1 le2=2\n",
        "q{} count=2 sum=3.000000 q0.5=1.25\n",
        " exporter=debug data_type=metrics\n",
    ];
    check(Signal::Metrics, settings(Verbosity::Normal), &[metrics()], &expected.concat());
}

#[test]
fn normal_is_a_line_for_each_profile() {
    let expected = [
        PROFILES_SUMMARY,
        "ResourceProfiles #0 service.name=shop\n",
        "ScopeProfiles #0 lib@1.0\n",
        &format!("{} samples=1 key={}...\n", "0a".repeat(16), "v".repeat(256)),
        " exporter=debug data_type=profiles\n",
    ];
    check(Signal::Profiles, settings(Verbosity::Normal), &[profiles()], &expected.concat());
}

#[test]
fn detailed_shows_every_field_of_a_span() {
    let expected = concat!(
        "Traces exporter=debug data_type=traces resource spans=1 spans=2\n",
        "ResourceSpans #0\n",
        "Resource SchemaURL: https://r\n",
        "Resource attributes:\n",
        "     -> service.name: Str(shop)\n",
        "ScopeSpans #0\n",
        "ScopeSpans SchemaURL: \n",
        "InstrumentationScope lib 1.0\n",
        "Span #0\n",
        "    Trace ID       : abababababababababababababababab\n",
        "    Parent ID      : 0202020202020202\n",
        "    ID             : 0101010101010101\n",
        "    Name           : checkout\n",
        "    Kind           : Server\n",
        "    TraceState     : a=b\n",
        "    Start time     : 2020-02-11 20:26:12.000000321 +0000 UTC\n",
        "    End time       : 2020-02-11 20:26:12.000001 +0000 UTC\n",
        "    Status code    : Error\n",
        "    Status message : no stock\n",
        "    DroppedAttributesCount: 1\n",
        "    DroppedEventsCount: 0\n",
        "    DroppedLinksCount: 0\n",
        "Attributes:\n",
        "     -> http.method: Str(GET)\n",
        "     -> n: Int(5)\n",
        "Events:\n",
        "SpanEvent #0\n",
        "     -> Name: retry\n",
        "     -> Timestamp: 2020-02-11 20:26:12.000000321 +0000 UTC\n",
        "     -> DroppedAttributesCount: 2\n",
        "     -> Attributes::\n",
        "          -> why: Str(timeout)\n",
        "Links:\n",
        "SpanLink #0\n",
        "     -> Trace ID: cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\n",
        "     -> ID: 0303030303030303\n",
        "     -> TraceState: \n",
        "     -> DroppedAttributesCount: 0\n",
        "Span #1\n",
        "    Trace ID       : \n",
        "    Parent ID      : \n",
        "    ID             : \n",
        "    Name           : \n",
        "    Kind           : Unspecified\n",
        "    Start time     : 1970-01-01 00:00:00 +0000 UTC\n",
        "    End time       : 1970-01-01 00:00:00 +0000 UTC\n",
        "    Status code    : Unset\n",
        "    Status message : \n",
        "    DroppedAttributesCount: 0\n",
        "    DroppedEventsCount: 0\n",
        "    DroppedLinksCount: 0\n",
        " exporter=debug data_type=traces\n",
    );
    check(Signal::Traces, settings(Verbosity::Detailed), &[traces()], expected);
}

#[test]
fn detailed_shows_every_field_of_a_log_record() {
    let expected = concat!(
        "Logs exporter=debug data_type=logs resource logs=1 log records=2\n",
        "ResourceLog #0\n",
        "Resource SchemaURL: \n",
        "Resource entity refs:\n",
        "     -> Entity ref #0:\n",
        "          -> Type: service\n",
        "          -> Schema URL: https://e\n",
        "          -> ID keys:\n",
        "               -> service.name\n",
        "          -> Description keys:\n",
        "               -> service.version\n",
        "ScopeLogs #0\n",
        "ScopeLogs SchemaURL: https://s\n",
        "InstrumentationScope  \n",
        "LogRecord #0\n",
        "ObservedTimestamp: 2020-02-11 20:26:12.000000321 +0000 UTC\n",
        "Timestamp: 2020-02-11 20:26:12.000000321 +0000 UTC\n",
        "SeverityText: info\n",
        "SeverityNumber: Info2(10)\n",
        "EventName: login\n",
        "Body: Str(two\nlines \\u{1b}[31m)\n",
        "Attributes:\n",
        "     -> k: Str(v)\n",
        "     -> l: Str(w)\n",
        "Trace ID: abababababababababababababababab\n",
        "Span ID: 0101010101010101\n",
        "Flags: 1\n",
        "LogRecord #1\n",
        "ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC\n",
        "Timestamp: 1970-01-01 00:00:00 +0000 UTC\n",
        "SeverityText: \n",
        "SeverityNumber: Unspecified(0)\n",
        "Body: Empty()\n",
        "Trace ID: \n",
        "Span ID: \n",
        "Flags: 0\n",
        " exporter=debug data_type=logs\n",
    );
    check(Signal::Logs, settings(Verbosity::Detailed), &[logs()], expected);
}

#[test]
fn detailed_shows_every_field_of_a_data_point() {
    let stamps = "StartTimestamp: 1970-01-01 00:00:00 +0000 UTC\nTimestamp: 1970-01-01 00:00:00 +0000 UTC\n";
    let descriptor = |index, name, kind| {
        let empty = "     -> Description: \n     -> Unit: \n";
        format!("Metric #{index}\nDescriptor:\n     -> Name: {name}\n{empty}     -> DataType: {kind}\n")
    };
    let attributes = "Data point attributes:\n     -> a: Str(1)\n     -> b: Str(2)\n";
    let expected = [
        METRICS_SUMMARY,
        "ResourceMetrics #0\nResource SchemaURL: \n",
        "ScopeMetrics #0\nScopeMetrics SchemaURL: \nInstrumentationScope  \n",
        "Metric #0\nDescriptor:\n     -> Name: g\n     -> Description: a gauge\n     -> Unit: By\n",
        "     -> DataType: Gauge\n     -> Metadata:\n          -> m: Str(n)\n",
        &format!("NumberDataPoints #0\n{attributes}{stamps}Value: 1.500000\n"),
        &format!("NumberDataPoints #1\n{attributes}{stamps}Value: 3\n"),
        &format!("NumberDataPoints #2\n{stamps}"),
        &descriptor(1, "s", "Sum"),
        "     -> IsMonotonic: true\n     -> AggregationTemporality: Cumulative\n",
        &format!("NumberDataPoints #0\n{stamps}Value: 9\n"),
        "Exemplars:\nExemplar #0\n     -> Trace ID: abababababababababababababababab\n",
        "     -> Span ID: 0101010101010101\n     -> Timestamp: 1970-01-01 00:00:00 +0000 UTC\n",
        "     -> Value: 7\n     -> FilteredAttributes:\n          -> x: Str(y)\n",
        &descriptor(2, "h", "Histogram"),
        "     -> AggregationTemporality: Delta\n",
        &format!("HistogramDataPoints #0\n{stamps}Count: 3\nSum: 6.500000\nMin: 0.500000\n"),
        "ExplicitBounds #0: 2.500000\nBuckets #0, Count: 1\nBuckets #1, Count: 2\n",
        &descriptor(3, "e", "ExponentialHistogram"),
        "     -> AggregationTemporality: Delta\n",
        &format!("ExponentialHistogramDataPoints #0\n{stamps}Count: 6\n"),
        "Bucket [-8.000000, -4.000000), Count: 2\nBucket [-4.000000, -2.000000), Count: 1\n",
        "Bucket [0, 0], Count: 1\nBucket (1.000000, 2.000000], Count: 2\n",
        &descriptor(4, "q", "Summary"),
        &format!("SummaryDataPoints #0\n{stamps}Count: 2\nSum: 3.000000\n"),
        "QuantileValue #0: Quantile 0.500000, Value 1.250000\n",
        &descriptor(5, "empty", "Empty"),
        " exporter=debug data_type=metrics\n",
    ];
    check(Signal::Metrics, settings(Verbosity::Detailed), &[metrics()], &expected.concat());
}

#[test]
fn detailed_shows_the_dictionary_of_profiles_first_and_cuts_long_references() {
    let expected = [
        PROFILES_SUMMARY,
        "Mapping #0\n    Memory start: 2\n    Memory limit: 3\n    File offset: 4\n    File name: 1\n",
        "    Attributes: [7 8]\n",
        "Location #0\n    Mapping index: 3\n    Address: 4\n",
        "    Line #0\n        Function index: 1\n        Line: 2\n        Column: 3\n    Attributes: []\n",
        "Function #0\n    Name: 1\n    System name: 2\n    Filename: 3\n    Start line: 5\n",
        &format!("Attribute table:\n     -> key: Str({}...\n", "v".repeat(252)),
        "Link table:\n     -> Trace ID: Str(abababababababababababababababab)\n     -> Span ID: Str(0101010101010101)\n",
        "String table:\n    \n    key\n",
        "ResourceProfiles #0\nResource SchemaURL: \nResource attributes:\n     -> service.name: Str(shop)\n",
        "ScopeProfiles #0\nScopeProfiles SchemaURL: \nInstrumentationScope lib 1.0\nProfile #0\n",
        "    Profile ID     : 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\n",
        "    Start time     : 2020-02-11 20:26:12.000000321 +0000 UTC\n",
        "    DurationNano   : 10\n    Dropped attributes count: 0\n",
        "    Sample #0\n        Values: [4 5]\n        Attributes:\n",
        &format!("             -> key: {}...\n             -> #9\n", "v".repeat(256)),
        " exporter=debug data_type=profiles\n",
    ];
    check(Signal::Profiles, settings(Verbosity::Detailed), &[profiles()], &expected.concat());
}

const METRICS_SUMMARY: &str = "Metrics exporter=debug data_type=metrics resource metrics=1 metrics=6 data points=7\n";
const PROFILES_SUMMARY: &str = "Profiles exporter=debug data_type=profiles resource profiles=1 sample records=1\n";
