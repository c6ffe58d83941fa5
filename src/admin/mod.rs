//! How the outside looks in: small HTTP servers for metrics, health and zpages.
//!
//! They outlive the data path, so that they can say that the relay is stopping: they end with a token of their own.

mod health;
mod metrics;
mod server;
mod zpages;

pub use health::{HealthFacts, HealthPage, health_route};
pub use metrics::metrics_route;
pub use server::{Answer, Answering, Route, serve};
pub use zpages::{ReloadRequest, zpages_route};
