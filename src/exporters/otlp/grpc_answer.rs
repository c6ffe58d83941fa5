//! The verdict in an answer to a gRPC export. The HTTP status is read first: a proxy's page is no gRPC message.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::stage::Sent;
use super::words::{Circumstances, retry_after, words};
use super::{partial, text_of};
use crate::failure::{Class, Failure, Mask, from_grpc, from_http};
use crate::flow::Receipt;
use crate::ident::ComponentId;
use crate::transport::client::{Answer, Extent};

/// Reads the answer to what was `sent`.
pub(super) fn verdict(answer: &Answer, sent: &Sent<'_>, id: &Arc<ComponentId>) -> Result<Receipt, Failure> {
    let is_grpc = text_of(&answer.headers, CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/grpc") && !kind.starts_with("application/grpc-web"));
    // An answer without a message has its status among the headers.
    let status = status(&answer.headers).or_else(|| status(answer.trailers.as_ref()?));
    match status {
        Some(status) if is_grpc && status.code() == Code::Ok => Ok(receipt(&answer.body, id)),
        Some(status) if is_grpc => {
            Err(with_circumstances(from_grpc(&without_secrets(status, sent.mask())), sent, &answer.headers))
        }
        _ if answer.status != StatusCode::OK => {
            let failure = from_http(answer.status, retry_after(&answer.headers), &words(answer, sent.mask()));
            Err(failure.because(Circumstances::of(sent, answer)))
        }
        None if is_grpc && answer.extent == Extent::Cut => {
            Err(Failure::new(Class::ResponseTooLarge, "the backend's answer to a gRPC call does not end"))
        }
        None if is_grpc => Err(Failure::new(
            Class::GrpcMissingStatus,
            "the answer ended without a grpc-status: the data may or may not have arrived",
        )),
        _ => {
            let words = words(answer, sent.mask());
            let text = format!("the answer to a gRPC call is HTTP 200, but not gRPC: {words}");
            Err(Failure::new(Class::NotOtlpResponse, text).because(Circumstances::of(sent, answer)))
        }
    }
}

/// A refusal of the backend itself needs its circumstances only where they say what to change.
fn with_circumstances(failure: Failure, sent: &Sent<'_>, headers: &HeaderMap) -> Failure {
    match failure.class() {
        Class::Unauthenticated | Class::PermissionDenied => failure.because(Circumstances::of_credentials(sent.head)),
        Class::UnsupportedCompression => failure.because(Circumstances::of_encodings(sent, headers)),
        _ => failure,
    }
}

/// The gRPC status among `headers`. Details that are not base64 are left out: reading them with the rest would panic.
fn status(headers: &HeaderMap) -> Option<Status> {
    let details = MetadataMap::from_headers(headers.clone())
        .get_bin(DETAILS)
        .and_then(|value| value.to_bytes().ok())
        .unwrap_or_default();
    let mut readable = HeaderMap::new();
    for name in ["grpc-status", "grpc-message"] {
        if let Some(value) = headers.get(name) {
            readable.insert(name, value.clone());
        }
    }
    let status = Status::from_header_map(&readable)?;
    Some(Status::with_details(status.code(), status.message(), details))
}

/// What the peer says is masked while it stands alone: where it ends, it may have been cut.
fn without_secrets(status: Status, mask: &Mask) -> Status {
    match mask.apply(status.message()) {
        Some(message) => Status::with_details(status.code(), message, Bytes::copy_from_slice(status.details())),
        None => status,
    }
}

/// The backend took the request; what else it says is read if it can be.
fn receipt(body: &Bytes, id: &Arc<ComponentId>) -> Receipt {
    let message = match body.get(..PREFIX_LEN) {
        Some([0, ..]) => partial::read_protobuf(&body[PREFIX_LEN..], id),
        _ => None,
    };
    message.unwrap_or_else(|| Receipt::delivered(Arc::clone(id)))
}

const DETAILS: &str = "grpc-status-details-bin";
const PREFIX_LEN: usize = 5;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use http::{HeaderName, HeaderValue, Request};
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &[u8])], body: &'static [u8]) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers, body: Bytes::from_static(body), extent: Extent::Whole, trailers: None }
    }

    fn read(answer: &Answer) -> Result<Receipt, Failure> {
        let head = Request::post("http://backend/x").header("authorization", "Bearer s3cr3t").body(()).unwrap();
        verdict(answer, &Sent::new(&head, &Mask::default()), &Arc::new(ComponentId::parse("otlp_grpc").unwrap()))
    }

    #[track_caller]
    fn check(answer: &Answer, class: Class, words: &str) {
        let failure = read(answer).unwrap_err();
        assert!(failure.class() == class && failure.cause().contains(words), "{failure:?}");
    }

    const GRPC: (&str, &[u8]) = ("content-type", b"application/grpc");

    #[test]
    fn the_http_status_is_read_before_the_body() {
        let page = answer(502, &[("content-type", b"text/html"), ("server", b"nginx")], b"<html>no upstream");
        check(&page, Class::BadGateway, "no upstream");
        check(&page, Class::BadGateway, "server: nginx");
        check(&page, Class::BadGateway, "answered by the load balancer or proxy nginx");
        check(
            &answer(200, &[("content-type", b"text/html")], b"<title>Login</title>"),
            Class::NotOtlpResponse,
            "Login",
        );
        check(&answer(464, &[], b""), Class::LbProtocolMismatch, "464");
    }

    #[test]
    fn a_grpc_status_wins_over_the_http_status() {
        let refused = answer(503, &[GRPC, ("grpc-status", b"16"), ("grpc-message", b"no%20token")], b"");
        check(&refused, Class::Unauthenticated, "no token");
        check(&refused, Class::Unauthenticated, "the request has the header authorization");
        assert!(!read(&refused).unwrap_err().cause().contains("s3cr3t"));
    }

    #[test]
    fn an_unknown_encoding_comes_with_those_that_are_known() {
        let headers = [
            GRPC,
            ("grpc-status", b"12".as_slice()),
            ("grpc-message", b"grpc: Decompressor is not installed for grpc-encoding \"zstd\""),
            ("grpc-accept-encoding", b"gzip"),
        ];
        check(&answer(200, &headers, b""), Class::UnsupportedCompression, "the backend accepts gzip");
    }

    #[test]
    fn no_status_is_a_failure_of_its_own() {
        check(&answer(200, &[GRPC], b"\0\0\0\0\0"), Class::GrpcMissingStatus, "may or may not");
    }

    #[test]
    fn a_partial_success_is_read() {
        let taken = answer(200, &[GRPC, ("grpc-status", b"0")], b"\0\0\0\0\x07\x0a\x05\x08\x02\x12\x01x");
        let receipt = read(&taken).unwrap();
        assert_eq!((receipt.rejected.0, receipt.message.as_deref()), (2, Some("x")));
    }

    proptest! {
        #[test]
        fn no_header_does_harm(
            code in prop::collection::vec(32..127u8, 0..4),
            message in prop::collection::vec(32..255u8, 0..20),
            details in prop::collection::vec(32..127u8, 0..20),
        ) {
            prop_assume!(!message.contains(&127));
            let headers = [GRPC, ("grpc-status", &code), ("grpc-message", &message), (DETAILS, &details)];
            let _ = read(&answer(200, &headers, b"\0\0\0"));
        }
    }
}
