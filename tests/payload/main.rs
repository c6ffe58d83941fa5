//! What a payload promises, held against prost and the descriptors of `opentelemetry-proto`.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cutting;
mod descriptors;
mod dice;
mod json;
mod parsing;
mod reference;
mod requests;
mod schema;
