//! Unix sockets in and out.

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::config::{Compression, Delivery, Endpoint, ListenAddress, OtlpGrpc};
use otlp_relay::exporters::otlp::otlp_grpc;
use otlp_relay::failure::Class;
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::transport::server::{Listener, Terms};
use tokio::net::UnixStream;

use crate::support::{Rig, export, http2, one_span, post_http1};

fn exporter(path: &str) -> otlp_relay::exporters::otlp::Backend {
    let config = OtlpGrpc {
        auth: None,
        endpoint: Endpoint::unix(&format!("unix://{path}"), path),
        tls: None,
        headers: Vec::new(),
        compression: Compression::None,
        timeout: Some(Duration::from_secs(10)),
        link: Box::default(),
        delivery: Delivery::default(),
    };
    otlp_grpc(Arc::new(ComponentId::parse("otlp_grpc").unwrap()), &config, "another relay").unwrap()
}

async fn send(path: &str) -> Result<(), Class> {
    let payload = Payload::parse(Signal::Traces, one_span().into()).unwrap();
    let sent = exporter(path).stage(Signal::Traces).unwrap().consume(payload).await;
    sent.map(drop).map_err(|failure| failure.class())
}

#[tokio::test]
async fn a_receiver_on_a_unix_socket_takes_both_protocols_and_an_exporter_reaches_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.sock");
    let text = path.to_str().unwrap();
    let rig = Rig::on(&ListenAddress::unix(text), Terms::default()).await;
    assert_eq!(post_http1(UnixStream::connect(&path).await.unwrap()).await.unwrap(), 200);
    let mut client = http2(UnixStream::connect(&path).await.unwrap()).await;
    assert_eq!(export(&mut client).await.unwrap(), "0");
    assert_eq!(send(text).await, Ok(()));
    assert_eq!(rig.taken(), 3);

    let taken = Listener::bind(&ListenAddress::unix(text)).await.unwrap_err().to_string();
    assert!(taken.contains(&format!("unix:{text}")) && taken.contains("in use by another process"), "{taken}");
    drop(client);
    rig.lifetime.drain(Duration::from_secs(20)).await;
    assert!(!path.exists(), "the file goes when nobody accepts any more");
    assert_eq!(send(text).await, Err(Class::ConnectionRefused));
}
