//! `extensions`

use super::ListenAddress;

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
    /// `zpages`
    Zpages(Zpages),
    /// `pprof`: profiles of the Go runtime, which is not there. Accepted, since many configurations have it.
    Pprof,
}

/// `extensions::zpages`
#[derive(Clone, Debug, PartialEq)]
pub struct Zpages {
    /// `endpoint`; localhost:55679.
    pub listen: ListenAddress,
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
