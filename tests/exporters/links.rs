//! How connections are kept: pings, limits, waiting for a backend, and where each signal goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use otlp_relay::config::{IdleLimit, IdlePings, Pings, Readiness, Reuse, Versions};
use otlp_relay::failure::Class;
use otlp_relay::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::stubs::{Stub, accepting, closed_port, http1, response, serve_http1, serve_http2};
use crate::support::{LONG, SHORT, check, grpc, grpc_config, http, http_config, payload, send, trusting};
use crate::tls::Authority;

#[tokio::test]
async fn each_signal_goes_where_its_endpoint_says() {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let note = |paths: &Arc<Mutex<Vec<String>>>| {
        let paths = Arc::clone(paths);
        move |request: http::Request<bytes::Bytes>| {
            paths.lock().unwrap().push(request.uri().to_string());
            response(200, &[], "")
        }
    };
    let (one, two) = (http1(note(&paths)).await, http1(note(&paths)).await);
    let mut config = http_config(one.address);
    let metrics = config.targets.get_mut(&Signal::Metrics).unwrap();
    metrics.endpoint.port = two.address.port();
    metrics.path = "/in?key=1".to_owned();
    config.targets.remove(&Signal::Logs);
    let backend = http(&config);
    let empty = |signal| otlp_relay::payload::Payload::parse(signal, bytes::Bytes::new()).unwrap();
    for signal in [Signal::Traces, Signal::Metrics, Signal::Profiles] {
        backend.stage(signal).unwrap().consume(empty(signal)).await.unwrap();
    }
    assert!(backend.stage(Signal::Logs).is_none());
    assert_eq!(*paths.lock().unwrap(), ["/v1/traces", "/in?key=1", "/v1development/profiles"]);
    assert_eq!((one.connections(), two.connections()), (1, 1));
}

#[tokio::test]
async fn an_authority_and_a_user_agent_are_sent_as_they_are_configured() {
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let stub = crate::stubs::http2(move |request| {
        let agent = request.headers()["user-agent"].to_str().unwrap().to_owned();
        *noted.lock().unwrap() = Some((request.uri().authority().unwrap().to_string(), agent));
        crate::stubs::grpc_status(&[("grpc-status", "0")])
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.link.authority = Some("backend.example:443".to_owned());
    config.link.user_agent = Some("mine/1".to_owned());
    send(&grpc(&config)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(("backend.example:443".to_owned(), "mine/1".to_owned())));
}

#[tokio::test]
async fn an_authority_is_the_name_that_the_certificate_must_be_for() {
    let authority = Authority::new("test CA");
    let stub = crate::tls::start_tls(authority.server(&["backend.example"])).await;
    let mut config = grpc_config(stub.address);
    config.tls = trusting(&authority.pem());
    check(&grpc(&config), Class::TlsHostnameMismatch, &[]).await;
    config.link.authority = Some("backend.example:443".to_owned());
    send(&grpc(&config)).await.unwrap();
}

const PINGS: Pings =
    Pings { time: Duration::from_millis(50), timeout: Duration::from_millis(100), idle: IdlePings::Sent };

/// Tells of the first ping frame that comes by.
async fn pinged(stream: &mut (impl AsyncReadExt + Unpin), frame: &Notify) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let [a, b, c, kind, flags, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        const PING: u8 = 6;
        if kind == PING && flags == 0 {
            frame.notify_one();
        }
    }
}

#[tokio::test]
async fn a_peer_that_does_not_answer_pings_is_given_up() {
    let seen = Arc::new(Notify::new());
    let noted = Arc::clone(&seen);
    let stub = Stub::start(move |mut stream| {
        let noted = Arc::clone(&noted);
        async move {
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            pinged(&mut stream, &noted).await;
        }
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.link.pings = Some(PINGS);
    check(&grpc(&config), Class::KeepaliveTimeout, &["ping"]).await;
    tokio::time::timeout(LONG, seen.notified()).await.unwrap();
}

#[tokio::test]
async fn an_answered_ping_keeps_a_slow_request_alive() {
    let (release, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&release), Arc::clone(&arrived));
    let stub = Stub::start(move |stream| {
        let (release, arrived) = signals.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (_, mut respond) = connection.accept().await.unwrap().unwrap();
            arrived.notify_one();
            tokio::select! {
                _ = connection.accept() => {}
                () = release.notified() => {}
            }
            let head = http::Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
            respond.send_response(head.body(()).unwrap(), true).unwrap();
            while connection.accept().await.is_some() {}
        }
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.link.pings = Some(PINGS);
    let backend = grpc(&config);
    let answer = async {
        arrived.notified().await;
        // Several pings long, which is the point.
        tokio::time::sleep(SHORT).await;
        release.notify_one();
    };
    let (sent, ()) = tokio::join!(send(&backend), answer);
    sent.unwrap();
}

#[tokio::test]
async fn too_many_pings_are_named() {
    let stub = Stub::start(|mut stream| async move {
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut first = [0; 64];
        let _ = stream.read(&mut first).await;
        let goaway = [&[0, 0, 22, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11][..], b"too_many_pings"].concat();
        stream.write_all(&goaway).await.unwrap();
    })
    .await;
    let failure = check(&grpc(&grpc_config(stub.address)), Class::Http2TooManyPings, &["too_many_pings"]).await;
    assert!(failure.class().row().remedy.contains("keepalive::time"));
}

#[tokio::test]
async fn an_attempt_that_waits_for_a_connection_meets_a_late_backend() {
    let port = closed_port();
    let mut config = grpc_config(port);
    check(&grpc(&config), Class::ConnectionRefused, &[]).await;
    config.link.readiness = Readiness::Wait;
    let backend = grpc(&config);
    let late = async {
        tokio::time::sleep(SHORT).await;
        let listener = TcpListener::bind(port).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_http2(stream, accepting().routes()));
    };
    let (sent, ()) = tokio::join!(send(&backend), late);
    sent.unwrap();
}

#[tokio::test]
async fn an_attempt_that_waits_in_vain_says_what_it_waited_for() {
    let mut config = grpc_config(closed_port());
    config.link.readiness = Readiness::Wait;
    config.timeout = Some(SHORT);
    let began = std::time::Instant::now();
    check(&grpc(&config), Class::ConnectionRefused, &["refused the connection"]).await;
    assert!(SHORT / 3 < began.elapsed() && began.elapsed() < SHORT * 2);
}

/// A server that tells when a connection has ended.
async fn told_of_ends() -> (Stub, Arc<Notify>) {
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let stub = Stub::start(move |stream| {
        let tell = Arc::clone(&tell);
        async move {
            serve_http1(stream, |_| response(200, &[], "")).await;
            tell.notify_one();
        }
    })
    .await;
    (stub, ended)
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let (stub, ended) = told_of_ends().await;
    let mut config = http_config(stub.address);
    config.link.idle_limit = IdleLimit(Some(Duration::from_millis(100)));
    let backend = http(&config);
    send(&backend).await.unwrap();
    tokio::time::timeout(LONG, ended.notified()).await.unwrap();
    send(&backend).await.unwrap();
    assert_eq!(stub.connections(), 2);
}

#[tokio::test]
async fn connections_can_be_used_once_only() {
    let (stub, ended) = told_of_ends().await;
    let mut config = http_config(stub.address);
    config.link.reuse = Reuse::Never;
    let backend = http(&config);
    for sent in 1..=3 {
        send(&backend).await.unwrap();
        tokio::time::timeout(LONG, ended.notified()).await.unwrap();
        assert_eq!(stub.connections(), sent);
    }
}

#[tokio::test]
async fn no_more_connections_are_in_use_than_may_be() {
    let stub = http1(|_| response(200, &[], "")).await;
    let mut config = http_config(stub.address);
    config.link.max_in_use = Some(2);
    let stage = http(&config).stage(Signal::Traces).unwrap();
    let sends = (0..20).map(|_| stage.consume(payload("a span")));
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    assert!(stub.connections() <= 2, "{}", stub.connections());
}

#[tokio::test]
async fn http2_can_be_switched_off() {
    let authority = Authority::new("test CA");
    let stub = crate::tls::start_tls(authority.server(&["localhost"])).await;
    let mut config = crate::support::https_config(stub.address, &authority.pem());
    config.link.versions = Versions::Http1;
    // The stub speaks HTTP/2 and nothing else.
    check(&http(&config), Class::Http1ToGrpcPort, &["HTTP/2 from the first byte"]).await;
}
