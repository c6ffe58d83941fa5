//! What is sent is scraped: over gRPC and HTTP in, as text, OpenMetrics and protobuf out, with TLS, and across reloads.

use std::io::Read;

use http::Method;

use crate::metrics::{CUMULATIVE, DELTA, all, counter, gauge, request};
use crate::support::client::{Coding, HttpAnswer, Wire, get, http_request};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::scrape::Metrics;
use crate::support::setup::Setup;
use crate::support::tls::Authority;

/// A relay that is scraped at `port`.
pub(crate) fn scraped_at(port: u16, settings: &str) -> Setup {
    Setup::new()
        .exporter("prometheus", &format!("endpoint: '127.0.0.1:{port}'{settings}"))
        .pipeline("metrics", "receivers: [otlp], exporters: [prometheus]")
}

async fn scrape(port: u16, headers: &[(&str, &str)]) -> HttpAnswer {
    let answer = http_request(Method::GET, port, "/metrics", headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[tokio::test]
async fn every_kind_of_metric_is_scraped_over_both_wires() {
    for wire in [Wire::Grpc, Wire::Http] {
        let port = free_port();
        let relay = Relay::start(&scraped_at(port, "")).await;
        relay.client(wire, Coding::None).await.deliver(&all()).await;
        let answer = scrape(port, &[]).await;
        let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        assert_eq!(answer.header("content-type"), Some(kind));
        let metrics = Metrics::parse(&answer.text());
        let of_shop = [("job", "shop"), ("instance", "1"), ("otel_scope_name", "lib")];
        for (name, more, expected) in [
            ("traffic_in_bytes_total", ("odd", "a\"b\\c\nd{e}"), 3e6),
            ("use_ratio", ("index", "1"), 1e300),
            ("use_ratio", ("index", "4"), f64::INFINITY),
            ("latency_seconds_bucket", ("le", "0.5"), 1.0),
            ("latency_seconds_bucket", ("le", "10"), 3.0),
            ("latency_seconds_bucket", ("le", "+Inf"), 7.0),
            ("latency_seconds_sum", ("job", "shop"), 12.5),
            ("size_bucket", ("le", "+Inf"), 5.0),
            ("size_count", ("job", "shop"), 5.0),
            ("age_milliseconds", ("quantile", "0.5"), 1.0),
            ("age_milliseconds_count", ("job", "shop"), 3.0),
        ] {
            let labels = [&of_shop[..], &[more]].concat();
            assert_eq!(metrics.value(name, &labels), expected, "{name} {more:?}");
        }
        assert_eq!(metrics.value("target_info", &[("job", "shop"), ("host_name", "h")]), 1.0);
        assert_eq!(relay.stop_without_loss().await.delivered, 9);
    }
}

#[tokio::test]
async fn scrapers_get_the_format_that_they_ask_for() {
    let port = free_port();
    let relay = Relay::start(&scraped_at(port, ", enable_open_metrics: true, send_timestamps: true")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&all()).await;
    let open = scrape(port, &[("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")]).await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.text().ends_with("# EOF\n") && open.text().contains("# {trace_id=\"abab"), "{}", open.text());
    assert!(open.text().contains(" 1700000001.000 # {"), "{}", open.text());

    let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let native = scrape(port, &[("accept", native)]).await;
    assert!(native.header("content-type").unwrap().starts_with("application/vnd.google.protobuf; proto=io."));

    let packed = scrape(port, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
    let plain = scrape(port, &[]).await;
    assert_eq!(text, plain.text());

    let head = http_request(Method::HEAD, port, "/metrics", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(plain.body.len().to_string().as_str()));
    assert_eq!(get(port, "/").await.status, 404);
    assert_eq!(http_request(Method::POST, port, "/metrics", &[], "x").await.status, 405);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn deltas_add_up_and_a_reload_keeps_them() {
    let port = free_port();
    let setup = scraped_at(port, "");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let counted = || async { Metrics::parse(&scrape(port, &[]).await.text()).value("c_bytes_total", &[]) };
    client.deliver(&request(vec![counter("c", DELTA, 5, 1)])).await;
    client.deliver(&request(vec![counter("c", DELTA, 2, 2)])).await;
    assert_eq!(counted().await, 7.0);

    // The exporter stays the same, what is around it does not.
    let other = setup.clone().exporter("nop", "").pipeline("logs", "receivers: [otlp], exporters: [nop]");
    relay.reload(&other.text(), "Config updated").await;
    client.deliver(&request(vec![counter("c", DELTA, 1, 3)])).await;
    assert_eq!(counted().await, 8.0);

    // Another exporter at the same place begins anew, and the socket stays open.
    relay.reload(&scraped_at(port, ", namespace: n").in_place_of(&setup).text(), "Config updated").await;
    assert_eq!(scrape(port, &[]).await.text(), "");
    client.deliver(&request(vec![counter("c", CUMULATIVE, 1, 4)])).await;
    assert!(scrape(port, &[]).await.text().contains("n_c_bytes_total{"));

    // And one elsewhere leaves it.
    let elsewhere = free_port();
    relay.reload(&scraped_at(elsewhere, "").in_place_of(&setup).text(), "Config updated").await;
    scrape(elsewhere, &[]).await;
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_series_that_nothing_comes_for_is_forgotten() {
    let port = free_port();
    let relay = Relay::start(&scraped_at(port, ", metric_expiration: 300ms")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&request(vec![gauge("g", &[1.0])])).await;
    assert!(scrape(port, &[]).await.text().contains("g_ratio{"));
    crate::support::eventually("an empty page", || async { scrape(port, &[]).await.text().is_empty().then_some(()) })
        .await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn scrapers_are_served_over_tls() {
    let (authority, port) = (Authority::new(), free_port());
    let (cert, key) = authority.server_files();
    let tls = format!(", tls: {{cert_file: {}, key_file: {}}}", cert.display(), key.display());
    let relay = Relay::start(&scraped_at(port, &tls)).await;
    assert!(authority.vouches_for("localhost", port).await);
    relay.stop_without_loss().await;
}
