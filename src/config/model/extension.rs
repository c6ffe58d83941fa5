//! `extensions`

use std::path::PathBuf;
use std::time::Duration;

use super::{BasicAuth, BearerToken, HeaderRule, ListenAddress, Oauth2};
use crate::ident::ComponentId;
use crate::units::ByteCount;

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
    /// `file_storage`
    FileStorage(FileStorage),
    /// `zpages`
    Zpages(Zpages),
    /// `debug_dump`, an extension of the relay's own.
    DebugDump(DebugDump),
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
    /// `memory_ballast`: memory that kept the collector of the Go runtime calm. The Collector has it no more; accepted, since
    /// older configurations have it.
    MemoryBallast,
}

/// `extensions::zpages`
#[derive(Clone, Debug, PartialEq)]
pub struct Zpages {
    /// `endpoint`; localhost:55679.
    pub listen: ListenAddress,
}

/// `extensions::debug_dump`: a record of export attempts on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct DebugDump {
    /// `directory`
    pub directory: PathBuf,
    /// `which`; failed.
    pub which: DumpWhich,
    /// `sample`: one attempt in so many; 1.
    pub sample: u64,
    /// `payload`; otlp_protobuf.
    pub payload: DumpPayload,
    /// `max_bytes` of all files together; 256 MiB.
    pub max_bytes: ByteCount,
    /// `max_age` of a file; 24 h. None where it is written as 0: no limit.
    pub max_age: Option<Duration>,
    /// `exporters`: none stands for all.
    pub exporters: Vec<ComponentId>,
}

/// `extensions::debug_dump::which`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpWhich {
    /// `failed`
    Failed,
    /// `all`
    All,
}

/// `extensions::debug_dump::payload`: what is kept of the data itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpPayload {
    /// `otlp_protobuf`: as it was sent; can be replayed.
    OtlpProtobuf,
    /// `otlp_json`: for people; can be replayed.
    OtlpJson,
    /// `summary`: how much it was.
    Summary,
    /// `none`
    None,
}

impl DebugDump {
    /// What `--debug-dump` asks for: each failed attempt, in `directory`.
    pub fn into(directory: PathBuf) -> DebugDump {
        DebugDump {
            directory,
            which: DumpWhich::Failed,
            sample: 1,
            payload: DumpPayload::OtlpProtobuf,
            max_bytes: ByteCount::mib(256),
            max_age: Some(Duration::from_secs(24 * 3600)),
            exporters: Vec::new(),
        }
    }
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
