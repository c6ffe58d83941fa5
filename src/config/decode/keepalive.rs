//! How long a gRPC connection lives and how often it is tested: `keepalive` and `max_concurrent_streams` of the receiver.

use std::time::Duration;

use crate::config::model::Keepalive;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// `max_concurrent_streams`: 0 is the default.
pub(super) fn max_streams(grpc: &mut Section<'_>) -> Option<u32> {
    let value = grpc.value("max_concurrent_streams")?;
    let streams = value.unsigned()?;
    if u64::from(u32::MAX) < streams {
        value.wrong(format!("{streams} is not between 0 and {}", u32::MAX));
    }
    u32::try_from(streams).ok().filter(|streams| *streams != 0)
}

/// `keepalive` of the receiver.
pub(super) fn server(grpc: &mut Section<'_>) -> Keepalive {
    let Some(mut keepalive) = grpc.optional("keepalive") else { return Keepalive::default() };
    let parameters = keepalive.optional("server_parameters").map(parameters).unwrap_or_default();
    if let Some(policy) = keepalive.value("enforcement_policy").and_then(Reading::section) {
        enforcement(policy);
    }
    keepalive.finish();
    parameters
}

fn parameters(mut section: Section<'_>) -> Keepalive {
    let mut time = |key| section.duration(key, "must be non-negative").filter(|time| !time.is_zero());
    let keepalive = Keepalive {
        max_idle: time("max_connection_idle"),
        max_age: time("max_connection_age"),
        age_grace: time("max_connection_age_grace"),
        // As grpc-go does.
        time: time("time").map(|time| time.max(SHORTEST_TIME)),
        timeout: time("timeout"),
    };
    section.finish();
    keepalive
}

fn enforcement(mut policy: Section<'_>) {
    policy.rest(&[("min_time", Rule::NoEffect(PINGS)), ("permit_without_stream", Rule::Fixed("true", PINGS))]);
    policy.finish();
}

const PINGS: &str = "the relay answers every ping of a client";

const SHORTEST_TIME: Duration = Duration::from_secs(1);
