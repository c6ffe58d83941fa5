//! Does everything arrive as it was sent? All signals, over both wires, in every compression, through two relays.

use std::sync::Arc;

use crate::support::backend::Backend;
use crate::support::client::{self, Client, Coding, Wire};
use crate::support::export::{Export, Signal, assert_same_items};
use crate::support::generate;
use crate::support::net::local;
use crate::support::relay::Relay;
use crate::support::setup::{Setup, exporter_type};

#[tokio::test]
async fn grpc_arrives_whole() {
    check_two_relays(Wire::Grpc, Coding::None).await;
}

#[tokio::test]
async fn grpc_with_gzip_arrives_whole() {
    check_two_relays(Wire::Grpc, Coding::Gzip).await;
}

#[tokio::test]
async fn grpc_with_zstd_arrives_whole() {
    check_two_relays(Wire::Grpc, Coding::Zstd).await;
}

#[tokio::test]
async fn http_arrives_whole() {
    check_two_relays(Wire::Http, Coding::None).await;
}

#[tokio::test]
async fn http_with_gzip_arrives_whole() {
    check_two_relays(Wire::Http, Coding::Gzip).await;
}

#[tokio::test]
async fn http_with_zstd_arrives_whole() {
    check_two_relays(Wire::Http, Coding::Zstd).await;
}

#[tokio::test]
async fn http_with_every_other_compression_arrives_whole() {
    for coding in Coding::HTTP_ONLY {
        check_two_relays(Wire::Http, coding).await;
    }
}

/// Tonic has no snappy: what one relay writes, another one reads.
#[tokio::test]
async fn grpc_with_snappy_arrives_whole() {
    let backend = Backend::start();
    let second = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "compression: none")).await;
    let first =
        Setup::new().export_to("otlp_grpc", Wire::Grpc, second.ports.receiver(Wire::Grpc), "compression: snappy");
    let first = Relay::start(&first).await;
    let sent = send_everything(&mut first.client(Wire::Grpc, Coding::None).await).await;
    first.stop_without_loss().await;
    second.stop_without_loss().await;
    assert_same_items(&sent, backend.accepted().iter().map(Arc::as_ref));
}

/// A level is asked for: what came compressed is compressed anew.
#[tokio::test]
async fn a_level_is_kept_to() {
    let backend = Backend::start();
    let settings = "compression: gzip, compression_params: {level: 9}";
    let relay = Relay::start(&Setup::forwarding(Wire::Http, &backend, settings)).await;
    let export = generate::request(Signal::Traces, "app", 0..500);
    relay.client(Wire::Http, Coding::Gzip).await.deliver(&export).await;
    relay.stop_without_loss().await;
    assert_same_items([&export], backend.accepted().iter().map(Arc::as_ref));
    let length: usize = backend.records()[0].headers["content-length"].parse().unwrap();
    assert!(length < client::compress(Coding::Gzip, &export.encode()).len(), "{length}");
}

async fn check_two_relays(wire: Wire, coding: Coding) {
    let backend = Backend::start();
    let compression = format!("compression: {}", coding.name());
    let second = Relay::start(&Setup::forwarding(wire, &backend, &compression)).await;
    let first = Setup::new().export_to(exporter_type(wire), wire, second.ports.receiver(wire), &compression);
    let first = Relay::start(&first).await;

    let sent = send_everything(&mut first.client(wire, coding).await).await;
    backend.wait_for_items(sent.iter().map(Export::items).sum()).await;
    first.stop_without_loss().await;
    second.stop_without_loss().await;

    let records = backend.records();
    assert!(records.iter().all(|record| record.wire == wire && record.encoding == coding.token()), "{records:?}");
    assert_same_items(&sent, backend.accepted().iter().map(Arc::as_ref));
}

/// Ten requests of each signal, from one item to ten.
async fn send_everything(client: &mut Client) -> Vec<Export> {
    let mut sent = Vec::new();
    for signal in Signal::ALL {
        for size in 1..=10 {
            let export = generate::request(signal, "app", size * 100..size * 101);
            client.deliver(&export).await;
            sent.push(export);
        }
    }
    sent
}

#[tokio::test]
async fn a_batch_keeps_what_it_merges_and_splits() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .processor("batch", "timeout: 50ms, send_batch_size: 7, send_batch_max_size: 7");
    let relay = Relay::start(&setup).await;

    let mut sent = Vec::new();
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let mut client = relay.client(Wire::Http, Coding::Zstd).await;
        for (sender, ids) in [("one", 0..3), ("two", 3..40), ("three", 40..41)] {
            let export = generate::request(signal, sender, ids);
            client.deliver(&export).await;
            sent.push(export);
        }
    }
    relay.stop_without_loss().await;

    assert!(backend.records().iter().all(|record| record.items <= 7), "no request above the limit");
    assert_same_items(&sent, backend.accepted().iter().map(Arc::as_ref));
}

/// HTTP/2 with prior knowledge on the HTTP port.
#[tokio::test]
async fn http_2_without_tls_is_understood_on_the_http_port() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let export = generate::request(Signal::Logs, "app", 0..5);
    let answer = client::http2_post(relay.ports.http, Signal::Logs.path(), export.encode()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    backend.wait_for_items(5).await;
    relay.stop_without_loss().await;
    assert_same_items([&export], backend.accepted().iter().map(Arc::as_ref));
}

/// Headers of the configuration arrive, on both wires.
#[tokio::test]
async fn configured_headers_are_sent() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let setup =
            Setup::forwarding(wire, &backend, "headers: {X-Scope-OrgID: tenant, authorization: 'Bearer token'}");
        let relay = Relay::start(&setup).await;
        relay.client(wire, Coding::None).await.deliver(&generate::lean_spans("app", 0..1)).await;
        backend.wait_for_items(1).await;
        relay.stop_without_loss().await;
        let headers = &backend.records()[0].headers;
        assert_eq!(headers["x-scope-orgid"], "tenant");
        assert_eq!(headers["authorization"], "Bearer token");
    }
}

/// The loopback address by name has two addresses, of which only one listens here.
#[tokio::test]
async fn a_name_with_a_dead_address_still_connects() {
    let backend = Backend::start();
    let endpoint = format!("endpoint: 'localhost:{}', tls: {{insecure: true}}", backend.grpc);
    let relay = Relay::start(&Setup::new().exporter("otlp_grpc", &endpoint)).await;
    assert!(local(backend.grpc).is_ipv4());
    relay.client(Wire::Grpc, Coding::None).await.deliver(&generate::lean_spans("app", 0..9)).await;
    backend.wait_for_items(9).await;
    relay.stop_without_loss().await;
}
