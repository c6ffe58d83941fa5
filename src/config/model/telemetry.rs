//! `service::telemetry`

use super::ListenAddress;

/// `service::telemetry`
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// `logs::level`; info.
    pub log_level: LogLevel,
    /// `logs::encoding`; console.
    pub log_encoding: LogEncoding,
    /// Where Prometheus scrapes: the first pull reader; localhost:8888. None for `metrics::level: none` and `readers: []`.
    pub metrics: Option<ListenAddress>,
}

/// `service::telemetry::logs::level`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens once.
    Info,
    /// What a person should look at.
    Warn,
    /// What does not work.
    Error,
}

/// `service::telemetry::logs::encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEncoding {
    /// One readable line.
    Console,
    /// One JSON object.
    Json,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        let metrics = ListenAddress { host: "localhost".to_owned(), port: 8888 };
        Telemetry { log_level: LogLevel::Info, log_encoding: LogEncoding::Console, metrics: Some(metrics) }
    }
}
