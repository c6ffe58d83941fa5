//! Failures whose symptoms depend on who is faster: each must have one class, however the race ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use otlp_relay::config::{PemSource, Secret};
use otlp_relay::exporters::otlp::Backend;
use otlp_relay::failure::Class;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::stubs::{Stub, http1, response};
use crate::support::{grpc, grpc_config, send, trusting};
use crate::tls::{Authority, server, start_tls, to};

const TIMES: usize = 40;
/// So many at a time, which makes the races more of a race.
const ABREAST: usize = 8;

/// Sends [`TIMES`] times, each over a client of its own, and expects `class` each time.
async fn check(backend: impl Fn() -> Backend, class: Class) {
    for _ in 0..TIMES / ABREAST {
        let backends: Vec<Backend> = (0..ABREAST).map(|_| backend()).collect();
        for outcome in join_all(backends.iter().map(send)).await {
            let failure = outcome.expect_err("it should fail");
            assert_eq!(failure.class(), class, "{failure:?}");
            assert!(!failure.cause().contains("broken pipe"), "{failure:?}");
        }
    }
}

async fn check_plaintext(stub: &Stub, class: Class) {
    check(|| grpc(&grpc_config(stub.address)), class).await;
}

/// Reads a little and answers with `bytes`.
async fn answering(bytes: &'static [u8]) -> Stub {
    Stub::start(move |mut stream| async move {
        let _ = stream.read(&mut [0; 24]).await;
        let _ = stream.write_all(bytes).await;
    })
    .await
}

#[tokio::test]
async fn accepted_and_closed() {
    check_plaintext(&Stub::start(|stream| async move { drop(stream) }).await, Class::ConnectionReset).await;
}

#[tokio::test]
async fn read_a_little_and_reset() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.read(&mut [0; 8]).await;
        reset(stream);
    })
    .await;
    check_plaintext(&stub, Class::ConnectionReset).await;
}

/// Closes with RST instead of FIN.
fn reset(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

#[tokio::test]
async fn a_banner_and_the_end() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    })
    .await;
    check_plaintext(&stub, Class::ProtocolMismatch).await;
}

#[tokio::test]
async fn plaintext_to_a_tls_port_that_sends_an_alert() {
    let stub = start_tls(Authority::new("test CA").server(&["localhost"])).await;
    check_plaintext(&stub, Class::PlaintextToTlsPort).await;
}

#[tokio::test]
async fn plaintext_to_a_tls_port_that_hangs_up() {
    let acceptor = TlsAcceptor::from(Arc::new(Authority::new("test CA").server(&["localhost"])));
    let stub = Stub::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut first = [0];
            const HANDSHAKE: u8 = 0x16;
            if matches!(stream.peek(&mut first).await, Ok(1)) && first[0] == HANDSHAKE {
                let _ = acceptor.accept(stream).await;
            }
        }
    })
    .await;
    check_plaintext(&stub, Class::PlaintextToTlsPort).await;
}

#[tokio::test]
async fn a_web_server_that_answers_400() {
    let stub = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    check_plaintext(&stub, Class::GrpcToHttp1Port).await;
}

#[tokio::test]
async fn a_web_server_that_answers_505_and_closes() {
    let stub = answering(b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\n\r\n").await;
    check_plaintext(&stub, Class::GrpcToHttp1Port).await;
}

#[tokio::test]
async fn a_web_server_that_closes_without_a_word() {
    check_plaintext(&http1(|_| response(404, &[], "")).await, Class::GrpcToHttp1Port).await;
}

/// An empty SETTINGS frame, and GOAWAY with this code and these words.
fn goaway(code: u8, words: &[u8]) -> &'static [u8] {
    let len = 8 + words.len() as u8;
    let head = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, len, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code];
    [&head, words].concat().leak()
}

#[tokio::test]
async fn a_goaway_for_too_many_pings() {
    const ENHANCE_YOUR_CALM: u8 = 11;
    for words in [b"too_many_pings".as_slice(), b""] {
        check_plaintext(&answering(goaway(ENHANCE_YOUR_CALM, words)).await, Class::Http2TooManyPings).await;
    }
}

#[tokio::test]
async fn a_graceful_goaway_before_any_answer() {
    check_plaintext(&answering(goaway(0, b"")).await, Class::Http2Goaway).await;
}

#[tokio::test]
async fn no_client_certificate() {
    let authority = Authority::new("test CA");
    let stub = start_tls(server(authority.sign(&["localhost"], |_| ()), Some(&authority))).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    check(backend, Class::TlsClientCertificateRequired).await;
}

#[tokio::test]
async fn a_client_certificate_of_another_authority() {
    let (authority, other) = (Authority::new("test CA"), Authority::new("other CA"));
    let stub = start_tls(server(authority.sign(&["localhost"], |_| ()), Some(&authority))).await;
    let identity = other.sign(&["client"], |_| ());
    let inline = |text: String| PemSource::Inline(Secret::new(text));
    let backend = || {
        let mut tls = trusting(&authority.pem()).unwrap();
        tls.identity = Some((inline(identity.pem.clone()), inline(identity.key.serialize_pem())));
        grpc(&to(&stub, Some(tls)))
    };
    check(backend, Class::TlsClientCertificateRejected).await;
}
