//! What an answer's body says to a person: the status that OTLP asks for, or the beginning of whatever text came.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER, SERVER, WWW_AUTHENTICATE};
use http::{HeaderMap, Uri};
use prost::Message;
use serde_json::Value;
use tonic_types::Status;

use super::text_of;
use crate::transport::client::Answer;

/// The peer's own words, on one line, cut to a readable length.
pub(super) fn words(answer: &Answer) -> String {
    let kind = text_of(&answer.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/x-protobuf")
        && let Ok(status) = Status::decode(&answer.body[..])
    {
        return tidy(&status.message);
    }
    let text = String::from_utf8_lossy(&answer.body);
    if let Some(message) = serde_json::from_str(&text).ok().and_then(|json| json_message(&json)) {
        return tidy(&message);
    }
    tidy(title(&text).unwrap_or(&text))
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

fn tidy(text: &str) -> String {
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
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
    pub(super) fn of(url: &Uri, headers: &HeaderMap) -> Circumstances {
        let mut text = format!("in answer to POST {url}");
        for name in [SERVER, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE, PROXY_AUTHENTICATE, CONTENT_TYPE] {
            if let Some(value) = text_of(headers, name.as_str()) {
                text.push_str(&format!(", {name}: {}", tidy(value)));
            }
        }
        if let Some(delay) = retry_after(headers) {
            text.push_str(&format!(", asks to wait {delay:.0?}"));
        }
        Circumstances(text)
    }
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Circumstances {}

const MAX_CHARS: usize = 200;

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
        assert_eq!(words(&answer), expected);
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
