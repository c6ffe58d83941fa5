//! What an answer's body says to a person: the status that OTLP asks for, or the beginning of whatever text came.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{
    ALLOW, CONTENT_TYPE, HeaderName, LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER, SERVER, VIA, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Request};
use prost::Message;
use serde_json::Value;
use tonic_types::Status;

use super::stage::Sent;
use super::text_of;
use crate::failure::Mask;
use crate::transport::client::Answer;

/// The peer's own words without what `mask` hides, on one line, cut to a readable length.
pub(super) fn words(answer: &Answer, mask: &Mask) -> String {
    let kind = text_of(&answer.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/x-protobuf")
        && let Ok(status) = Status::decode(&answer.body[..])
    {
        return tidy(&status.message, mask);
    }
    let text = String::from_utf8_lossy(&answer.body);
    if let Some(message) = serde_json::from_str(&text).ok().and_then(|json| json_message(&json)) {
        return tidy(&message, mask);
    }
    tidy(title(&text).unwrap_or(&text), mask)
}

/// The usual places of a message in an error of a JSON API.
fn json_message(json: &Value) -> Option<String> {
    const KEYS: [&str; 6] = ["message", "error", "detail", "msg", "error_description", "errors"];
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => json_message(list.first()?),
        Value::Object(object) => KEYS.iter().find_map(|key| json_message(object.get(*key)?)),
        _ => None,
    }
}

/// The title of an HTML page says more than its first tags.
fn title(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(title)
}

/// `text` on one line, cut. It is masked before that: of a secret that is cut nobody could tell that it is one.
fn tidy(text: &str, mask: &Mask) -> String {
    let text = mask.cleaned(beginning(text));
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// More of `text` than is shown.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(MAX_LOOKED_AT).map_or(text, |(end, _)| &text[..end])
}

/// How long the peer asks to wait (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text_of(headers, RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

/// What was asked, and what the answer's headers tell of who answered. The source of a failure.
#[derive(Debug)]
pub(super) struct Circumstances(String);

impl Circumstances {
    /// Of an answer to what was `sent`.
    pub(super) fn of(sent: &Sent<'_>, answer: &Answer) -> Circumstances {
        let (head, mask, headers) = (sent.head, sent.mask(), &answer.headers);
        // A query may hold a secret.
        let url = head.uri().to_string();
        let mut text = format!("in answer to POST {}", url.split('?').next().unwrap_or_default());
        for name in [SERVER, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE, PROXY_AUTHENTICATE, ALLOW, VIA, CONTENT_TYPE] {
            if let Some(value) = text_of(headers, name.as_str()) {
                text.push_str(&format!(", {name}: {}", tidy(value, mask)));
            }
        }
        if let Some(delay) = retry_after(headers) {
            text.push_str(&format!(", asks to wait {delay:.0?}"));
        }
        match answer.status.as_u16() {
            401 | 403 => text.push_str(&format!("; {}", credentials(head))),
            404 | 405 | 415 if is_call(head) => text.push_str(NO_GRPC),
            404 if !head.uri().path().contains("/v1") => text.push_str(UNUSUAL_PATH),
            415 => text.push_str(&encodings(sent, headers)),
            // Of an answer that load balancers give when the backend does not.
            464 | 502..=504 => {
                if let Some(who) = go_between(answer, mask) {
                    text.push_str(&format!("; answered by the load balancer or proxy {who}, not by the backend"));
                }
            }
            _ => {}
        }
        Circumstances(text)
    }

    /// Of a refusal of the credentials of a request with `head`.
    pub(super) fn of_credentials(head: &Request<()>) -> Circumstances {
        Circumstances(credentials(head))
    }

    /// Of a refusal of the encoding of what was `sent`.
    pub(super) fn of_encodings(sent: &Sent<'_>, headers: &HeaderMap) -> Circumstances {
        Circumstances(format!("in answer to {}{}", sent.head.uri().path(), encodings(sent, headers)))
    }
}

/// Whether it is a gRPC call.
fn is_call(head: &Request<()>) -> bool {
    text_of(head.headers(), CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/grpc"))
}

/// Which headers could hold credentials; never what they hold.
fn credentials(head: &Request<()>) -> String {
    let names: Vec<&str> = head.headers().keys().map(HeaderName::as_str).filter(|name| !FIXED.contains(name)).collect();
    match names.as_slice() {
        [] => "the request has no header with credentials".to_owned(),
        names => format!("the request has the header {}", names.join(", ")),
    }
}

/// Which encodings would have done.
fn encodings(sent: &Sent<'_>, headers: &HeaderMap) -> String {
    let of = |headers, names: [&str; 2]| {
        names.into_iter().find_map(|name| text_of(headers, name)).map(|value| tidy(value, sent.mask()))
    };
    let sent = of(sent.head.headers(), ["grpc-encoding", "content-encoding"]);
    let known = of(headers, ["grpc-accept-encoding", "accept-encoding"]);
    let sent = sent.map(|sent| format!("; the request is compressed with {sent}")).unwrap_or_default();
    let known = known.map(|known| format!("; the backend accepts {known}")).unwrap_or_default();
    format!("{sent}{known}")
}

/// The product between here and the backend that gave `answer`, if it shows itself.
fn go_between(answer: &Answer, mask: &Mask) -> Option<String> {
    if let Some(server) = text_of(&answer.headers, SERVER.as_str()) {
        let lower = server.to_ascii_lowercase();
        return GO_BETWEENS.iter().any(|known| lower.contains(known)).then(|| tidy(server, mask));
    }
    let body = String::from_utf8_lossy(&answer.body);
    // Envoy's words for a cluster without a living member, and for a connection to one that broke.
    let is_envoy = ["no healthy upstream", "upstream connect error"].iter().any(|words| body.contains(words));
    is_envoy.then(|| "Envoy".to_owned())
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Circumstances {}

const MAX_CHARS: usize = 200;
/// Of what is masked before it is cut.
const MAX_LOOKED_AT: usize = 4096;
/// Headers of every request, which hold no credentials.
const FIXED: [&str; 9] = [
    "content-type",
    "content-encoding",
    "grpc-encoding",
    "grpc-accept-encoding",
    "grpc-timeout",
    "accept-encoding",
    "user-agent",
    "te",
    crate::protocol::INSTANCE_HEADER,
];
const NO_GRPC: &str = "; whoever answered speaks HTTP and knows no gRPC at this path: a web server, an ingress without a route for \
     gRPC, or a port for otlp_http (otlphttp, usually 4318)";
const UNUSUAL_PATH: &str = "; the path of OTLP/HTTP is usually /v1/traces, /v1/metrics or /v1/logs: traces_endpoint and its kin are \
     used as they are written";
/// What load balancers and proxies call themselves in `Server`.
const GO_BETWEENS: [&str; 12] = [
    "awselb",
    "nginx",
    "openresty",
    "envoy",
    "haproxy",
    "cloudflare",
    "cloudfront",
    "traefik",
    "varnish",
    "google frontend",
    "akamaighost",
    "squid",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use bytes::Bytes;
    use http::{HeaderValue, StatusCode};

    use super::*;
    use crate::transport::client::Extent;

    #[track_caller]
    fn check(kind: &'static str, body: impl Into<Bytes>, expected: &str) {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let status = StatusCode::BAD_GATEWAY;
        let answer = Answer { status, headers, body: body.into(), extent: Extent::Whole, trailers: None };
        assert_eq!(words(&answer, &Mask::new(["Bearer s3cr3t-t0ken-of-many-characters"])), expected);
    }

    #[test]
    fn a_secret_is_masked_before_a_text_is_cut() {
        let echo = format!("{} s3cr3t-t0ken-of-many-characters", "x".repeat(190));
        check("text/plain", echo.clone(), &format!("{} [REDACTED…", "x".repeat(190)));
        check("application/json", format!("{{\"message\":\"{echo}\"}}"), &format!("{} [REDACTED…", "x".repeat(190)));
        check("application/json", r#"{"message":"no s3cr3t-t0k"#, r#"{"message":"no [REDACTED]"#);
    }

    #[test]
    fn the_message_is_found_wherever_it_is() {
        let status = Status { code: 3, message: "bad span".to_owned(), details: Vec::new() };
        check("application/x-protobuf", status.encode_to_vec(), "bad span");
        check("application/json", r#"{"code":3,"message":"bad span"}"#, "bad span");
        check("application/json; charset=utf-8", r#"{"error":{"message":"no token"}}"#, "no token");
        check("text/html", "<html><head><title>502 Bad\nGateway</title></head>", "502 Bad Gateway");
        check("text/plain", "no  such\r\n\x07 page", "no such page");
        check("", "x".repeat(300), &format!("{}…", "x".repeat(200)));
        check("application/x-protobuf", "\u{ff}plain words", "ÿplain words");
    }

    #[test]
    fn a_delay_is_seconds_or_a_date() {
        let delay = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
        };
        assert_eq!(delay("7"), Some(Duration::from_secs(7)));
        assert_eq!(delay("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(delay(&soon).is_some_and(|delay| (50..=60).contains(&delay.as_secs())));
        for odd in ["-1", "soon", "", "1.5"] {
            assert_eq!(delay(odd), None, "{odd}");
        }
    }
}
