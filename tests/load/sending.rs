//! What arrives: every item once, over every protocol, in every coding, under TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};

use super::support::backend::Backend;
use super::support::client::Wire;
use super::support::export::Signal;
use super::support::net::{free_port, local};
use super::support::relay::Relay;
use super::support::setup::Setup;
use super::support::tls::{Authority, Clients};
use super::{SIGNALS, aim, load, report, sequences};

#[tokio::test]
async fn every_protocol_delivers_each_item_of_each_signal_once() {
    for (protocol, wire) in [("grpc", Wire::Grpc), ("http/protobuf", Wire::Http), ("http/json", Wire::Http)] {
        for signal in SIGNALS {
            let backend = Backend::start();
            let [endpoint, _] = aim(&backend, wire);
            let arguments = ["--protocol", protocol, "--signal", signal.name(), "--count", "253"];
            let more = ["--items-per-request", "20", "--run", "one", "--connections", "3"];
            let finished = load(&[&[endpoint.as_str()], &arguments[..], &more].concat()).await;
            assert_eq!(finished.code, Some(0), "{finished:?}");
            let expected: Vec<u64> = (0..253).collect();
            assert_eq!(sequences(&backend, signal, "one"), expected, "{protocol} {signal:?}");
            assert_eq!(backend.records().len(), 13);
            assert!(backend.records().iter().all(|record| record.wire == wire && record.encoding == "identity"));
            assert!(finished.stdout.contains("253 accepted of 253 sent"), "{}", finished.stdout);
            assert!(finished.stdout.contains("latency     p50 "), "{}", finished.stdout);
        }
    }
}

#[tokio::test]
async fn signals_take_turns_and_count_on_their_own() {
    let backend = Backend::start();
    let signals = ["--signal", "traces,metrics", "--signal", "logs"];
    let report =
        report(&backend, &[&signals[..], &["--count", "90", "--items-per-request", "5", "--threads", "1"]].concat(), 0)
            .await;
    for signal in SIGNALS {
        let run = report["run"].as_str().unwrap();
        assert_eq!(sequences(&backend, signal, run), (0..30).collect::<Vec<u64>>(), "{signal:?}");
        assert_eq!(report["signals"][signal.name()]["accepted"], 30);
    }
}

#[tokio::test]
async fn bodies_are_compressed_and_headers_are_sent() {
    let codings = [
        (Wire::Grpc, "gzip"),
        (Wire::Grpc, "zstd"),
        (Wire::Http, "gzip"),
        (Wire::Http, "zstd"),
        (Wire::Http, "snappy"),
        (Wire::Http, "lz4"),
    ];
    for (wire, coding) in codings {
        let backend = Backend::start();
        let [endpoint, protocol] = aim(&backend, wire);
        let arguments = ["--compression", coding, "--header", "x-tenant=seven", "--count", "40"];
        let finished = load(&[&[endpoint.as_str(), &protocol], &arguments[..]].concat()).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let records = backend.records();
        let [record] = records.as_slice() else { panic!("{} records", records.len()) };
        assert_eq!((record.encoding.as_str(), record.headers["x-tenant"].as_str()), (coding, "seven"));
        assert_eq!(record.items, 40);
        assert!(finished.stdout.contains("uncompressed"), "{}", finished.stdout);
    }
}

/// Counts the connections that it passes on to `target`; the port that it listens on.
async fn turnstile(target: u16) -> (u16, Arc<AtomicUsize>) {
    let (port, count) = (free_port(), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind(local(port)).await.unwrap();
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(local(target)).await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn there_are_as_many_connections_as_are_asked_for() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let (port, count) = turnstile(backend.port(wire)).await;
        let [_, protocol] = aim(&backend, wire);
        let endpoint = format!("http://127.0.0.1:{port}");
        let load_of = ["--request-rate", "200", "--count", "60", "--items-per-request", "1", "--connections", "3"];
        let finished = load(&[&[endpoint.as_str(), &protocol, "--signal", "logs,traces"], &load_of[..]].concat()).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(count.load(Ordering::Relaxed), 3, "{wire:?}");
    }
}

#[tokio::test]
async fn an_attribute_makes_each_item_larger_by_its_size() {
    let backend = Backend::start();
    let messages = |report: &serde_json::Value| report["bytes"]["messages"].as_u64().unwrap();
    let small = report(&backend, &["--count", "10"], 0).await;
    let large = report(&backend, &["--count", "10", "--attribute-size", "5000"], 0).await;
    let more = messages(&large) - messages(&small);
    assert!((50_000..51_000).contains(&more), "{more}");
}

#[tokio::test]
async fn an_https_endpoint_is_reached_with_the_files_that_are_named() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let (ca, (cert, key)) = (authority.ca_file(), authority.client_files());
    let [ca, cert, key] = [&ca, &cert, &key].map(|path| path.to_str().unwrap());
    for wire in [Wire::Grpc, Wire::Http] {
        let port = authority.serve("localhost", backend.port(wire), Clients::Certified).await;
        let [_, protocol] = aim(&backend, wire);
        let endpoint = format!("https://localhost:{port}");
        let files = ["--ca-file", ca, "--cert-file", cert, "--key-file", key];
        let finished = load(&[&[endpoint.as_str(), &protocol, "--count", "7"], &files[..]].concat()).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let any = ["--insecure-skip-verify", "--cert-file", cert, "--key-file", key];
        let finished = load(&[&[endpoint.as_str(), &protocol, "--count", "7"], &any[..]].concat()).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let untrusted = load(&[&endpoint, &protocol, "--count", "7"]).await;
        assert_eq!(untrusted.code, Some(1));
        assert!(untrusted.stderr.contains("Failed: tls_unknown_ca: "), "{untrusted:?}");
    }
    assert_eq!(backend.accepted_items(), 28);
}

#[tokio::test]
async fn a_relay_in_between_hands_everything_on_once() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let endpoint = format!("127.0.0.1:{}", relay.ports.grpc);
    let finished = load(&[&endpoint, "--count", "5000", "--items-per-request", "50", "--run", "two"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    backend.wait_for_items(5000).await;
    assert_eq!(sequences(&backend, Signal::Traces, "two"), (0..5000).collect::<Vec<u64>>());
}
