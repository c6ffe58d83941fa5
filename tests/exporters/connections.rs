//! Connections that cannot be made, end, or are replaced.

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::failure::{Class, Phase, Retry};
use otlp_relay::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use crate::stubs::{Stub, accepting, closed_port, http1, response, serve_http1};
use crate::support::{RUNS, SHORT, check, grpc, grpc_config, http, http_config, payload, send};

#[tokio::test]
async fn a_refused_connection_names_the_address() {
    let port = closed_port();
    let words = [format!("{port} refused the connection")];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for backend in [grpc(&grpc_config(port)), http(&http_config(port))] {
        let failure = check(&backend, Class::ConnectionRefused, &words).await;
        assert_eq!((failure.phase(), failure.retry()), (Phase::Connect, Retry::BackOff));
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_found_out_by_the_resolver() {
    let mut config = grpc_config(closed_port());
    config.endpoint.host = "no-such-host.invalid".to_owned();
    let failure = send(&grpc(&config)).await.unwrap_err();
    // Without any resolver the answer is a temporary failure.
    assert!(matches!(failure.class(), Class::DnsNotFound | Class::DnsTemporaryFailure), "{failure:?}");
    assert_eq!(failure.phase(), Phase::Resolve);
    assert!(failure.cause().contains("no-such-host.invalid"));
}

#[tokio::test]
async fn a_peer_that_closes_after_the_request_is_a_reset() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    for _ in 0..RUNS {
        check(&grpc(&grpc_config(stub.address)), Class::ConnectionReset, &["before it answered"]).await;
        check(&http(&http_config(stub.address)), Class::ConnectionReset, &["before it answered"]).await;
    }
}

#[tokio::test]
async fn a_peer_that_accepts_and_hangs_meets_the_timeout() {
    let stub = Stub::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut config = http_config(stub.address);
    config.timeout = Some(SHORT);
    check(&http(&config), Class::DeadlineExceeded, &["300ms"]).await;
}

/// Sends, lets the server end the connection while it is idle, and sends again: no failure, and a second connection.
async fn check_replaced(backend: otlp_relay::exporters::otlp::Backend, stub: &Stub, end: &Notify, ended: &Notify) {
    send(&backend).await.unwrap();
    end.notify_one();
    ended.notified().await;
    send(&backend).await.unwrap();
    assert_eq!(stub.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_peer_closed_is_replaced_in_silence() {
    for _ in 0..RUNS {
        let (end, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signals = (Arc::clone(&end), Arc::clone(&ended));
        let routes = accepting().routes();
        let stub = Stub::start(move |stream| {
            let (routes, (end, ended)) = (routes.clone(), signals.clone());
            async move {
                tokio::select! {
                    () = crate::stubs::serve_http2(stream, routes) => {}
                    () = end.notified() => {}
                }
                ended.notify_one();
            }
        })
        .await;
        check_replaced(grpc(&grpc_config(stub.address)), &stub, &end, &ended).await;
    }
}

#[tokio::test]
async fn an_idle_http1_connection_that_the_peer_closed_is_replaced_in_silence() {
    for _ in 0..RUNS {
        let (end, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signals = (Arc::clone(&end), Arc::clone(&ended));
        let stub = Stub::start(move |stream| {
            let (end, ended) = signals.clone();
            async move {
                tokio::select! {
                    () = serve_http1(stream, |_| response(200, &[], "")) => {}
                    () = end.notified() => {}
                }
                ended.notify_one();
            }
        })
        .await;
        check_replaced(http(&http_config(stub.address)), &stub, &end, &ended).await;
    }
}

/// Answers one call on each connection, then says goodbye gracefully.
async fn goaway_after_one() -> Stub {
    Stub::start(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        if let Some(Ok((_, mut respond))) = connection.accept().await {
            let headers = http::Response::builder()
                .header("content-type", "application/grpc")
                .header("grpc-status", "0")
                .body(())
                .unwrap();
            respond.send_response(headers, true).unwrap();
        }
        connection.graceful_shutdown();
        while connection.accept().await.is_some() {}
    })
    .await
}

#[tokio::test]
async fn a_graceful_goaway_is_no_failure() {
    for _ in 0..RUNS {
        let stub = goaway_after_one().await;
        let backend = grpc(&grpc_config(stub.address));
        for _ in 0..4 {
            send(&backend).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_goaway_with_a_reason_shows_it() {
    let stub = Stub::start(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let _ = connection.accept().await;
        connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        while connection.accept().await.is_some() {}
    })
    .await;
    for _ in 0..RUNS {
        check(&grpc(&grpc_config(stub.address)), Class::Http2TooManyPings, &["ENHANCE_YOUR_CALM"]).await;
    }
}

#[tokio::test]
async fn a_reset_stream_shows_its_reason() {
    for (reason, class) in [
        (h2::Reason::REFUSED_STREAM, Class::Http2RefusedStream),
        (h2::Reason::INTERNAL_ERROR, Class::Http2StreamReset),
        (h2::Reason::ENHANCE_YOUR_CALM, Class::Http2EnhanceYourCalm),
    ] {
        let stub = Stub::start(move |stream| async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_reset(reason);
            }
        })
        .await;
        check(&grpc(&grpc_config(stub.address)), class, &[&format!("{reason:?}")]).await;
    }
}

#[test]
fn each_runtime_has_its_own_connections() {
    let servers = tokio::runtime::Runtime::new().unwrap();
    let grpc_stub = servers.block_on(accepting().start());
    let http_stub = servers.block_on(http1(|_| response(200, &[], "")));
    let backends = [grpc(&grpc_config(grpc_stub.address)), http(&http_config(http_stub.address))];
    for _ in 0..3 {
        // A runtime takes its connections with it when it ends.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for backend in &backends {
            runtime.block_on(async {
                send(backend).await.unwrap();
                send(backend).await.unwrap();
            });
        }
    }
    assert_eq!((grpc_stub.connections(), http_stub.connections()), (3, 3));
}

#[tokio::test]
async fn requests_that_need_a_connection_at_once_wait_for_one_dial() {
    let stub = accepting().start().await;
    let backend = grpc(&grpc_config(stub.address));
    let stage = backend.stage(Signal::Traces).unwrap();
    let sends = (0..50).map(|_| stage.consume(payload("a span")));
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn a_dial_that_nobody_waits_for_any_more_is_given_up() {
    let stub = Stub::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.tls = Some(otlp_relay::config::ClientTls::default());
    config.timeout = Some(Duration::from_millis(50));
    let backend = grpc(&config);
    for _ in 0..3 {
        check(&backend, Class::TlsHandshakeTimeout, &["50ms"]).await;
        // The dial notices when it is polled next; before that, another request would join it.
        tokio::task::yield_now().await;
    }
    assert_eq!(stub.connections(), 3);
}

#[tokio::test]
async fn a_second_connection_is_opened_when_the_first_is_full() {
    let stub = Stub::start(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut kept = Vec::new();
        while let Some(request) = connection.accept().await {
            kept.push(request);
        }
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.timeout = Some(SHORT);
    let backend = grpc(&config);
    let stage = backend.stage(Signal::Traces).unwrap();
    let sends = (0..150).map(|_| stage.consume(payload("a span")));
    for sent in futures_util::future::join_all(sends).await {
        assert_eq!(sent.unwrap_err().class(), Class::DeadlineExceeded);
    }
    assert_eq!(stub.connections(), 2);
}
