//! What is sent is written to a remote write endpoint: under the names that a scrape shows, once, or told as rejected.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::metrics::{CUMULATIVE, DELTA, all, counter, ended, gauge, pair, request};
use crate::support::client::{Coding, Wire, get};
use crate::support::eventually;
use crate::support::export::Export;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::scrape::Metrics;
use crate::support::setup::Setup;
use crate::support::web::{Asked, Says, Web};
use crate::written::WriteRequest;

/// A relay that writes to `web`.
fn writing(web: &Web, settings: &str) -> Setup {
    let endpoint = format!("endpoint: 'http://127.0.0.1:{}/api/v1/write'{settings}", web.port);
    Setup::new()
        .exporter("prometheusremotewrite", &endpoint)
        .pipeline("metrics", "receivers: [otlp], exporters: [prometheusremotewrite]")
}

#[tokio::test]
async fn series_are_written_as_a_scrape_shows_them() {
    let (web, port) = (Web::start(Says::status(204)).await, free_port());
    let setup = writing(&web, ", send_metadata: true")
        .exporter("prometheus", &format!("endpoint: '127.0.0.1:{port}'"))
        .pipeline("metrics/scraped", "receivers: [otlp], exporters: [prometheus]");
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&all()).await;
    let written = WriteRequest::of(&web.wait_for(1).await[0]);
    let shown = Metrics::parse(&get(port, "/metrics").await.text());
    assert!(10 < written.series.len(), "{written:#?}");
    let mut numbers = 0;
    for series in &written.series {
        let names: Vec<&str> = series.labels.iter().map(|label| label.name.as_str()).collect();
        assert!(names.is_sorted() && names.iter().all(|name| !name.is_empty()), "{names:?}");
        let mut labels = series.named();
        let name = labels.remove("__name__").unwrap();
        let labels: Vec<(&str, &str)> = labels.into_iter().collect();
        for sample in &series.samples {
            let value = shown.value(name, &labels);
            assert!(value == sample.value || (value.is_nan() && sample.value.is_nan()), "{name} {labels:?}");
            numbers += 1;
        }
    }
    assert!(10 < numbers, "{numbers}");
    let size = &written.find("size", &[("job", "shop"), ("instance", "1")]).histograms;
    assert_eq!((size.len(), size[0].count, size[0].schema <= 8), (1, 5, true));
    assert_eq!(written.find("target_info", &[("host_name", "h")]).samples[0].value, 1.0);
    assert!(!written.find("traffic_in_bytes_total", &[]).exemplars.is_empty());
    let about = written.metadata.iter().find(|about| about.family == "latency_seconds").unwrap();
    assert_eq!((about.kind, about.unit.as_str()), (3, "seconds"));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn settings_change_names_and_labels() {
    let web = Web::start(Says::status(200)).await;
    let settings = ", namespace: ns, add_metric_suffixes: false, external_labels: {cluster: eu}, \
                    target_info: {enabled: false}, resource_to_telemetry_conversion: {enabled: true}, \
                    headers: {x-scope-orgid: tenant}";
    let relay = Relay::start(&writing(&web, settings)).await;
    let mut client = relay.client(Wire::Http, Coding::Gzip).await;
    client.deliver(&request(vec![counter("traffic.in", CUMULATIVE, 3, 1)])).await;
    let asked = web.wait_for(1).await;
    assert_eq!(asked[0].headers["x-scope-orgid"], "tenant");
    let written = WriteRequest::of(&asked[0]);
    let series = written.find("ns_traffic_in", &[("cluster", "eu"), ("host_name", "h"), ("job", "shop")]);
    assert_eq!((series.samples[0].value, series.samples[0].timestamp), (3.0, 1_700_000_001_000));
    assert_eq!((written.series.len(), written.metadata.len()), (1, 0));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn what_cannot_be_written_is_told_as_rejected() {
    let web = Web::start(Says::status(204)).await;
    let relay = Relay::start(&writing(&web, ", remote_write_queue: {enabled: false}")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let mixed = request(vec![gauge("g", &[1.0]), counter("d", DELTA, 1, 1)]);
    assert_eq!(client.send(&mixed).await.unwrap(), 1);
    assert_eq!(client.send(&request(vec![counter("d", DELTA, 1, 2)])).await.unwrap(), 1);
    // There was nothing to send of the second.
    assert_eq!(web.asked().len(), 1);
    relay.wait_for_line(&["prometheusremotewrite", "cumulative"]).await;
    assert_eq!(relay.stop().await.lost, 2);
}

#[tokio::test]
async fn a_server_that_fails_is_tried_again_and_one_that_refuses_is_not() {
    let web = Web::start(Says::status(204)).await;
    web.once(Says::status(500));
    web.once(Says::status(429));
    let relay = Relay::start(&writing(&web, "")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&request(vec![gauge("g", &[1.0])])).await;
    let asked = web.wait_for(3).await;
    assert!(asked.iter().all(|again| again.body == asked[0].body));
    web.once(Says { body: "out of order sample".into(), ..Says::status(400) });
    client.deliver(&request(vec![gauge("h", &[1.0])])).await;
    relay.wait_for_line(&["prometheusremotewrite", "invalid_data", "out of order sample"]).await;
    assert_eq!(relay.stop().await.lost, 1);
    assert_eq!(web.asked().len(), 4);
}

#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let web = Web::start(Says::page("text/html", "<title>Sign in</title>")).await;
    let relay = Relay::start(&writing(&web, "")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&request(vec![gauge("g", &[1.0])])).await;
    relay.wait_for_line(&["prometheusremotewrite", "not_otlp_response", "Sign in"]).await;
    relay.stop().await;
}

#[tokio::test]
async fn external_labels_are_for_what_has_none_of_their_names() {
    let web = Web::start(Says::status(200)).await;
    let settings = ", external_labels: {cluster: eu, index: x, job: y}";
    let relay = Relay::start(&writing(&web, settings)).await;
    let mut gauge = request(vec![gauge("g", &[1.0])]);
    if let Export::Metrics(request) = &mut gauge {
        request.resource_metrics[0].scope_metrics[0].schema_url = "https://example.com/1".to_owned();
    }
    relay.client(Wire::Grpc, Coding::None).await.deliver(&gauge).await;
    let written = WriteRequest::of(&web.wait_for(1).await[0]);
    written.find("g_ratio", &[("cluster", "eu"), ("index", "0"), ("job", "shop"), ("otel_scope_name", "lib")]);
    // As the Collector writes them: the URL of the schema tells no series from another.
    assert!(written.series.iter().all(|series| !series.named().contains_key("otel_scope_schema_url")));
    written.find("target_info", &[("cluster", "eu"), ("host_name", "h")]);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn no_attribute_takes_the_place_of_a_name() {
    let web = Web::start(Says::status(200)).await;
    let relay = Relay::start(&writing(&web, "")).await;
    let mut odd = gauge("g", &[1.0]);
    if let Some(Data::Gauge(gauge)) = &mut odd.data {
        gauge.data_points[0].attributes.push(pair("__name__", "other"));
    }
    relay.client(Wire::Grpc, Coding::None).await.deliver(&request(vec![odd])).await;
    let written = WriteRequest::of(&web.wait_for(1).await[0]);
    let series = written.find("g_ratio", &[]);
    let names = series.labels.iter().filter(|label| label.name == "__name__").count();
    assert_eq!(names, 1, "{series:?}");
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn every_series_of_what_has_ended_ends() {
    let web = Web::start(Says::status(200)).await;
    let relay = Relay::start(&writing(&web, "")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&ended()).await;
    let written = WriteRequest::of(&web.wait_for(1).await[0]);
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    for (name, label) in [
        ("traffic_in_bytes_total", ("job", "shop")),
        ("latency_seconds_bucket", ("le", "0.5")),
        ("latency_seconds_bucket", ("le", "10")),
        ("latency_seconds_bucket", ("le", "+Inf")),
        ("latency_seconds_sum", ("job", "shop")),
        ("latency_seconds_count", ("job", "shop")),
        ("age_milliseconds", ("quantile", "0.5")),
        ("age_milliseconds_count", ("job", "shop")),
    ] {
        let sample = &written.find(name, &[label]).samples[0];
        assert_eq!(sample.value.to_bits(), STALE, "{name}");
    }
    assert_eq!(written.find("size", &[]).histograms[0].sum.to_bits(), STALE);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_target_that_says_nothing_of_itself_is_not_described() {
    let web = Web::start(Says::status(200)).await;
    let relay = Relay::start(&writing(&web, ", external_labels: {cluster: eu}")).await;
    let mut bare = request(vec![gauge("g", &[1.0])]);
    if let Export::Metrics(request) = &mut bare {
        let resource = request.resource_metrics[0].resource.as_mut().unwrap();
        resource.attributes.retain(|pair| pair.key.starts_with("service."));
    }
    relay.client(Wire::Grpc, Coding::None).await.deliver(&bare).await;
    let written = WriteRequest::of(&web.wait_for(1).await[0]);
    assert!(written.series.iter().all(|series| series.named()["__name__"] != "target_info"));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_keys_of_the_client_may_stand_below_http() {
    let web = Web::start(Says::status(200)).await;
    let http = format!(
        "http: {{endpoint: 'http://127.0.0.1:{}/api/v1/write', headers: {{x-scope-orgid: tenant}}, \
         auth: {{authenticator: bearertokenauth}}}}, endpoint: 'http://127.0.0.1:1/'",
        web.port
    );
    let setup = Setup::new()
        .extension("bearertokenauth", "token: s3cr3t")
        .exporter("prometheusremotewrite", &http)
        .pipeline("metrics", "receivers: [otlp], exporters: [prometheusremotewrite]");
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&request(vec![gauge("g", &[1.0])])).await;
    let asked = &web.wait_for(1).await[0];
    assert_eq!(WriteRequest::of(asked).find("g_ratio", &[]).samples[0].value, 1.0);
    assert_eq!((&*asked.headers["x-scope-orgid"], &*asked.headers["authorization"]), ("tenant", "Bearer s3cr3t"));
    relay.wait_for_line(&["exporters::prometheusremotewrite::endpoint", "http is written"]).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn requests_that_would_be_larger_than_they_may_be_are_cut() {
    let web = Web::start(Says::status(200)).await;
    let relay = Relay::start(&writing(&web, ", max_batch_size_bytes: 600")).await;
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    relay.client(Wire::Grpc, Coding::None).await.deliver(&request(vec![gauge("g", &values)])).await;
    let written = |asked: &Asked| {
        let series = WriteRequest::of(asked).series;
        series.into_iter().filter(|series| series.named()["__name__"] == "g_ratio").count()
    };
    let all = async || (web.asked().iter().map(written).sum::<usize>() == values.len()).then_some(());
    eventually("all series", all).await;
    let size = |asked: &Asked| snap::raw::Decoder::new().decompress_vec(&asked.body).unwrap().len();
    assert!(web.asked().iter().all(|asked| size(asked) <= 600));
    relay.stop_without_loss().await;
}
