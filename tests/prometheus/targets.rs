//! Targets are scraped, and what they show arrives as OTLP: every kind of metric, in both formats, with its start and its
//! end, and what the scrape itself came to.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric::Data, number_data_point};

use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::eventually;
use crate::support::export::Export;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::web::{Says, Web};

pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(crate) const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) const PAGE: &str = "# HELP req_total Requests.\n# TYPE req_total counter\nreq_total{code=\"200\"} 5\n\
                    # TYPE temp gauge\ntemp 21.5 1700000000123\n\
                    # TYPE lat histogram\nlat_bucket{le=\"0.1\"} 2\nlat_bucket{le=\"1\"} 3\nlat_bucket{le=\"+Inf\"} 4\n\
                    lat_sum 3.5\nlat_count 4\n\
                    # TYPE rpc summary\nrpc{quantile=\"0.5\"} 1\nrpc{quantile=\"0.9\"} 2\nrpc_sum 17\nrpc_count 9\n\
                    plain{job=\"mine\"} 3\n";

/// A relay that scrapes `web` ten times a second, with what `job` adds, and sends to `backend`.
pub(crate) fn scraping(web: &Web, backend: &Backend, job: &str) -> Setup {
    let targets = format!("static_configs: [{{targets: ['127.0.0.1:{}'], labels: {{zone: eu}}}}]", web.port);
    let job = format!("{{job_name: app, scrape_interval: 100ms, {targets}{job}}}");
    Setup::forwarding(Wire::Http, backend, "")
        .receiver_of("prometheus", &format!("config: {{scrape_configs: [{job}]}}"))
        .pipeline("metrics", "receivers: [prometheus], exporters: [otlp_http]")
}

/// One scrape as it arrived: its metrics by name, and the attributes of its resource.
pub(crate) struct Scrape {
    pub(crate) metrics: BTreeMap<String, Metric>,
    pub(crate) resource: BTreeMap<String, String>,
}

pub(crate) fn text_of(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn scrapes(exports: &[Arc<Export>]) -> Vec<Scrape> {
    let requests = exports.iter().map(|export| match &**export {
        Export::Metrics(request) => request.clone(),
        other => panic!("{other:?}"),
    });
    let of = |resource: opentelemetry_proto::tonic::metrics::v1::ResourceMetrics| Scrape {
        resource: text_of(&resource.resource.unwrap().attributes),
        metrics: resource
            .scope_metrics
            .into_iter()
            .flat_map(|scope| scope.metrics)
            .map(|metric| (metric.name.clone(), metric))
            .collect(),
    };
    requests.flat_map(|request| request.resource_metrics).map(of).collect()
}

/// The first scrape that arrives with what `wanted` says.
pub(crate) async fn arrived(backend: &Backend, what: &str, wanted: impl Fn(&Scrape) -> bool) -> Scrape {
    eventually(what, async || scrapes(&backend.accepted()).into_iter().find(|scrape| wanted(scrape))).await
}

impl Scrape {
    #[track_caller]
    pub(crate) fn numbers(&self, name: &str) -> Vec<NumberDataPoint> {
        match self.metrics.get(name).unwrap_or_else(|| panic!("no {name}")).data.clone().unwrap() {
            Data::Gauge(gauge) => gauge.data_points,
            Data::Sum(sum) => sum.data_points,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn value(&self, name: &str) -> f64 {
        match self.numbers(name)[0].value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.metrics.contains_key("up") && self.value("up") == 1.0
    }
}

#[tokio::test]
async fn every_kind_of_metric_arrives() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, "")).await;
    let scrape = arrived(&backend, "a scrape", |scrape| scrape.is_up()).await;
    let instance = format!("127.0.0.1:{}", web.port);
    let expected = [("server.port", web.port.to_string()), ("service.instance.id", instance)];
    let expected = expected.into_iter().chain([("service.name", "app".to_owned()), ("url.scheme", "http".to_owned())]);
    assert_eq!(scrape.resource, expected.map(|(name, value)| (name.to_owned(), value)).collect());

    let Some(Data::Sum(requests)) = &scrape.metrics["req_total"].data else { panic!() };
    assert!(requests.is_monotonic && requests.aggregation_temporality == 2);
    assert_eq!(scrape.metrics["req_total"].description, "Requests.");
    let point = &requests.data_points[0];
    assert_eq!(point.value, Some(number_data_point::Value::AsDouble(5.0)));
    assert!(point.start_time_unix_nano == point.time_unix_nano && point.time_unix_nano != 0, "{point:?}");
    let labels = text_of(&point.attributes);
    assert_eq!(labels, [("code", "200"), ("zone", "eu")].map(|(a, b)| (a.to_owned(), b.to_owned())).into());

    assert_eq!((scrape.value("temp"), scrape.numbers("temp")[0].time_unix_nano), (21.5, 1_700_000_000_123_000_000));
    assert_eq!(text_of(&scrape.numbers("plain")[0].attributes)["exported_job"], "mine");
    assert_eq!(text_of(&scrape.metrics["plain"].metadata)["prometheus.type"], "unknown");
    let Some(Data::Histogram(latency)) = &scrape.metrics["lat"].data else { panic!() };
    let point = &latency.data_points[0];
    assert_eq!((point.count, point.sum, &*point.bucket_counts), (4, Some(3.5), &[2, 1, 1][..]));
    assert_eq!(point.explicit_bounds, [0.1, 1.0]);
    let Some(Data::Summary(rpc)) = &scrape.metrics["rpc"].data else { panic!() };
    let point = &rpc.data_points[0];
    let quantiles: Vec<_> = point.quantile_values.iter().map(|value| (value.quantile, value.value)).collect();
    assert_eq!((point.count, point.sum, &*quantiles), (9, 17.0, &[(0.5, 1.0), (0.9, 2.0)][..]));
    assert_eq!((scrape.value("scrape_samples_scraped"), scrape.value("scrape_series_added")), (12.0, 12.0));
    let asked = &web.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/metrics"));
    assert!(asked.headers["accept"].contains("openmetrics"));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn openmetrics_brings_starts_units_exemplars_and_what_a_target_is() {
    let page = "# TYPE jobs counter\n# UNIT jobs seconds\njobs_total 3 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",\
                span_id=\"b7ad6b7169203331\",k=\"v\"} 0.5 1700000000.5\njobs_created 1600000000.25\n\
                # TYPE target info\ntarget_info{version=\"7\"} 1\n\
                # TYPE feature stateset\nfeature{feature=\"a\"} 1\n\
                # TYPE s gauge\ns{otel_scope_name=\"lib\",otel_scope_version=\"2\"} 1\n# EOF\n";
    let (web, backend) = (Web::start(Says::page(OPEN, page)).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, "")).await;
    let scrape = arrived(&backend, "a scrape", |scrape| scrape.is_up()).await;
    assert_eq!(scrape.resource["version"], "7");
    let point = &scrape.numbers("jobs_total")[0];
    assert_eq!(point.start_time_unix_nano, 1_600_000_000_250_000_000);
    assert_eq!(scrape.metrics["jobs_total"].unit, "s");
    assert_eq!((point.exemplars[0].trace_id.len(), point.exemplars[0].span_id.len()), (16, 8));
    assert_eq!(text_of(&point.exemplars[0].filtered_attributes)["k"], "v");
    assert!(!scrape.metrics.contains_key("target_info") && !scrape.metrics.contains_key("jobs_created"));
    assert!(matches!(&scrape.metrics["feature"].data, Some(Data::Sum(sum)) if !sum.is_monotonic));
    assert!(scrape.numbers("s")[0].attributes.iter().all(|pair| !pair.key.starts_with("otel_scope")));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_series_keeps_its_start_and_has_an_end() {
    let (web, backend) = (Web::start(Says::page(TEXT, "# TYPE a counter\na 5\n")).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, "")).await;
    let first = arrived(&backend, "a scrape", |scrape| scrape.is_up()).await.numbers("a")[0].clone();
    web.always(Says::page(TEXT, "# TYPE a counter\na 6\n"));
    let grown =
        arrived(&backend, "growth", |scrape| scrape.metrics.contains_key("a") && scrape.value("a") == 6.0).await;
    assert_eq!(grown.numbers("a")[0].start_time_unix_nano, first.start_time_unix_nano);
    // It begins anew behind its restart.
    web.always(Says::page(TEXT, "# TYPE a counter\na 1\n"));
    let anew =
        arrived(&backend, "a restart", |scrape| scrape.metrics.contains_key("a") && scrape.value("a") == 1.0).await;
    assert!(first.start_time_unix_nano < anew.numbers("a")[0].start_time_unix_nano);
    web.always(Says::page(TEXT, "other 1\n"));
    let flag = |scrape: &Scrape| scrape.metrics.contains_key("a") && scrape.numbers("a")[0].flags == 1;
    assert!(arrived(&backend, "the end of a series", flag).await.is_up());
    web.always(Says::status(503));
    let end = |scrape: &Scrape| scrape.metrics.contains_key("other") && scrape.numbers("other")[0].flags == 1;
    let failed = arrived(&backend, "the end of all series", end).await;
    assert_eq!((failed.value("up"), failed.value("scrape_samples_scraped")), (0.0, 0.0));
    relay.wait_for_line(&["scrape failed", "server_unavailable", "job=app"]).await;
    web.always(Says::page(TEXT, "other 1\n"));
    relay.wait_for_line(&["scrapes succeed again"]).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn requests_and_samples_are_as_the_job_says() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    web.once(Says { headers: vec![("location", "/b".to_owned())], ..Says::status(302) });
    let job = ", metrics_path: /a, params: {m: ['x y', z]}, basic_auth: {username: u, password: p}, honor_labels: true, \
               honor_timestamps: false, http_headers: {x-a: {values: [b, c]}}, \
               relabel_configs: [{target_label: added, replacement: here}], \
               metric_relabel_configs: [{source_labels: [__name__], regex: 'rpc.*|lat.*', action: drop}, \
               {source_labels: [code], regex: '(.).*', target_label: class, replacement: '$${1}xx'}, \
               {regex: zone, action: labeldrop}]";
    let relay = Relay::start(&scraping(&web, &backend, job)).await;
    let scrape = arrived(&backend, "a scrape", |scrape| scrape.metrics.contains_key("req_total")).await;
    let asked = web.asked();
    assert_eq!((asked[0].path.as_str(), asked[1].path.as_str()), ("/a?m=x%20y&m=z", "/b"));
    assert_eq!((asked[0].headers["authorization"].as_str(), asked[0].headers["x-a"].as_str()), ("Basic dTpw", "b, c"));
    assert!(!scrape.metrics.contains_key("lat") && !scrape.metrics.contains_key("rpc"));
    let labels = text_of(&scrape.numbers("req_total")[0].attributes);
    let expected = [("added", "here"), ("class", "2xx"), ("code", "200")];
    assert_eq!(labels, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    assert_ne!(scrape.numbers("temp")[0].time_unix_nano, 1_700_000_000_123_000_000);
    // A sample with a job of its own is of another source.
    arrived(&backend, "the honoured job", |scrape| scrape.resource["service.name"] == "mine").await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn failing_scrapes_are_told_by_their_class_and_never_show_a_secret() {
    for (says, job, class, words) in [
        (Says::page("text/html", "<html>\n"), "", "scrape_unreadable", "line 1: expected the name of a metric"),
        (Says::page(TEXT, PAGE), ", sample_limit: 3", "scrape_too_large", "sample_limit"),
        (Says::page(TEXT, PAGE), ", body_size_limit: 10B", "scrape_too_large", "body_size_limit"),
        (Says::page(TEXT, PAGE), ", label_limit: 2", "scrape_too_large", "label_limit"),
        (Says { body: "token s3cr3t is bad".into(), ..Says::status(401) }, TOKEN, "unauthenticated", "is bad"),
        (Says::status(404), "", "http_not_found", "404"),
    ] {
        let (web, backend) = (Web::start(says).await, Backend::start());
        let relay = Relay::start(&scraping(&web, &backend, job)).await;
        relay.wait_for_line(&["scrape failed", class, words, "job=app"]).await;
        assert!(!relay.log().contains("s3cr3t"), "{}", relay.log());
        arrived(&backend, "a target that is down", |scrape| !scrape.is_up()).await;
        relay.stop_without_loss().await;
    }
}

const TOKEN: &str = ", authorization: {credentials: s3cr3t}";

#[tokio::test]
async fn a_reload_keeps_what_is_known_of_a_target() {
    let (web, backend) = (Web::start(Says::page(TEXT, "# TYPE a counter\na 5\n")).await, Backend::start());
    let setup = scraping(&web, &backend, "");
    let relay = Relay::start(&setup).await;
    let first = arrived(&backend, "a scrape", |scrape| scrape.is_up()).await.numbers("a")[0].clone();
    web.always(Says::page(TEXT, "# TYPE a counter\na 6\n"));
    let changed = setup.processor("batch", "timeout: 10ms");
    relay.reload(&changed.text(), "Config updated").await;
    let grown =
        arrived(&backend, "growth", |scrape| scrape.metrics.contains_key("a") && scrape.value("a") == 6.0).await;
    assert_eq!(grown.numbers("a")[0].start_time_unix_nano, first.start_time_unix_nano);
    relay.stop_without_loss().await;
}
