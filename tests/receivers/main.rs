//! What clients see of the `otlp` receiver, over real sockets, with a pipeline that only remembers what it was given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cors;
mod doors;
mod grpc;
mod http;
mod json;
mod lifecycle;
mod limits;
mod metadata;
mod support;
mod surface;
mod times;
