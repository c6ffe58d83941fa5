//! What clients see of the `otlp` receiver, over real sockets, with a pipeline that only remembers what it was given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod grpc;
mod http;
mod json;
mod lifecycle;
mod limits;
mod support;
