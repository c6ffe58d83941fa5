//! How an exporter's connections are kept: `keepalive`, `balancer_name`, idle limits and their kin.

use std::time::Duration;

use crate::config::model::{Balancer, GrpcLink, HttpLink, IdleLimit, IdlePings, Pings, Readiness, Reuse, Versions};
use crate::config::problem::{Mistake, Problem};
use crate::config::section::Section;

/// The keys of `otlp_grpc`. The proxy comes from the environment.
pub(super) fn grpc(exporter: &mut Section<'_>) -> GrpcLink {
    GrpcLink {
        authority: authority(exporter),
        user_agent: user_agent(exporter),
        pings: keepalive(exporter),
        balancer: balancer(exporter),
        readiness: match exporter.boolean("wait_for_ready") {
            Some(true) => Readiness::Wait,
            Some(false) | None => Readiness::FailFast,
        },
        proxy: None,
    }
}

/// The keys of `otlp_http`.
pub(super) fn http(exporter: &mut Section<'_>) -> HttpLink {
    let all = count(exporter, "max_idle_conns");
    let per_host = count(exporter, "max_idle_conns_per_host");
    HttpLink {
        pings: http2_pings(exporter),
        versions: match exporter.boolean("force_attempt_http2") {
            Some(false) => Versions::Http1,
            Some(true) | None => Versions::Both,
        },
        reuse: match exporter.boolean("disable_keep_alives") {
            Some(true) => Reuse::Never,
            Some(false) | None => Reuse::Keep,
        },
        idle_limit: match exporter.duration("idle_conn_timeout", "'idle_conn_timeout' must be non-negative") {
            Some(limit) => IdleLimit(some(limit)),
            None => IdleLimit::default(),
        },
        max_idle: all.into_iter().chain(per_host).min(),
        max_in_use: count(exporter, "max_conns_per_host"),
    }
}

fn authority(exporter: &mut Section<'_>) -> Option<String> {
    let value = exporter.value("authority")?;
    let text = value.text().filter(|text| !text.is_empty())?;
    if let Err(error) = text.parse::<http::uri::Authority>() {
        let problem = value.fault(format!("invalid authority {text:?}: {error}"));
        value.refuse(problem.hint("write a host name, or host:port").is(Mistake::InvalidEndpoint));
        return None;
    }
    Some(text)
}

fn user_agent(exporter: &mut Section<'_>) -> Option<String> {
    let value = exporter.value("user_agent")?;
    let text = value.text().filter(|text| !text.is_empty())?;
    if http::HeaderValue::from_str(&text).is_err() {
        let problem = value.fault("the user agent holds a character that no header may hold, such as a line break");
        value.refuse(problem.is(Mistake::InvalidHeader));
        return None;
    }
    Some(text)
}

/// `keepalive`: none unless it is written; grpc-go pings no more often than every 10 s.
fn keepalive(exporter: &mut Section<'_>) -> Option<Pings> {
    let value = exporter.value("keepalive");
    let mut section = exporter.optional("keepalive")?;
    let time = section.duration("time", "'time' must be non-negative").unwrap_or(LEAST_PING_TIME);
    let timeout = section.duration("timeout", "'timeout' must be non-negative").unwrap_or(DEFAULT_PING_TIMEOUT);
    let idle = match section.boolean("permit_without_stream") {
        Some(true) => IdlePings::Sent,
        Some(false) | None => IdlePings::Withheld,
    };
    section.finish();
    let value = value?;
    let time = some(time)?;
    if time < LEAST_PING_TIME {
        let warning = Problem::new(None, "", format!("keepalive::time is {time:?}, 10s is taken, as in the Collector"));
        value.warn_of(warning.hint("write time: 10s or more; many servers accept no less than 5m"));
    }
    let timeout = some(timeout).unwrap_or(DEFAULT_GO_PING_TIMEOUT);
    Some(Pings { time: time.max(LEAST_PING_TIME), timeout, idle })
}

/// Go's transport pings a connection that is idle, too.
fn http2_pings(exporter: &mut Section<'_>) -> Option<Pings> {
    let refusal = "must be non-negative";
    let time = exporter.duration("http2_read_idle_timeout", &format!("'http2_read_idle_timeout' {refusal}"));
    let timeout = exporter.duration("http2_ping_timeout", &format!("'http2_ping_timeout' {refusal}"));
    let timeout = timeout.and_then(some).unwrap_or(DEFAULT_HTTP_PING_TIMEOUT);
    Some(Pings { time: time.and_then(some)?, timeout, idle: IdlePings::Sent })
}

fn balancer(exporter: &mut Section<'_>) -> Balancer {
    let Some(value) = exporter.value("balancer_name") else { return Balancer::default() };
    match value.text().as_deref() {
        Some("pick_first") => Balancer::PickFirst,
        Some("round_robin" | "") | None => Balancer::RoundRobin,
        Some(other) => {
            let problem = value.fault(format!("invalid balancer_name: {other}"));
            value.refuse(problem.hint("write round_robin or pick_first"));
            Balancer::default()
        }
    }
}

/// A number that is no limit where it is 0.
fn count(exporter: &mut Section<'_>, key: &'static str) -> Option<usize> {
    let number = exporter.unsigned(key).filter(|number| *number != 0)?;
    Some(usize::try_from(number).unwrap_or(usize::MAX))
}

fn some(length: Duration) -> Option<Duration> {
    Some(length).filter(|length| !length.is_zero())
}

const LEAST_PING_TIME: Duration = Duration::from_secs(10);
/// The Collector's, where `keepalive` is written without it.
const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// grpc-go's, where it is written as 0.
const DEFAULT_GO_PING_TIMEOUT: Duration = Duration::from_secs(20);
const DEFAULT_HTTP_PING_TIMEOUT: Duration = Duration::from_secs(15);
