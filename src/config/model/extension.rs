//! `extensions`

use super::{BasicAuth, BearerToken, HeaderRule, ListenAddress, Oauth2};
use crate::ident::ComponentId;

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
    /// `zpages`
    Zpages(Zpages),
    /// `bearertokenauth`
    BearerToken(BearerToken),
    /// `basicauth`
    BasicAuth(BasicAuth),
    /// `headers_setter`, with the `additional_auth` that it names.
    HeadersSetter(Vec<HeaderRule>, Option<ComponentId>),
    /// `oauth2client`
    Oauth2(Box<Oauth2>),
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
