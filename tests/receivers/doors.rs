//! What a client is told that speaks one protocol to the port of the other.

use otlp_relay::failure::Class;
use otlp_relay::protocol::Protocol;
use tonic::Code;

use crate::support::{Rig, framed, traces};

const STRICT: &str = "protocols: {grpc: , http: }, protocol_detection: off";

#[tokio::test]
async fn with_detection_both_protocols_are_served_on_both_ports() {
    for protocol in Protocol::ALL {
        let rig = Rig::configured(protocol, "protocols: {grpc: , http: }").await;
        assert_eq!(rig.post("", &traces(1, 4)).await.status, 200, "{protocol}");
        assert_eq!(rig.call(&[], framed(0, &traces(1, 4))).await.grpc().code(), Code::Ok, "{protocol}");
        assert!(rig.refused.take().is_empty());
    }
}

#[tokio::test]
async fn without_detection_http_on_the_grpc_port_is_told_where_to_go() {
    let rig = Rig::configured(Protocol::Grpc, STRICT).await;
    let got = rig.post("", &traces(1, 4)).await;
    let words = "this is the port of OTLP/gRPC; OTLP/HTTP is on port 4318";
    assert_eq!((got.status, &got.body[..]), (400, words.as_bytes()), "{got:?}");
    assert_eq!(rig.refused.take(), [(Class::PeerSentHttp, Protocol::Http)]);
    let probe = rig.http1("GET / HTTP/1.1", b"").await;
    assert_eq!((probe.status, &probe.body[..]), (400, words.as_bytes()));
    assert!(rig.refused.take().is_empty(), "a probe is no client");
    assert_eq!(rig.call(&[], framed(0, &traces(1, 4))).await.grpc().code(), Code::Ok);
    assert_eq!(rig.pipeline.taken().len(), 1);
}

#[tokio::test]
async fn without_detection_grpc_on_the_http_port_is_told_where_to_go() {
    let rig = Rig::configured(Protocol::Http, STRICT).await;
    let status = rig.call(&[], framed(0, &traces(1, 4))).await.grpc();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "this is the port of OTLP/HTTP; OTLP/gRPC is on port 4317");
    assert_eq!(rig.refused.take(), [(Class::PeerSentGrpc, Protocol::Grpc)]);
    assert_eq!(rig.post("", &traces(1, 4)).await.status, 200);
}
