//! TLS and mutual TLS, and certificates that are renewed while clients are connected.

use std::io::ErrorKind;
use std::time::Duration;

use otlp_relay::config::{CaReload, CipherSuite, ClientCa, Curve, Mistake, TlsVersion};
use otlp_relay::transport::server::TlsServer;
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::certificates::{Authority, Files, Identity};
use crate::support::{Rig, export, http2, post_http1, until};

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];
const SHORT: Duration = Duration::from_millis(50);

fn files(authority: &Authority) -> Files {
    Files::of(&authority.sign("localhost"))
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Whether a client that shows `identity` gets an export through.
async fn is_served(rig: &Rig, authority: &Authority, identity: Option<&Identity>) -> bool {
    let Ok(stream) = rig.shake(authority.client(identity, &[b"http/1.1"])).await else { return false };
    // Under TLS 1.3 the client is through before the server has seen its certificate.
    matches!(post_http1(stream).await, Ok(200))
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls() {
    let authority = Authority::new("our CA");
    let rig = Rig::with_tls(&files(&authority).server()).await;
    let stream = rig.shake(authority.client(None, BOTH)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(export(&mut http2(stream).await).await.unwrap(), "0");
    assert!(is_served(&rig, &authority, None).await);
    let without_alpn = rig.shake(authority.client(None, &[])).await.unwrap();
    assert_eq!(post_http1(without_alpn).await.unwrap(), 200);
    assert_eq!(rig.taken(), 3);
}

#[tokio::test]
async fn clients_must_show_a_certificate_of_the_authority_where_that_is_asked_for() {
    let (ours, other) = (Authority::new("our CA"), Authority::new("other CA"));
    let files = files(&ours);
    let mut tls = files.server();
    tls.client_ca = Some(ClientCa { file: files.trust(&ours), reload: CaReload::Never });
    let rig = Rig::with_tls(&tls).await;
    assert!(is_served(&rig, &ours, Some(&ours.sign("client"))).await);
    assert!(!is_served(&rig, &ours, None).await);
    assert!(!is_served(&rig, &ours, Some(&other.sign("client"))).await);
    assert_eq!(rig.taken(), 1);
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_clients_and_old_ones_stay() {
    let authority = Authority::new("our CA");
    let files = files(&authority);
    let mut tls = files.server();
    tls.reload_interval = Some(SHORT);
    let rig = Rig::with_tls(&tls).await;
    let stream = rig.shake(authority.client(None, BOTH)).await.unwrap();
    let old = shown(&stream);
    let mut connected = http2(stream).await;
    assert_eq!(export(&mut connected).await.unwrap(), "0");

    // Half a renewal: the certificate does not fit the key. The old pair stays in use.
    let renewed = authority.sign("localhost");
    files.write("certificate.pem", &renewed.pem());
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(shown(&rig.shake(authority.client(None, BOTH)).await.unwrap()), old);

    files.renew(&renewed);
    until("the renewed certificate is shown", async || {
        shown(&rig.shake(authority.client(None, BOTH)).await.unwrap()) == *renewed.der()
    })
    .await;
    assert_eq!(export(&mut connected).await.unwrap(), "0");
}

#[tokio::test]
async fn a_renewed_client_authority_is_noticed() {
    let (ours, other) = (Authority::new("our CA"), Authority::new("other CA"));
    let files = files(&ours);
    let mut tls = files.server();
    tls.client_ca = Some(ClientCa { file: files.trust(&ours), reload: CaReload::WhenChanged });
    let rig = Rig::with_tls(&tls).await;
    let client = other.sign("client");
    assert!(!is_served(&rig, &ours, Some(&client)).await);
    files.trust(&other);
    until("the other authority is trusted", async || is_served(&rig, &ours, Some(&client)).await).await;
}

#[tokio::test]
async fn versions_suites_and_curves_are_kept_to() {
    let authority = Authority::new("our CA");
    let files = files(&authority);
    let mut tls = files.server();
    tls.terms.max_version = TlsVersion::V1_2;
    tls.terms.cipher_suites = Some(vec![CipherSuite::EcdsaAes256]);
    tls.terms.curves = Some(vec![Curve::P384]);
    let rig = Rig::with_tls(&tls).await;
    let stream = rig.shake(authority.client(None, BOTH)).await.unwrap();
    let session = stream.get_ref().1;
    let suite = session.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(suite, rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), rustls::NamedGroup::secp384r1);

    tls.terms.max_version = TlsVersion::V1_3;
    tls.terms.min_version = TlsVersion::V1_3;
    let rig = Rig::with_tls(&tls).await;
    let stream = rig.shake(authority.client(None, BOTH)).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert!(rig.shake(authority.old_client()).await.is_err());
}

#[tokio::test]
async fn plaintext_is_told_to_use_tls() {
    let authority = Authority::new("our CA");
    let rig = Rig::with_tls(&files(&authority).server()).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nHost: relay\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    let mut preface = TcpStream::connect(rig.address).await.unwrap();
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    match preface.read(&mut [0; 16]).await {
        Ok(length) => assert_eq!(length, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_its_end_does_not_hold_up_a_shutdown() {
    let authority = Authority::new("our CA");
    let rig = Rig::with_tls(&files(&authority).server()).await;
    let mut silent = TcpStream::connect(rig.address).await.unwrap();
    silent.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let drained = tokio::time::timeout(Duration::from_secs(5), rig.lifetime.drain(Duration::from_secs(20))).await;
    assert!(drained.is_ok());
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_told_by_key_and_kind() {
    let authority = Authority::new("our CA");
    let check = |change: &dyn Fn(&Files), key: &str, mistake: Mistake| {
        let files = files(&authority);
        change(&files);
        let mut tls = files.server();
        tls.client_ca = Some(ClientCa { file: files.trust(&authority), reload: CaReload::Never });
        if key == "client_ca_file" {
            tls.client_ca = Some(ClientCa { file: files.write("clients.pem", ""), reload: CaReload::Never });
        }
        let problem = TlsServer::load(&tls, String::new()).unwrap_err();
        assert_eq!((problem.key, problem.mistake), (key, mistake), "{problem}");
    };
    check(&|files| drop(files.write("certificate.pem", "nonsense")), "cert_file", Mistake::PemInvalid);
    check(&|files| std::fs::remove_file(files.write("key.pem", "")).unwrap(), "key_file", Mistake::FileUnreadable);
    check(&|_| (), "client_ca_file", Mistake::PemInvalid);
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    check(&|files| drop(files.write("key.pem", &other)), "key_file", Mistake::KeyMismatch);
}
