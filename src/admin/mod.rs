//! How the outside looks in: small HTTP servers for metrics, health and zpages, with gRPC beside the
//! last.
//!
//! They outlive the data path, so that they can say that the relay is stopping: they end with a token of their own.

mod diagnostics;
mod health;
mod host;
mod html;
mod metrics;
mod page;
mod server;
pub mod status;
mod zpages;

pub use diagnostics::diagnostics_calls;
pub use health::{HealthFacts, HealthPage, health_route};
pub use metrics::{Audience, metrics_route};
pub use server::{Answer, Answering, Calls, Route, Sent, serve, serve_with_calls};
pub use zpages::{ReloadRequest, Zpages, zpages_route};
