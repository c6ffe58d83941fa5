//! The headers that every request of an exporter has, made once.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::SetupProblem;
use super::encode::Packing;
use crate::config::{HttpEncoding, Secret};
use crate::protocol::INSTANCE_HEADER;

/// Those of a gRPC request. `timeout` is passed on, so that the backend need not work for nobody.
pub(super) fn grpc(
    configured: &[(HeaderName, Secret)],
    packing: Packing,
    timeout: Option<Duration>,
    user_agent: Option<&str>,
    instance: &str,
) -> Result<HeaderMap, SetupProblem> {
    let mut headers = own(instance);
    if let Some(user_agent) = user_agent.and_then(|name| HeaderValue::from_str(name).ok()) {
        headers.insert(USER_AGENT, user_agent);
    }
    add_configured(&mut headers, configured)?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(token) = packing.grpc_token() {
        headers.insert(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static(token));
    }
    if let Some(value) = timeout.and_then(|timeout| HeaderValue::try_from(grpc_timeout(timeout)).ok()) {
        headers.insert(HeaderName::from_static("grpc-timeout"), value);
    }
    Ok(headers)
}

/// Those of an OTLP/HTTP request. The configured ones win, as in the Collector.
pub(super) fn http(
    configured: &[(HeaderName, Secret)],
    encoding: HttpEncoding,
    packing: Packing,
    instance: &str,
) -> Result<HeaderMap, SetupProblem> {
    let mut headers = own(instance);
    let content_type = match encoding {
        HttpEncoding::Proto => "application/x-protobuf",
        HttpEncoding::Json => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(token) = packing.http_token() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
    }
    add_configured(&mut headers, configured)?;
    Ok(headers)
}

/// The values that nobody may see but who is asked: those configured, and the credentials.
pub(super) fn secrets(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    headers.values().filter(|value| value.is_sensitive()).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn own(instance: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(const_user_agent()));
    if let Ok(instance) = HeaderValue::from_str(instance) {
        headers.insert(INSTANCE, instance);
    }
    headers
}

fn add_configured(headers: &mut HeaderMap, configured: &[(HeaderName, Secret)]) -> Result<(), SetupProblem> {
    for (name, secret) in configured {
        let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_| {
            SetupProblem::new(
                format!("headers::{name}"),
                "the value holds a character that no header may hold, such as a line break".to_owned(),
            )
        })?;
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
    Ok(())
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn grpc_timeout(timeout: Duration) -> String {
    const MAX: u128 = 99_999_999;
    match timeout.as_millis() {
        millis @ 0..=MAX => format!("{}m", millis.max(1)),
        millis => format!("{}S", (millis / 1000).min(MAX)),
    }
}

const fn const_user_agent() -> &'static str {
    match (std::env::consts::OS.as_bytes(), std::env::consts::ARCH.as_bytes()) {
        (b"linux", b"x86_64") => concat!("otlp-relay/", env!("CARGO_PKG_VERSION"), " (linux/amd64)"),
        (b"linux", b"aarch64") => concat!("otlp-relay/", env!("CARGO_PKG_VERSION"), " (linux/arm64)"),
        _ => concat!("otlp-relay/", env!("CARGO_PKG_VERSION")),
    }
}

/// A relay refuses requests that carry its own instance: they go round in a circle.
const INSTANCE: HeaderName = HeaderName::from_static(INSTANCE_HEADER);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::payload::Encoding;

    #[test]
    fn configured_headers_are_sensitive_and_win_over_our_own() {
        let configured = [
            (HeaderName::from_static("authorization"), Secret::new("Bearer x")),
            (USER_AGENT, Secret::new("mine")),
            (CONTENT_TYPE, Secret::new("application/json")),
        ];
        let http = http(&configured, HttpEncoding::Proto, Packing::Packed(Encoding::Gzip, None), "one").unwrap();
        assert!(http["authorization"].is_sensitive());
        assert_eq!(http["user-agent"], "mine");
        assert_eq!(http["content-type"], "application/json");
        assert_eq!(http["content-encoding"], "gzip");
        assert_eq!(http["otlp-relay-instance"], "one");
        let grpc = grpc(&configured, Packing::Plain, Some(Duration::from_secs(5)), None, "one").unwrap();
        assert_eq!(grpc["content-type"], "application/grpc");
        assert_eq!(grpc["grpc-timeout"], "5000m");
        assert!(grpc.get("grpc-encoding").is_none());
    }

    #[test]
    fn a_value_that_is_no_header_is_named_but_not_shown() {
        let configured = [(HeaderName::from_static("authorization"), Secret::new("s3cr3t\n"))];
        let problem = http(&configured, HttpEncoding::Json, Packing::Plain, "one").unwrap_err();
        assert_eq!(problem.key, "headers::authorization");
        assert!(!problem.to_string().contains("s3cr3t"));
    }

    #[test]
    fn a_grpc_timeout_has_at_most_eight_digits() {
        assert_eq!(grpc_timeout(Duration::from_micros(1)), "1m");
        assert_eq!(grpc_timeout(Duration::from_secs(200_000)), "200000S");
        assert_eq!(grpc_timeout(Duration::MAX), "99999999S");
    }
}
