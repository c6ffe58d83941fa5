//! Emits known traces, metrics and logs with the OpenTelemetry Rust SDK, to two places at once.
//!
//! The target is the first relay; the reference is a receiver that the test reads directly. What arrives behind the
//! relays has to equal what arrives at the reference. Exits with 1 when any export fails.

mod exporters;
mod tee;

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    Link, Span, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchConfigBuilder as LogBatches, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{BatchConfigBuilder as SpanBatches, BatchSpanProcessor, IdGenerator, SdkTracerProvider};

use exporters::Exporters;
use tee::Tee;

type Outcome = Result<(), Box<dyn Error>>;

/// One attribute of each type that all SDKs have; tests/sdk holds the same list.
fn known() -> Vec<KeyValue> {
    let strings = ["a", "", "ß"].map(StringValue::from).to_vec();
    vec![
        KeyValue::new("test.string", "grüße \u{1f30d}"),
        KeyValue::new("test.empty", ""),
        KeyValue::new("test.bool", true),
        KeyValue::new("test.int", -9_007_199_254_740_991_i64),
        KeyValue::new("test.double", 0.1),
        KeyValue::new("test.strings", Value::Array(Array::String(strings))),
        KeyValue::new("test.bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("test.ints", Value::Array(Array::I64(vec![1, -2]))),
        KeyValue::new("test.doubles", Value::Array(Array::F64(vec![0.5, -1.25]))),
    ]
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("interop-rust").with_attributes(known()).build()
}

/// Trace and span ids that the test knows: 1, 2, 3…
#[derive(Debug, Default)]
struct CountingIds {
    traces: AtomicU64,
    spans: AtomicU64,
}

impl IdGenerator for CountingIds {
    fn new_trace_id(&self) -> TraceId {
        trace_id(self.traces.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn trace_id(number: u64) -> TraceId {
    TraceId::from(0xabcd << 112 | u128::from(number))
}

fn emit_traces(exporters: &Exporters, count: usize) -> Outcome {
    let batches = SpanBatches::default().with_max_queue_size(2 * count + 2).build();
    let tee = Tee(exporters.spans(&exporters.target)?, exporters.spans(&exporters.reference)?);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_id_generator(CountingIds::default())
        .with_span_processor(BatchSpanProcessor::builder(tee).with_batch_config(batches).build())
        .build();
    let scope = InstrumentationScope::builder("interop.traces").with_version("1.2.3");
    let scope = scope.with_schema_url("urn:interop:schema").with_attributes([KeyValue::new("scope", 1)]);
    let tracer = provider.tracer_with_scope(scope.build());
    for index in 0..count / 2 {
        let parent = tracer.span_builder("parent").with_kind(SpanKind::Server).with_attributes(known());
        let parent = Context::new().with_span(parent.start_with_context(&tracer, &Context::new()));
        let link = Link::new(parent.span().span_context().clone(), vec![KeyValue::new("link", index as i64)], 0);
        let child = tracer.span_builder("child").with_kind(SpanKind::Client).with_links(vec![link]);
        let mut child = child.start_with_context(&tracer, &parent);
        child.set_attribute(KeyValue::new("test.index", index as i64));
        child.add_event("event", known());
        child.set_status(Status::error("on purpose"));
        child.end();
        parent.span().end();
    }
    provider.force_flush()?;
    Ok(provider.shutdown()?)
}

fn emit_metrics(exporters: &Exporters) -> Outcome {
    let tee = Tee(exporters.metrics(&exporters.target)?, exporters.metrics(&exporters.reference)?);
    let exponential = |instrument: &Instrument| {
        let aggregation = Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
        let is_meant = instrument.name() == "interop.exponential";
        is_meant.then(|| Stream::builder().with_aggregation(aggregation).build().ok()).flatten()
    };
    let provider = SdkMeterProvider::builder()
        .with_resource(resource())
        .with_reader(PeriodicReader::builder(tee).with_interval(Duration::from_secs(3600)).build())
        .with_view(exponential)
        .build();
    let meter =
        provider.meter_with_scope(InstrumentationScope::builder("interop.metrics").with_version("1.2.3").build());
    let counter = meter.u64_counter("interop.counter").with_unit("1").with_description("counts").build();
    let updown = meter.f64_up_down_counter("interop.updown").build();
    let gauge = meter.f64_gauge("interop.gauge").with_unit("Cel").build();
    let histograms = ["interop.histogram", "interop.exponential"].map(|name| meter.f64_histogram(name).build());
    for turn in 0..3 {
        for worker in 0..10 {
            let mut attributes = known();
            attributes.push(KeyValue::new("worker", i64::from(worker)));
            counter.add(turn + worker as u64, &attributes);
            updown.add(-1.5, &attributes);
            gauge.record(36.6, &attributes);
            for histogram in &histograms {
                histogram.record(10_f64.powi(worker), &attributes);
            }
        }
        provider.force_flush()?;
    }
    Ok(provider.shutdown()?)
}

fn emit_logs(exporters: &Exporters, count: usize) -> Outcome {
    let list = |values: Vec<AnyValue>| AnyValue::ListAny(Box::new(values));
    let map = |key: &'static str, value| AnyValue::Map(Box::new(HashMap::from([(Key::new(key), value)])));
    let bytes = |bytes: &[u8]| AnyValue::Bytes(Box::new(bytes.to_vec()));
    let bodies = [
        AnyValue::from("text"),
        map("key", list(vec!["value".into(), 1.into(), true.into()])),
        AnyValue::from(42),
        bytes(&[1, 2]),
    ];
    let batches = LogBatches::default().with_max_queue_size(2 * count + 2).build();
    let tee = Tee(exporters.logs(&exporters.target)?, exporters.logs(&exporters.reference)?);
    let provider = SdkLoggerProvider::builder()
        .with_resource(resource())
        .with_log_processor(BatchLogProcessor::builder(tee).with_batch_config(batches).build())
        .build();
    let logger =
        provider.logger_with_scope(InstrumentationScope::builder("interop.logs").with_version("1.2.3").build());
    for (index, body) in bodies.iter().cycle().take(count).enumerate() {
        let mut record = logger.create_log_record();
        let since = Duration::from_nanos(1_700_000_000_000_000_000 + index as u64);
        record.set_timestamp(SystemTime::UNIX_EPOCH + since);
        record.set_severity_number(Severity::Warn);
        record.set_severity_text("WARN");
        record.set_body(body.clone());
        record.set_event_name("interop.event");
        record.add_attributes(known().into_iter().map(|pair| (pair.key, any(pair.value))));
        record.add_attribute("test.bytes", bytes(&[0, 255, 16]));
        record.add_attribute("test.map", map("inner", map("deep", list(vec![1.into(), "two".into(), 3.5.into()]))));
        record.add_attribute("test.index", index as i64);
        record.set_trace_context(trace_id(1), SpanId::from(index as u64 + 1), Some(TraceFlags::SAMPLED));
        logger.emit(record);
    }
    provider.force_flush()?;
    Ok(provider.shutdown()?)
}

/// An attribute of a span as one of a log record.
fn any(value: Value) -> AnyValue {
    fn list<T: Into<AnyValue>>(values: Vec<T>) -> AnyValue {
        AnyValue::ListAny(Box::new(values.into_iter().map(Into::into).collect()))
    }
    match value {
        Value::Bool(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::String(value) => value.into(),
        Value::Array(Array::Bool(values)) => list(values),
        Value::Array(Array::I64(values)) => list(values),
        Value::Array(Array::F64(values)) => list(values),
        Value::Array(Array::String(values)) => list(values),
        other => panic!("no such attribute is known: {other:?}"),
    }
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = arguments.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let exporters = Exporters::new(&given)?;
    let count = given.get("--count").map_or(Ok(600), |count| count.parse())?;
    // What the exporters wait for runs here; the SDK's own threads have no runtime.
    let _inside = tee::RUNTIME.enter();
    emit_traces(&exporters, count)?;
    emit_metrics(&exporters)?;
    emit_logs(&exporters, count)?;
    match tee::FAILURES.load(Ordering::Relaxed) {
        0 => Ok(()),
        failures => Err(format!("{failures} exports failed").into()),
    }
}
