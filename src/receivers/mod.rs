//! Where data comes in: receivers turn requests into payloads and hand them to their pipelines.

pub mod otlp;
pub mod prometheus;
