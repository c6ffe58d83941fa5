//! The verdict in an answer to an OTLP/HTTP export (OTLP specification, "OTLP/HTTP Response").

use std::sync::Arc;

use http::header::CONTENT_TYPE;

use super::stage::Sent;
use super::words::{Circumstances, retry_after, words};
use super::{partial, text_of};
use crate::failure::{Class, Failure, from_http, status_text};
use crate::flow::Receipt;
use crate::ident::ComponentId;
use crate::transport::client::{Answer, Extent};

/// Reads the answer to what was `sent`.
///
/// A body that is not OTLP is no success, whatever the status: it comes from a login page, a captive portal or another
/// service. No body at all is one, as many backends do it.
pub(super) fn verdict(answer: &Answer, sent: &Sent<'_>, id: &Arc<ComponentId>) -> Result<Receipt, Failure> {
    let failed = |failure: Failure| Err(failure.because(Circumstances::of(sent, answer)));
    let kind = text_of(&answer.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/grpc") {
        // With HTTP 200, an empty body, and the refusal in a header that OTLP/HTTP does not know.
        let text = "the backend answers as a gRPC server: otlp_http (otlphttp) usually goes to port 4318";
        return failed(Failure::new(Class::Http1ToGrpcPort, text));
    }
    if !answer.status.is_success() {
        let words = words(answer, sent.mask());
        if is_tls_servers_complaint(&words) {
            return failed(Failure::new(
                Class::PlaintextToTlsPort,
                format!("the port speaks TLS: it answers \"{words}\""),
            ));
        }
        return failed(from_http(answer.status, retry_after(&answer.headers), &words));
    }
    if answer.body.is_empty() {
        return Ok(Receipt::delivered(Arc::clone(id)));
    }
    if answer.extent == Extent::Cut {
        return failed(Failure::new(Class::ResponseTooLarge, "the answer is larger than any OTLP answer"));
    }
    let read = match kind {
        json if json.starts_with("application/json") => partial::read_json(&answer.body, id),
        html if html.starts_with("text/html") => None,
        _ => partial::read_protobuf(&answer.body, id),
    };
    match read {
        Some(receipt) => Ok(receipt),
        None => {
            let text = format!(
                "the backend answers HTTP {}, but not with OTLP: {}",
                status_text(answer.status),
                words(answer, sent.mask())
            );
            failed(Failure::new(Class::NotOtlpResponse, text))
        }
    }
}

/// The words of products that take a plaintext request on a TLS port for a bad one.
fn is_tls_servers_complaint(words: &str) -> bool {
    const WORDS: [&str; 2] = [
        "sent an HTTP request to an HTTPS server",   // Go's net/http
        "plain HTTP request was sent to HTTPS port", // nginx
    ];
    WORDS.iter().any(|complaint| words.contains(complaint))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Request, StatusCode};

    use super::*;
    use crate::failure::Mask;

    fn read(status: u16, kind: &'static str, body: &'static [u8]) -> Result<Receipt, Failure> {
        read_from("http://backend/v1/traces", status, kind, body)
    }

    fn read_from(url: &str, status: u16, kind: &'static str, body: &'static [u8]) -> Result<Receipt, Failure> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from_static(body);
        let answer = Answer { status, headers, body, extent: Extent::Whole, trailers: None };
        let head = Request::post(url).body(()).unwrap();
        verdict(&answer, &Sent::new(&head, &Mask::default()), &Arc::new(ComponentId::parse("otlp_http").unwrap()))
    }

    #[track_caller]
    fn check(status: u16, kind: &'static str, body: &'static [u8], class: Class, words: &str) {
        let failure = read(status, kind, body).unwrap_err();
        assert!(failure.class() == class && failure.cause().contains(words), "{failure:?}");
    }

    #[test]
    fn a_body_that_is_not_otlp_is_no_success() {
        check(200, "text/html", b"<title>Sign in</title>", Class::NotOtlpResponse, "Sign in");
        check(200, "application/x-protobuf", b"\xff\xff", Class::NotOtlpResponse, "not with OTLP");
        check(200, "application/json", b"[]", Class::NotOtlpResponse, "not with OTLP");
        check(200, "text/plain", b"hello", Class::NotOtlpResponse, "hello");
        check(200, "application/grpc", b"", Class::Http1ToGrpcPort, "gRPC server");
    }

    #[test]
    fn an_empty_body_is_a_success_whatever_its_type() {
        for kind in ["application/x-protobuf", "application/json", "text/html", ""] {
            assert!(read(200, kind, b"").is_ok(), "{kind}");
        }
        assert!(read(202, "", b"").is_ok());
    }

    #[test]
    fn a_path_that_is_not_the_usual_one_is_pointed_out() {
        let cause = |url| read_from(url, 404, "text/plain", b"").unwrap_err().cause();
        assert!(cause("http://backend/").contains("usually /v1/traces, /v1/metrics or /v1/logs"));
        assert!(!cause("http://backend/v1/traces").contains("usually"));
    }

    #[test]
    fn an_unknown_encoding_is_told_from_bad_data() {
        check(415, "text/plain", b"unsupported Content-Encoding: zstd", Class::UnsupportedCompression, "zstd");
        check(400, "text/plain", b"unsupported content encoding", Class::UnsupportedCompression, "encoding");
        check(415, "text/plain", b"only JSON", Class::HttpUnsupportedMediaType, "JSON");
        check(101, "text/plain", b"", Class::ServerErrorOther, "101");
    }

    #[test]
    fn a_failure_names_the_url_and_the_backends_words() {
        check(404, "text/plain", b"page not found", Class::HttpNotFound, "page not found");
        check(404, "text/plain", b"page not found", Class::HttpNotFound, "http://backend/v1/traces");
        check(301, "text/html", b"", Class::HttpRedirect, "301");
        let go = b"Client sent an HTTP request to an HTTPS server.";
        check(400, "text/plain", go, Class::PlaintextToTlsPort, "speaks TLS");
    }
}
