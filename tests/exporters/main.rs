//! Do the OTLP exporters deliver, and do they say rightly why not? Against real servers on ports of the system's choice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers_grpc;
mod answers_http;
mod compressed;
mod connections;
mod files;
mod links;
mod mixups;
mod odd;
mod proxies;
mod racy;
mod stubs;
mod support;
mod tls;
