//! Who may not send costs no more than the refusal: nothing of the body is kept, nothing is unpacked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::support::backend::Backend;
use crate::support::client::{Client, Coding, Wire, compress};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::tls::Authority;
use crate::wire::{
    DATA, END_HEADERS, HEADERS, call_block, connect, connect_http2, frame, post, push, read_all, statuses,
};

const HUGE: usize = 100_000_000;

/// More than what a connection's receive window holds, and less than any body here.
const WINDOW: u64 = 8 << 20;

async fn guarded() -> (Relay, Backend) {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .extension("bearertokenauth", "token: 'the right one'")
        .receiving("auth: {authenticator: bearertokenauth}, max_connections: 1000");
    (Relay::start(&setup).await, backend)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_token_nothing_of_a_large_body_is_kept() {
    let (relay, _backend) = guarded().await;
    let bomb = compress(Coding::Gzip, &vec![0; 512 << 20]);
    let (length, packed) = (format!("content-length: {HUGE}"), format!("content-length: {}", bomb.len()));
    let before = relay.resident_bytes();
    for token in [None, Some("authorization: Bearer a wrong one")] {
        let lines: Vec<&str> = [length.as_str()].into_iter().chain(token).collect();
        let request = post(&lines, &vec![0; 20_000_000]);
        let clients = (0..20).map(|_| async {
            let mut stream = connect(relay.ports.http).await.unwrap();
            let _ = push(&mut stream, &request, Instant::now() + Duration::from_secs(6)).await;
            // What is sent is read for a while and dropped, so that the answer is not lost.
            let answer = read_all(&mut stream, Duration::from_secs(5)).await;
            check_small(&relay, before);
            statuses(&answer)
        });
        assert_eq!(futures_util::future::join_all(clients).await, vec![vec![401]; 20]);
        let lines: Vec<&str> = [packed.as_str(), "content-encoding: gzip"].into_iter().chain(token).collect();
        let begun = Instant::now();
        let mut stream = connect(relay.ports.http).await.unwrap();
        let _ = push(&mut stream, &post(&lines, &bomb), begun + Duration::from_secs(5)).await;
        assert_eq!(statuses(&read_all(&mut stream, Duration::from_millis(300)).await), [401]);
        check_small(&relay, before);
    }
    assert_eq!(relay.stop().await.delivered, 0);
}

/// Over HTTP/2 it is not even read: the window is never opened again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_token_a_call_is_reset_at_once() {
    let (relay, _backend) = guarded().await;
    let before = relay.resident_bytes();
    for token in [vec![], vec![("authorization", "Bearer a wrong one")]] {
        for _ in 0..10 {
            let mut stream = connect_http2(relay.ports.grpc, &[]).await.unwrap();
            let begin = [&[0, 0x05, 0xf5, 0xe1, 0][..], &[0; 16_000]].concat();
            let call = [frame(HEADERS, END_HEADERS, 1, &call_block(&token)), frame(DATA, 0, 1, &begin)].concat();
            assert!(push(&mut stream, &call, Instant::now() + Duration::from_secs(2)).await);
            let said = read_all(&mut stream, Duration::from_millis(200)).await;
            // RST_STREAM, behind the answer.
            assert!(said.windows(9).any(|bytes| bytes == [0, 0, 4, 3, 0, 0, 0, 0, 1]), "{}", said.escape_ascii());
            let more = frame(DATA, 0, 1, &[0; 16_000]).repeat(1000);
            let _ = push(&mut stream, &more, Instant::now() + Duration::from_millis(200)).await;
        }
        check_small(&relay, before);
    }
    assert_eq!(relay.stop().await.delivered, 0);
}

#[track_caller]
fn check_small(relay: &Relay, before: u64) {
    let more = relay.resident_bytes().saturating_sub(before);
    assert!(more < WINDOW, "{} KiB more than before", more >> 10);
}

/// What a client with a certificate that was good between these years is told by a receiver that wants one.
async fn converse(relay: &Relay, trusted: &CertifiedIssuer<'static, KeyPair>, ca: &[u8], years: (i32, i32)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, trusted).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let config = config.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap();
    let stream = connect(relay.ports.http).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let Ok(mut stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else { return Vec::new() };
    let _ = stream.write_all(&post(&["content-length: 0", "connection: close"], b"")).await;
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut said)).await;
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_client_certificate_gets_nobody_as_far_as_a_request() {
    let (authority, backend, folder) = (Authority::new(), Backend::start(), tempfile::tempdir().unwrap());
    let (certificate, key) = authority.server_files();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let clients = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = folder.path().join("clients.pem");
    std::fs::write(&file, clients.pem()).unwrap();
    let (certificate, key, file) = (certificate.display(), key.display(), file.display());
    let tls = format!(", tls: {{cert_file: '{certificate}', key_file: '{key}', client_ca_file: '{file}'}}");
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let (grpc, http) = (setup.ports.grpc, setup.ports.http);
    let plain = free_port();
    let setup = setup
        .receiver("otlp", grpc, http, &tls)
        .receiver("otlp/plain", free_port(), plain, "")
        .pipeline("traces", "receivers: [otlp, otlp/plain], exporters: [otlp_grpc]");
    let relay = Relay::start(&setup).await;
    let ca = std::fs::read(authority.ca_file()).unwrap();
    assert_eq!(statuses(&converse(&relay, &clients, &ca, (2020, 4000)).await), [200]);
    assert!(statuses(&converse(&relay, &clients, &ca, (2000, 2001)).await).is_empty());
    relay.wait_for_line(&["class=", "expired"]).await;
    let mut beside = Client::connect(Wire::Http, plain, Coding::None).await;
    beside.deliver(&crate::support::generate::lean_spans("app", 0..1)).await;
    relay.stop_without_loss().await;
}
