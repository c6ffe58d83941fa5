//! Stages that answer as they are told, and a log that is kept.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::config::LogEncoding;
use otlp_relay::failure::{Class, Failure};
use otlp_relay::flow::{Consume, Consumed, Next, Receipt};
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::telemetry::observe::attempted;
use otlp_relay::telemetry::{ExporterState, Lines, Registry, Watch};
use otlp_relay::units::Items;
use prost::Message;
use tracing_subscriber::layer::SubscriberExt;

/// A stage that answers as it was told, one answer after the other, and then without end that it delivered.
#[derive(Default)]
pub(crate) struct Scripted(Mutex<VecDeque<Result<Receipt, Failure>>>);

impl Scripted {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<Receipt, Failure>>) -> Arc<Scripted> {
        Arc::new(Scripted(Mutex::new(answers.into_iter().collect())))
    }

    pub(crate) fn then(&self, answer: Result<Receipt, Failure>) {
        self.0.lock().unwrap().push_back(answer);
    }
}

impl Consume for Scripted {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move { answer.unwrap_or_else(|| Ok(Receipt::delivered(exporter()))) })
    }
}

/// A stage that never answers.
pub(crate) struct Silent;

impl Consume for Silent {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        Box::pin(std::future::pending())
    }
}

pub(crate) fn exporter() -> Arc<ComponentId> {
    Arc::new(ComponentId::parse("otlp_grpc/eu").unwrap())
}

pub(crate) fn spans(count: usize) -> Payload {
    let scope_spans = vec![ScopeSpans { spans: vec![Span::default(); count], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans };
    Payload::parse(Signal::Traces, Bytes::from(request.encode_to_vec())).unwrap()
}

pub(crate) fn refused() -> Failure {
    Failure::new(Class::ConnectionRefused, "connection refused").at("http://eu:4317".into())
}

pub(crate) fn rejecting(rejected: u64) -> Receipt {
    Receipt { rejected: Items(rejected), message: Some("no env".into()), ..Receipt::delivered(exporter()) }
}

/// The lines of a scrape that are not comments and begin with `prefix`.
pub(crate) fn scraped(registry: &Registry, prefix: &str) -> Vec<String> {
    registry.render().lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

/// What the log holds, without timestamps.
#[derive(Clone, Default)]
pub(crate) struct Written(pub(crate) Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// Sends this thread's log here until the guard is dropped.
    pub(crate) fn capture(encoding: LogEncoding) -> (Written, tracing::subscriber::DefaultGuard) {
        let written = Written::default();
        let sink = written.clone();
        let log = tracing_subscriber::registry().with(Lines::new(encoding, move || sink.clone()));
        (written, tracing::subscriber::set_default(log))
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest).to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn check(&self, expected: &[&str]) {
        assert_eq!(self.take(), expected);
    }
}

/// One exporter's attempts for traces and for logs, over the same script.
pub(crate) struct Attempts {
    pub(crate) watch: Watch,
    pub(crate) script: Arc<Scripted>,
    pub(crate) traces: Next,
    pub(crate) logs: Next,
    pub(crate) state: Arc<ExporterState>,
}

impl Attempts {
    pub(crate) fn new() -> Attempts {
        let watch = Watch::new(Registry::new());
        let script = Scripted::answering([]);
        let state = ExporterState::new(exporter(), Signal::Traces);
        let of = |signal, state| attempted(&exporter(), signal, state, &watch, Arc::clone(&script) as Next);
        let traces = of(Signal::Traces, Arc::clone(&state));
        let logs = of(Signal::Logs, ExporterState::new(exporter(), Signal::Logs));
        Attempts { watch, script, traces, logs, state }
    }

    pub(crate) async fn fails(&self, stage: &Next, failure: Failure) {
        self.script.then(Err(failure));
        assert!(stage.consume(spans(1)).await.is_err());
    }

    pub(crate) async fn succeeds(&self, stage: &Next) {
        assert!(stage.consume(spans(1)).await.is_ok());
    }
}
