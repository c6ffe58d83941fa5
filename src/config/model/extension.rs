//! `extensions`

use std::path::PathBuf;
use std::time::Duration;

use super::{BasicAuth, BearerToken, HeaderRule, ListenAddress, Oauth2};
use crate::ident::ComponentId;

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
    /// `file_storage`
    FileStorage(FileStorage),
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

/// `extensions::file_storage`: where durable queues are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStorage {
    /// `directory`; /var/lib/otelcol/file_storage.
    pub directory: PathBuf,
    /// `create_directory` with `directory_permissions`: the mode of a missing directory; none where it is not made.
    pub create: Option<u32>,
    /// `fsync`; true (the Collector: false).
    pub fsync: Fsync,
    /// `timeout`: how long to wait for another process that has the directory; 1 s.
    pub lock_timeout: Duration,
}

/// `extensions::file_storage::fsync`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// A sender is answered when the disk has its data.
    On,
    /// A sender is answered when the system has its data: a power cut costs what the disk does not have yet.
    Off,
}
