//! Heads and bodies as a record shows them: without secrets, by value wherever they turn up, and by the name of the header
//! that holds them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::config::{Exporter, Secret, without_values};
use crate::failure::Mask;
use crate::interface::record::Field;

/// Masks what the configuration of an exporter says. Tokens that are fetched or read from files are known by
/// [what was sent](with_sent).
pub(in crate::pipeline) fn mask_of(asked: &Exporter) -> Mask {
    Mask::new(asked.secrets().iter().map(Secret::reveal))
}

/// Masks the values of those of `headers` that hold secrets, too, whoever set them.
pub(super) fn with_sent(mask: &Mask, headers: &HeaderMap) -> Mask {
    let secret = headers.iter().filter(|(name, value)| is_secret(name, value));
    mask.with(secret.map(|(_, value)| String::from_utf8_lossy(value.as_bytes())))
}

/// `headers` as fields without secrets.
pub(super) fn fields(mask: &Mask, headers: &HeaderMap) -> Vec<Field> {
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = if is_secret(name, value) { REDACTED.to_owned() } else { shown(mask, name, value) };
        Field { name: name.as_str().to_owned(), value }
    };
    headers.iter().map(field).collect()
}

fn shown(mask: &Mask, name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let hidden = || {
        let padded = text.contains('=');
        let decoded = if padded { STANDARD.decode(&*text) } else { STANDARD_NO_PAD.decode(&*text) };
        decoded.is_ok_and(|decoded| mask.is_in(&decoded))
    };
    // gRPC carries binary values as base64 (`grpc-status-details-bin`).
    if name.as_str().ends_with("-bin") && hidden() { REDACTED.to_owned() } else { mask.cleaned(&text).into_owned() }
}

/// `uri` without its query's values: keys of services are written there.
pub(super) fn uri(mask: &Mask, uri: &Uri) -> String {
    let mut shown = uri.path().to_owned();
    if let Some(query) = uri.query() {
        shown.push('?');
        shown.push_str(&without_values(query));
    }
    mask.clean(shown)
}

/// `body` without secrets, cut to `limit` bytes behind that.
pub(super) fn body(mask: &Mask, body: &[u8], limit: usize) -> Vec<u8> {
    // A secret that begins in what is kept ends not far behind it; if it does not, its beginning is masked.
    let near = &body[..body.len().min(limit.saturating_mul(2))];
    let masked = mask.apply_to_bytes(near);
    let mut kept = masked.unwrap_or_else(|| near.to_vec());
    kept.truncate(limit);
    kept
}

/// Whether the value of a header is never shown: it was configured, or its name says what it is.
fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || NAMES.iter().any(|part| name.as_str().contains(part))
}

/// What stands in the place of a secret.
const REDACTED: &str = "[REDACTED]";
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

    use super::*;

    #[test]
    fn headers_are_redacted_by_their_name_by_their_mark_and_by_their_value() {
        let mut configured = HeaderValue::from_static("eu");
        configured.set_sensitive(true);
        let sent = HeaderMap::from_iter([
            (HeaderName::from_static("x-tenant"), configured),
            (AUTHORIZATION, HeaderValue::from_static("Bearer planted")),
            (HeaderName::from_static("user-agent"), HeaderValue::from_static("relay")),
        ]);
        let mask = with_sent(&Mask::new(["querysecret"]), &sent);
        let shown = |headers: &HeaderMap| -> Vec<String> {
            fields(&mask, headers).into_iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
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
        assert_eq!(uri(&mask, &Uri::from_static("http://h/v1/traces?k=other")), "/v1/traces?k=[REDACTED]");
    }

    #[test]
    fn a_body_is_masked_before_it_is_cut() {
        let mask = Mask::new(["planted-secret"]);
        assert_eq!(body(&mask, b"\xff\x00planted-secret and more", 8), b"\xff\x00[REDAC");
        assert_eq!(body(&mask, b"got planted-secret", 6), b"got [R");
    }
}
