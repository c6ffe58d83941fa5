//! Which payloads keep the headers that they came with.

use otlp_relay::protocol::Protocol;
use otlp_relay::units::ByteCount;

use crate::support::{Rig, framed, traces};

const BOTH: &str = "protocols: {grpc: {include_metadata: true}, http: {include_metadata: true}}";

fn values<'a>(rig_metadata: &'a otlp_relay::payload::Metadata, name: &'a str) -> Vec<&'a str> {
    rig_metadata.get(name).collect()
}

#[tokio::test]
async fn headers_of_http_are_kept_where_that_is_asked_for() {
    let rig = Rig::configured(Protocol::Http, BOTH).await;
    rig.post("X-Tenant: blue\r\nX-Tenant: green\r\nAuthorization: Bearer s3cr3t", &traces(1, 4)).await;
    let payload = rig.pipeline.taken().remove(0);
    let metadata = payload.metadata().unwrap();
    assert_eq!(values(metadata, "x-tenant"), ["blue", "green"]);
    assert_eq!(values(metadata, "host"), ["relay"]);
    assert!(!format!("{payload:?}").contains("s3cr3t"), "values are not for logs");
    assert!(payload.held() < rig.budget.used(), "their memory is accounted for");
    drop(payload);
    rig.pipeline.take_bodies();
    assert_eq!(rig.budget.used(), ByteCount::ZERO);
}

#[tokio::test]
async fn metadata_of_grpc_is_kept_with_the_authority_as_host() {
    let rig = Rig::configured(Protocol::Grpc, BOTH).await;
    rig.call(&[("x-tenant", "blue")], framed(0, &traces(1, 4))).await;
    let payload = rig.pipeline.taken().remove(0);
    let metadata = payload.metadata().unwrap();
    assert_eq!(values(metadata, "x-tenant"), ["blue"]);
    assert_eq!(values(metadata, "host"), [rig.address.to_string()]);
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for() {
    let rig = Rig::configured(Protocol::Http, "protocols: {grpc: {include_metadata: true}, http: }").await;
    rig.post("X-Tenant: blue", &traces(1, 4)).await;
    rig.call(&[("x-tenant", "blue")], framed(0, &traces(1, 4))).await;
    let kept: Vec<bool> = rig.pipeline.taken().iter().map(|payload| payload.metadata().is_some()).collect();
    assert_eq!(kept, [false, true], "each protocol has a key of its own");
}
