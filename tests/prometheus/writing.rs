//! What is sent is written to a remote write endpoint: under the names that a scrape shows, once, or told as rejected.

use crate::metrics::{CUMULATIVE, DELTA, all, counter, gauge, request};
use crate::support::client::{Coding, Wire, get};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::scrape::Metrics;
use crate::support::setup::Setup;
use crate::support::web::{Says, Web};
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
    web.once(Says { body: "out of order sample".to_owned(), ..Says::status(400) });
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
