//! Keeps secrets out of records: by value wherever they turn up, and by the name of the header that holds them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::config::{Exporter, Proxy, Secret};
use crate::interface::record::Field;

/// The secrets of one exporter, in each of the forms in which a peer may give them back.
#[derive(Clone, Default)]
pub(in crate::pipeline) struct Mask {
    /// The longest first, so that a part of a secret does not hide that the whole is there.
    values: Vec<String>,
    /// Whether there are secrets that no configuration says.
    knows: Knows,
}

/// Which secrets are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Knows {
    /// All of them.
    #[default]
    All,
    /// Tokens are fetched or read from files at any time: what a peer says may hold one.
    NotTokens,
}

impl Mask {
    /// What the configuration of an exporter says.
    pub(in crate::pipeline) fn of(asked: &Exporter) -> Mask {
        let mut secrets: Vec<&str> = Vec::new();
        let proxy = |proxy: &'_ Option<Proxy>| proxy.iter().flat_map(Proxy::secrets).cloned().collect::<Vec<_>>();
        let mut proxies: Vec<Secret> = Vec::new();
        let mut auth = None;
        match asked {
            Exporter::OtlpGrpc(asked) => {
                secrets.extend(asked.headers.iter().map(|(_, secret)| secret.reveal()));
                proxies.extend(proxy(&asked.link.proxy));
                auth = asked.auth.as_ref();
            }
            Exporter::OtlpHttp(asked) => {
                secrets.extend(asked.headers.iter().map(|(_, secret)| secret.reveal()));
                proxies.extend(asked.targets.values().flat_map(|target| proxy(&target.proxy)));
                auth = asked.auth.as_ref();
            }
            Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => {}
        }
        secrets.extend(proxies.iter().map(Secret::reveal));
        let knows = if auth.is_some() { Knows::NotTokens } else { Knows::All };
        Mask { knows, ..Mask::from_values(secrets) }
    }

    /// Which secrets it knows.
    pub(super) fn knows(&self) -> Knows {
        self.knows
    }

    fn from_values<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Mask {
        let forms: BTreeSet<String> = secrets.into_iter().flat_map(forms).collect();
        let mut values: Vec<String> = forms.into_iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Mask { values, knows: Knows::All }
    }

    /// With the values of those of `headers` that hold secrets, whoever set them, and of the query of `uri`.
    pub(super) fn with_sent(&self, headers: &HeaderMap, uri: &Uri) -> Mask {
        let secret = headers.iter().filter(|(name, value)| is_secret(name, value));
        let in_headers = secret.filter_map(|(_, value)| value.to_str().ok());
        let known = self.values.iter().map(String::as_str);
        let mut mask = Mask::from_values(in_headers.chain(query_values(uri)));
        mask.values.extend(known.map(str::to_owned));
        mask.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        mask.values.dedup();
        mask
    }

    /// `text` without secrets.
    pub(in crate::pipeline) fn text(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for value in self.values.iter().filter(|value| LEAST <= value.len()) {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), REDACTED));
            }
            if let Some(cut) = cut_off(&text, value) {
                text = Cow::Owned(cut);
            }
        }
        text.into_owned()
    }

    /// `body` without secrets, cut to `limit` bytes behind that.
    pub(super) fn body(&self, body: &[u8], limit: usize) -> Vec<u8> {
        let mut body = Cow::Borrowed(body);
        for value in self.values.iter().filter(|value| LEAST <= value.len()) {
            if let Some(without) = replaced(&body, value.as_bytes()) {
                body = Cow::Owned(without);
            }
        }
        body[..body.len().min(limit)].to_vec()
    }

    /// `headers` as fields without secrets.
    pub(super) fn fields(&self, headers: &HeaderMap) -> Vec<Field> {
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = if is_secret(name, value) { REDACTED.to_owned() } else { self.value(name, value) };
            Field { name: name.as_str().to_owned(), value }
        };
        headers.iter().map(field).collect()
    }

    fn value(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        let hidden = || {
            let padded = text.contains('=');
            let decoded = if padded { STANDARD.decode(&*text) } else { STANDARD_NO_PAD.decode(&*text) };
            decoded.is_ok_and(|decoded| self.body(&decoded, usize::MAX) != decoded)
        };
        // gRPC carries binary values as base64 (`grpc-status-details-bin`).
        if name.as_str().ends_with("-bin") && hidden() { REDACTED.to_owned() } else { self.text(&text) }
    }

    /// `uri` without its query's values: keys of services are written there.
    pub(super) fn uri(&self, uri: &Uri) -> String {
        let mut shown = uri.path().to_owned();
        if let Some(query) = uri.query() {
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some((key, _)) => format!("{key}={REDACTED}"),
                None => REDACTED.to_owned(),
            });
            shown.push('?');
            shown.push_str(&pairs.collect::<Vec<_>>().join("&"));
        }
        self.text(&shown)
    }
}

/// Names no secret.
impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} values)", self.values.len())
    }
}

/// Whether the value of a header is never shown: it was configured, or its name says what it is.
fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || NAMES.iter().any(|part| name.as_str().contains(part))
}

fn query_values(uri: &Uri) -> impl Iterator<Item = &str> {
    let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    pairs.filter_map(|pair| pair.split_once('=').map(|(_, value)| value))
}

/// The forms in which a secret may come back: as it is, without its scheme, decoded, in JSON, in a URL.
fn forms(secret: &str) -> Vec<String> {
    let mut plain: Vec<String> = vec![secret.trim().to_owned()];
    if let Some((scheme, rest)) = secret.trim().split_once(' ') {
        plain.push(rest.trim().to_owned());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some(pair) = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        {
            plain.extend(pair.split_once(':').map(|(_, password)| password.to_owned()));
            plain.push(pair);
        }
    }
    let escaped = |text: &String| {
        let json = serde_json::Value::from(text.as_str()).to_string();
        [json.trim_matches('"').to_owned(), percent(text)]
    };
    let others: Vec<String> = plain.iter().flat_map(escaped).collect();
    plain.extend(others);
    plain.retain(|form| !form.is_empty());
    plain
}

/// As in the `grpc-message` trailer and in URLs (RFC 3986, section 2.1).
fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' | b'%' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=31 | 127.. => {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            plain => encoded.push(char::from(plain)),
        }
    }
    encoded
}

/// `text` without a beginning of `value` in front of the mark of a cut.
fn cut_off(text: &str, value: &str) -> Option<String> {
    if !text.contains(CUT) {
        return None;
    }
    let beginnings = value.char_indices().map(|(at, _)| &value[..at]).filter(|part| LEAST <= part.len()).rev();
    let found = beginnings.map(|part| format!("{part}{CUT}")).find(|cut| text.contains(cut))?;
    Some(text.replace(&found, &format!("{REDACTED}{CUT}")))
}

/// `bytes` with `value` replaced; nothing if it is not there.
fn replaced(bytes: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let find = |bytes: &[u8]| bytes.windows(value.len()).position(|window| window == value);
    let mut rest = bytes;
    let mut without = Vec::new();
    while let Some(at) = find(rest) {
        without.extend_from_slice(&rest[..at]);
        without.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + value.len()..];
    }
    if without.is_empty() {
        return None;
    }
    without.extend_from_slice(rest);
    Some(without)
}

/// What stands in the place of a secret.
const REDACTED: &str = "[REDACTED]";
/// How a text ends that was cut.
const CUT: char = '…';
/// Shorter values are not looked for in texts, where they would be anywhere; headers that hold them are redacted still.
const LEAST: usize = 4;
/// Parts of names of headers that hold secrets.
const NAMES: [&str; 11] = [
    "authorization",
    "api-key",
    "apikey",
    "api_key",
    "cookie",
    "credential",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use http::header::AUTHORIZATION;
    use proptest::prelude::*;

    use super::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::from_values(secrets.iter().copied())
    }

    #[test]
    fn a_secret_is_masked_in_each_form_that_a_peer_may_give_back() {
        let mask = mask(&["Bearer pl@nted \"one\"", "Basic dXNlcjpodW50ZXIy"]);
        for echo in [
            "no such token: pl@nted \"one\"!",
            r#"{"got":"Bearer pl@nted \"one\""}"#,
            "got%20Bearer%20pl@nted%20%22one%22",
            "user:hunter2 is unknown",
            "the password hunter2 is wrong",
            "dXNlcjpodW50ZXIy",
            "the token Bearer pl@nt…",
        ] {
            let masked = mask.text(echo);
            assert!(masked.contains(REDACTED), "{masked}");
            assert!(!masked.contains("pl@nt") && !masked.contains("hunter2") && !masked.contains("dXNl"), "{masked}");
        }
        assert_eq!(mask.text("all is well…"), "all is well…");
    }

    #[test]
    fn headers_are_redacted_by_their_name_by_their_mark_and_by_their_value() {
        let mut configured = HeaderValue::from_static("eu");
        configured.set_sensitive(true);
        let sent = HeaderMap::from_iter([
            (HeaderName::from_static("x-tenant"), configured),
            (AUTHORIZATION, HeaderValue::from_static("Bearer planted")),
            (HeaderName::from_static("user-agent"), HeaderValue::from_static("relay")),
        ]);
        let mask = mask(&[]).with_sent(&sent, &Uri::from_static("http://h/v1/traces?k=querysecret"));
        let shown = |headers: &HeaderMap| -> Vec<String> {
            mask.fields(headers).into_iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
        };
        let redacted = ["x-tenant: [REDACTED]", "authorization: [REDACTED]", "user-agent: relay"];
        assert_eq!(shown(&sent), redacted);
        let details = STANDARD_NO_PAD.encode(b"\x08\x10\x12 planted");
        let back = HeaderMap::from_iter([
            (HeaderName::from_static("set-cookie"), HeaderValue::from_static("a=b")),
            (HeaderName::from_static("x-echo"), HeaderValue::from_static("you sent planted, querysecret")),
            (HeaderName::from_static("grpc-status-details-bin"), HeaderValue::from_str(&details).unwrap()),
        ]);
        let redacted = [
            "set-cookie: [REDACTED]",
            "x-echo: you sent [REDACTED], [REDACTED]",
            "grpc-status-details-bin: [REDACTED]",
        ];
        assert_eq!(shown(&back), redacted);
        assert_eq!(mask.uri(&Uri::from_static("http://h/v1/traces?k=other")), "/v1/traces?k=[REDACTED]");
    }

    #[test]
    fn a_body_is_masked_before_it_is_cut() {
        let mask = mask(&["planted-secret"]);
        assert_eq!(mask.body(b"\xff\x00planted-secret and more", 8), b"\xff\x00[REDAC");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_a_text(secret in "[a-z0-9]{4,12}", before in ".{0,20}", after in ".{0,20}") {
            prop_assume!(!REDACTED.contains(&secret));
            let text = format!("{before}{secret}{after}");
            let mask = mask(&[&secret]);
            prop_assert!(!mask.text(&text).contains(&secret));
            prop_assert!(!String::from_utf8_lossy(&mask.body(text.as_bytes(), 1000)).contains(&secret));
        }
    }
}
