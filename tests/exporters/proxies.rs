//! Requests through a proxy, and what a proxy that does not help comes to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use otlp_relay::config::{Endpoint, Proxy, ProxyKind, Secret};
use otlp_relay::exporters::otlp::Backend;
use otlp_relay::failure::{Class, Phase, Retry};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::stubs::{Stub, accepting, closed_port, http1, response};
use crate::support::{
    RUNS, SHORT, check, endpoint, grpc, grpc_config, http, http_config, https_config, send, target, trusting,
};
use crate::tls::{Authority, start_tls};

/// What a proxy was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn note(&self, head: &str) {
        self.0.lock().unwrap().push(head.to_owned());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// The head of a request.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A proxy that opens tunnels to `backend`, whatever it is asked for.
async fn tunnels(backend: SocketAddr) -> (Stub, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let stub = Stub::start(move |mut stream| {
        let noted = noted.clone();
        async move {
            noted.note(&head(&mut stream).await);
            let mut backend = TcpStream::connect(backend).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: stub\r\n\r\n").await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut backend).await;
        }
    })
    .await;
    (stub, asked)
}

/// A proxy that answers every CONNECT with these bytes, and then closes.
async fn answers(bytes: &'static str) -> Stub {
    Stub::start(move |mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(bytes.as_bytes()).await;
    })
    .await
}

fn proxy(at: SocketAddr) -> Option<Proxy> {
    let authorization = Some(Secret::new("Basic bWU6czNjcjN0"));
    let (kind, chosen_by) = (ProxyKind::Http, "HTTPS_PROXY".to_owned());
    Some(Proxy { endpoint: endpoint("http", at), kind, authorization, chosen_by })
}

/// gRPC to a host that only the proxy can reach.
fn grpc_via(at: SocketAddr) -> Backend {
    let mut config = grpc_config("192.0.2.1:4317".parse().unwrap());
    config.endpoint.host = "backend.invalid".to_owned();
    config.link.proxy = proxy(at);
    config.timeout = Some(SHORT * 10);
    grpc(&config)
}

#[tokio::test]
async fn grpc_goes_through_a_tunnel_to_the_name() {
    let backend = accepting().start().await;
    let (stub, asked) = tunnels(backend.address).await;
    let exporter = grpc_via(stub.address);
    for _ in 0..3 {
        send(&exporter).await.unwrap();
    }
    let heads = asked.all();
    assert_eq!((stub.connections(), heads.len()), (1, 1));
    assert_eq!(
        heads[0],
        "CONNECT backend.invalid:4317 HTTP/1.1\r\nHost: backend.invalid:4317\r\n\
         Proxy-Authorization: Basic bWU6czNjcjN0\r\n\r\n"
    );
}

#[tokio::test]
async fn tls_is_spoken_with_the_backend_and_not_with_the_proxy() {
    let authority = Authority::new("test CA");
    let backend = start_tls(authority.server(&["localhost"])).await;
    let (stub, _) = tunnels(backend.address).await;
    let mut config = grpc_config(backend.address);
    config.endpoint.host = "localhost".to_owned();
    config.tls = trusting(&authority.pem());
    config.link.proxy = proxy(stub.address);
    send(&grpc(&config)).await.unwrap();
    let mut config = https_config(backend.address, &authority.pem());
    target(&mut config).proxy = proxy(stub.address);
    // The backend knows only gRPC: that it says so shows that it was reached.
    check(&http(&config), Class::Http1ToGrpcPort, &[]).await;
    assert_eq!(stub.connections(), 2);
}

#[tokio::test]
async fn plain_http_is_sent_to_the_proxy_with_its_whole_url() {
    let seen = Asked::default();
    let noted = seen.clone();
    let stub = http1(move |request| {
        let authorization = request.headers()["proxy-authorization"].to_str().unwrap();
        noted.note(&format!("{} {} {authorization}", request.uri(), request.headers()["host"].to_str().unwrap()));
        response(200, &[], "")
    })
    .await;
    let mut config = http_config("192.0.2.1:4318".parse().unwrap());
    target(&mut config).endpoint.host = "backend.invalid".to_owned();
    target(&mut config).proxy = proxy(stub.address);
    let backend = http(&config);
    send(&backend).await.unwrap();
    send(&backend).await.unwrap();
    let expected = "http://backend.invalid:4318/v1/traces backend.invalid:4318 Basic bWU6czNjcjN0";
    assert_eq!(seen.all(), [expected, expected]);
    assert_eq!(stub.connections(), 1);
}

/// The kinds of answers that a SOCKS proxy gives to a request for a tunnel (RFC 1928, section 6).
const OPEN: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const REFUSED: u8 = 5;

/// A SOCKS proxy that wants `me` with `s3cr3t`, answers with `reply`, and opens tunnels to `backend`.
async fn socks(backend: SocketAddr, reply: u8) -> (Stub, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let stub = Stub::start(move |mut stream| {
        let noted = noted.clone();
        async move {
            let offered = lengthy(&mut stream, 1).await;
            if !offered.contains(&2) {
                stream.write_all(&[5, 0xff]).await.unwrap();
                return;
            }
            stream.write_all(&[5, 2]).await.unwrap();
            let (user, password) = (lengthy(&mut stream, 1).await, lengthy(&mut stream, 0).await);
            let known = user == b"me" && password == b"s3cr3t";
            stream.write_all(&[1, u8::from(!known)]).await.unwrap();
            if !known {
                return;
            }
            let name = lengthy(&mut stream, 4).await;
            let port = stream.read_u16().await.unwrap();
            noted.note(&format!("{}:{port}", String::from_utf8_lossy(&name)));
            stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            if reply == OPEN {
                let mut backend = TcpStream::connect(backend).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut backend).await;
            }
        }
    })
    .await;
    (stub, asked)
}

/// What follows `skipped` bytes and a length.
async fn lengthy(stream: &mut TcpStream, skipped: usize) -> Vec<u8> {
    let mut before = vec![0; skipped + 1];
    stream.read_exact(&mut before).await.unwrap();
    let mut bytes = vec![0; usize::from(before[skipped])];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

fn socks_proxy(at: SocketAddr, login: Option<(&str, &str)>) -> Option<Proxy> {
    let login = login.map(|(user, password)| (user.to_owned(), Secret::new(password)));
    let (kind, chosen_by) = (ProxyKind::Socks5(login), "proxy_url".to_owned());
    Some(Proxy { endpoint: endpoint("socks5", at), kind, authorization: None, chosen_by })
}

#[tokio::test]
async fn a_socks_proxy_opens_tunnels_to_the_name() {
    let backend = accepting().start().await;
    let (stub, asked) = socks(backend.address, OPEN).await;
    let mut config = grpc_config("192.0.2.1:4317".parse().unwrap());
    config.endpoint.host = "backend.invalid".to_owned();
    config.link.proxy = socks_proxy(stub.address, Some(("me", "s3cr3t")));
    send(&grpc(&config)).await.unwrap();
    assert_eq!(asked.all(), ["backend.invalid:4317"]);
    let answering = http1(|_| response(200, &[], "")).await;
    let (stub, asked) = socks(answering.address, OPEN).await;
    let mut config = http_config("192.0.2.1:4318".parse().unwrap());
    target(&mut config).endpoint.host = "backend.invalid".to_owned();
    target(&mut config).proxy = socks_proxy(stub.address, Some(("me", "s3cr3t")));
    send(&http(&config)).await.unwrap();
    assert_eq!(asked.all(), ["backend.invalid:4318"]);
}

#[tokio::test]
async fn a_socks_proxy_that_does_not_help_says_why() {
    let nowhere = closed_port();
    for (reply, login, class) in [
        (REFUSED, Some(("me", "s3cr3t")), Class::ProxyUpstreamUnreachable),
        (NOT_ALLOWED, Some(("me", "s3cr3t")), Class::ProxyDenied),
        (OPEN, Some(("me", "other")), Class::ProxyAuthRequired),
        (OPEN, None, Class::ProxyAuthRequired),
    ] {
        let (stub, _) = socks(nowhere, reply).await;
        let mut config = grpc_config("192.0.2.1:4317".parse().unwrap());
        config.endpoint.host = "backend.invalid".to_owned();
        config.link.proxy = socks_proxy(stub.address, login);
        check(&grpc(&config), class, &["socks5://", "chosen by proxy_url"]).await;
    }
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let mut config = grpc_config("192.0.2.1:4317".parse().unwrap());
    config.link.proxy = socks_proxy(stub.address, None);
    config.timeout = Some(SHORT * 10);
    check(&grpc(&config), Class::ProxyProtocolMismatch, &["socks5://", "SOCKS proxies"]).await;
}

/// An `https://` proxy whose certificate is from `authority`, and that opens tunnels to `backend`.
async fn encrypted(backend: SocketAddr, authority: &Authority) -> (Stub, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let acceptor = TlsAcceptor::from(Arc::new(authority.server(&["localhost"])));
    let stub = Stub::start(move |stream| {
        let (noted, acceptor) = (noted.clone(), acceptor.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            noted.note(&head(&mut stream).await);
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut backend = TcpStream::connect(backend).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut backend).await;
        }
    })
    .await;
    (stub, asked)
}

fn https_proxy(at: SocketAddr) -> Option<Proxy> {
    let mut proxy = proxy(at).unwrap();
    proxy.kind = ProxyKind::Https;
    proxy.endpoint = Endpoint { text: format!("https://localhost:{}", at.port()), ..proxy.endpoint };
    proxy.endpoint.host = "localhost".to_owned();
    Some(proxy)
}

#[tokio::test]
async fn a_proxy_is_asked_over_tls_where_its_url_says_so() {
    let authority = Authority::new("test CA");
    let backend = start_tls(authority.server(&["localhost"])).await;
    let (stub, asked) = encrypted(backend.address, &authority).await;
    let mut config = grpc_config(backend.address);
    config.endpoint.host = "localhost".to_owned();
    config.tls = trusting(&authority.pem());
    config.link.proxy = https_proxy(stub.address);
    send(&grpc(&config)).await.unwrap();
    assert!(asked.all()[0].starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", backend.address.port())));
    config.tls = trusting(&Authority::new("another CA").pem());
    check(&grpc(&config), Class::ProxyUnreachable, &["cannot be asked over TLS", "not from an authority"]).await;
}

#[tokio::test]
async fn a_proxy_that_nobody_runs_is_named_with_the_variable() {
    let port = closed_port();
    let words = ["HTTPS_PROXY".to_owned(), format!("{port} refused the connection")];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let failure = check(&grpc_via(port), Class::ProxyUnreachable, &words).await;
    assert_eq!((failure.phase(), failure.retry()), (Phase::Proxy, Retry::BackOff));
    let mut config = http_config(port);
    target(&mut config).proxy = proxy(port);
    check(&http(&config), Class::ProxyUnreachable, &words).await;
}

#[tokio::test]
async fn a_refusal_is_classified_by_its_status() {
    let unauthorized = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM\r\n\
                        Proxy-Authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n";
    let denied = "HTTP/1.1 403 Forbidden\r\nServer: squid/6\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n\
                  <html><title>ERROR: Access\n Denied</title>";
    let upstream = "HTTP/1.1 502 Bad Gateway\r\n\r\nno such host";
    for (answer, class, retry, words) in [
        (unauthorized, Class::ProxyAuthRequired, Retry::Hold, ["does not accept", "offers NTLM, Basic"]),
        (denied, Class::ProxyDenied, Retry::Hold, ["403 Forbidden, Server: squid/6", "ERROR: Access Denied"]),
        (upstream, Class::ProxyUpstreamUnreachable, Retry::BackOff, ["502 Bad Gateway", "no such host"]),
    ] {
        let stub = answers(answer).await;
        for _ in 0..RUNS {
            let failure = check(&grpc_via(stub.address), class, &words).await;
            assert_eq!((failure.phase(), failure.retry()), (Phase::Proxy, retry));
            assert!(!failure.cause().contains("bWU6"), "{}", failure.cause());
        }
    }
}

#[tokio::test]
async fn a_plain_request_that_the_proxy_wants_credentials_for_is_told_so() {
    let stub = http1(|_| response(407, &[("proxy-authenticate", "Basic realm=x")], "")).await;
    let mut config = http_config(stub.address);
    target(&mut config).proxy = proxy(stub.address);
    check(&http(&config), Class::ProxyAuthRequired, &["407", "proxy-authenticate: Basic"]).await;
}

#[tokio::test]
async fn what_is_no_proxy_shows_it() {
    let ssh = answers("SSH-2.0-OpenSSH_9.6\r\n").await;
    let closes = answers("").await;
    let breaks = answers("HTTP/1.1 200 OK\r\nVi").await;
    let tls = answers("\x15\x03\x03\0\x02\x02\x32").await;
    for _ in 0..RUNS {
        check(&grpc_via(ssh.address), Class::ProxyProtocolMismatch, &["SSH-2.0-OpenSSH"]).await;
        check(&grpc_via(tls.address), Class::ProxyProtocolMismatch, &["speaks TLS"]).await;
        check(&grpc_via(closes.address), Class::ProxyClosed, &["without an answer"]).await;
        check(&grpc_via(breaks.address), Class::ProxyClosed, &["in the middle of its answer"]).await;
    }
    let mut config = http_config(ssh.address);
    target(&mut config).proxy = proxy(ssh.address);
    check(&http(&config), Class::ProxyProtocolMismatch, &["HTTPS_PROXY", "SSH-2.0"]).await;
}

#[tokio::test]
async fn a_proxy_that_never_answers_meets_the_timeout() {
    let stub = Stub::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let failure = check(&grpc_via(stub.address), Class::ProxyUpstreamUnreachable, &["did not answer CONNECT"]).await;
    assert_eq!(failure.phase(), Phase::Proxy);
}

#[tokio::test]
async fn an_answer_in_pieces_and_words_of_the_backend_right_behind_it_are_kept_apart() {
    let backend = accepting().start().await;
    let stub = Stub::start(move |mut stream| async move {
        head(&mut stream).await;
        let mut backend = TcpStream::connect(backend.address).await.unwrap();
        for piece in ["HTTP/1.1 20", "0 OK\r\nX-Padding: "] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        // The first words of the backend, its SETTINGS, come with the end of the proxy's answer.
        let mut end = "x".repeat(3000).into_bytes();
        end.extend_from_slice(b"\r\n\r\n");
        let mut settings = [0; 4096];
        let count = backend.read(&mut settings).await.unwrap();
        end.extend_from_slice(&settings[..count]);
        stream.write_all(&end).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut backend).await;
    })
    .await;
    send(&grpc_via(stub.address)).await.unwrap();
}
