//! Zipkin's messages (`zipkin.proto`, `zipkin.proto3`).

use std::collections::BTreeMap;

pub(super) const NO_KIND: i32 = 0;
pub(super) const CLIENT: i32 = 1;
pub(super) const SERVER: i32 = 2;
pub(super) const PRODUCER: i32 = 3;
pub(super) const CONSUMER: i32 = 4;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListOfSpans {
    #[prost(message, repeated, tag = "1")]
    pub(super) spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Span {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) id: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub(super) kind: i32,
    #[prost(string, tag = "5")]
    pub(super) name: String,
    /// In microseconds since 1970.
    #[prost(fixed64, tag = "6")]
    pub(super) timestamp: u64,
    /// In microseconds.
    #[prost(uint64, tag = "7")]
    pub(super) duration: u64,
    #[prost(message, optional, tag = "8")]
    pub(super) local_endpoint: Option<Endpoint>,
    #[prost(message, optional, tag = "9")]
    pub(super) remote_endpoint: Option<Endpoint>,
    #[prost(message, repeated, tag = "10")]
    pub(super) annotations: Vec<Annotation>,
    #[prost(btree_map = "string, string", tag = "11")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(bool, tag = "12")]
    pub(super) debug: bool,
    #[prost(bool, tag = "13")]
    pub(super) shared: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Endpoint {
    #[prost(string, tag = "1")]
    pub(super) service_name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) ipv4: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) ipv6: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub(super) port: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Annotation {
    /// In microseconds since 1970.
    #[prost(fixed64, tag = "1")]
    pub(super) timestamp: u64,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}
