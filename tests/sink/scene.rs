//! A sink that runs, and requests whose items it can tell apart.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::tools::sequence::{RUN, SEQUENCE};
use serde_json::Value as Json;

use crate::support::cli::{Finished, Process};
use crate::support::client::{self, Client, Coding, HttpAnswer, Wire};
use crate::support::export::{Export, Signal};
use crate::support::net::free_port;
use crate::support::{PATIENCE, eventually};

/// A running sink. It is killed when it is dropped.
pub(crate) struct Sink {
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) admin: u16,
    process: Process,
}

impl Sink {
    /// Starts one on ports of its own, and waits until it listens.
    pub(crate) async fn start(flags: &[&str]) -> Sink {
        let [grpc, http, admin] = [free_port(), free_port(), free_port()];
        let at = |port: u16| format!("127.0.0.1:{port}");
        let (at_grpc, at_http, at_admin) = (at(grpc), at(http), at(admin));
        let mut arguments = vec!["sink", "--grpc", &at_grpc, "--http", &at_http, "--admin", &at_admin];
        arguments.extend_from_slice(flags);
        let sink = Sink { grpc, http, admin, process: Process::relay(&arguments, &[]) };
        let is_open = || sink.process.log().iter().any(|line| line.starts_with("OTLP/gRPC on "));
        eventually("a sink that listens", || async { is_open().then_some(()) }).await;
        sink
    }

    pub(crate) fn port(&self, wire: Wire) -> u16 {
        match wire {
            Wire::Grpc => self.grpc,
            Wire::Http => self.http,
        }
    }

    pub(crate) async fn client(&self, wire: Wire) -> Client {
        Client::connect(wire, self.port(wire), Coding::None).await
    }

    /// Its answer to a request for one of its pages, as JSON.
    pub(crate) async fn get(&self, path: &str) -> Json {
        let answer = client::get(self.admin, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> HttpAnswer {
        client::http_request(Method::POST, self.admin, path, &[], Bytes::from(body.to_owned())).await
    }

    /// From now on it fails so, and in no other way.
    pub(crate) async fn fail(&self, fail: &str) {
        let body = serde_json::json!({"fail": fail, "latency": "", "max_request_bytes": ""});
        let answer = self.post("/api/faults", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{fail}: {}", answer.text());
    }

    /// How many items it has taken of all signals.
    pub(crate) async fn items(&self) -> u64 {
        number(&self.get("/api/status").await, "/total/items")
    }

    /// What has come of a signal of a run: items, distinct, doubled, missing.
    pub(crate) async fn run(&self, run: &str, signal: Signal) -> [u64; 4] {
        let figures = self.get(&format!("/api/runs/{run}")).await;
        ["items", "distinct", "doubled", "missing"]
            .map(|name| number(&figures, &format!("/signals/{}/{name}", signal.name())))
    }

    /// Waits until it has taken so many different items of a run.
    pub(crate) async fn wait_for_distinct(&self, run: &str, signal: Signal, distinct: u64) {
        let found = || async {
            let known = client::get(self.admin, &format!("/api/runs/{run}")).await.status == 200;
            if known { self.run(run, signal).await[1] } else { 0 }
        };
        eventually("all items", || async { (found().await == distinct).then_some(()) }).await;
    }

    /// SIGTERM: its end, which must be a good one.
    pub(crate) async fn stop(self) -> Finished {
        self.process.signal("TERM");
        let finished = self.process.finish_within(PATIENCE.min(Duration::from_secs(20))).await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished
    }
}

/// The number at a place of some JSON.
pub(crate) fn number(json: &Json, pointer: &str) -> u64 {
    json.pointer(pointer).and_then(Json::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {json}"))
}

/// A request with an item for each of `places` in `run`.
pub(crate) fn numbered(signal: Signal, run: &str, places: Range<i64>) -> Export {
    let resource = Some(Resource {
        attributes: vec![pair("service.name", text("load")), pair(RUN, text(run))],
        ..Resource::default()
    });
    let own = |place| vec![pair("http.route", text("/items")), pair(SEQUENCE, Value::IntValue(place))];
    match signal {
        Signal::Traces => {
            let spans = places.map(|place| Span { name: "load".to_owned(), attributes: own(place), ..Span::default() });
            let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
            let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
            Export::Traces(ExportTraceServiceRequest { resource_spans })
        }
        Signal::Logs => {
            let log_records = places.map(|place| LogRecord { attributes: own(place), ..LogRecord::default() });
            let scope_logs = vec![ScopeLogs { log_records: log_records.collect(), ..ScopeLogs::default() }];
            let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
            Export::Logs(ExportLogsServiceRequest { resource_logs })
        }
        Signal::Metrics => {
            let points = places.map(|place| NumberDataPoint { attributes: own(place), ..NumberDataPoint::default() });
            let data = Some(Data::Gauge(Gauge { data_points: points.collect() }));
            let metrics = vec![Metric { name: "load".to_owned(), data, ..Metric::default() }];
            let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
            let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
            Export::Metrics(ExportMetricsServiceRequest { resource_metrics })
        }
        Signal::Profiles => panic!("profiles are not numbered"),
    }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
