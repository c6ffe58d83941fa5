//! `extensions`

use super::ListenAddress;

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
}

/// `extensions::health_check`
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// `endpoint`; 0.0.0.0:13133 (the Collector: localhost:13133).
    pub listen: ListenAddress,
    /// `path`; `/`.
    pub path: String,
    /// `response_body::healthy`
    pub healthy_body: Option<String>,
    /// `response_body::unhealthy`
    pub unhealthy_body: Option<String>,
}
