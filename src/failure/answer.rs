//! What a peer's answer means: gRPC status and HTTP status to class and retry verdict.
//!
//! Follows the OTLP specification, "OTLP/gRPC Throttling", "Failures" and "OTLP/HTTP Response". Only for what a peer
//! itself said: a status that a client library made up is a guess, and its source must be classified instead.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Class, Failure, PeerStatus, Retry, Verdict};
use crate::units::ByteCount;

/// The failure that a peer's gRPC status stands for. `Ok` is not expected here.
pub fn from_grpc(status: &Status) -> Failure {
    let delay = retry_delay(status);
    let class = grpc_class(status, delay);
    let mut evidence = format!("the backend answers {}: {}", code_name(status.code()), status.message());
    if class == Class::MessageTooLarge {
        evidence.push_str(&in_units(status.message()));
    }
    decided(class, evidence, delay).said_by_peer(PeerStatus {
        code: status.code(),
        message: status.message().to_owned(),
        details: Bytes::copy_from_slice(status.details()),
    })
}

/// The failure that a peer's HTTP status stands for. `delay` is its Retry-After; `words` is what its body says: the
/// `google.rpc.Status` of OTLP/HTTP, or the beginning of whatever text came.
pub fn from_http(status: StatusCode, delay: Option<Duration>, words: &str) -> Failure {
    let honoured = delay.filter(|_| matches!(status.as_u16(), 429 | 502 | 503 | 504));
    let mut evidence = format!("the backend answers HTTP {}", status_text(status));
    if !words.is_empty() {
        evidence.push_str(": ");
        evidence.push_str(words);
    }
    decided(http_class(status, words), evidence, honoured).said_by_peer(PeerStatus {
        code: code_for_http(status),
        message: words.to_owned(),
        details: Bytes::new(),
    })
}

/// A status with its name where it has one: `404 Not Found`, `464`.
pub fn status_text(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The gRPC code that stands for an HTTP status (the Collector's `internal/statusutil`).
pub fn code_for_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The name of a code in the gRPC specification: `RESOURCE_EXHAUSTED`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn decided(class: Class, evidence: impl Into<Cow<'static, str>>, delay: Option<Duration>) -> Failure {
    let failure = Failure::new(class, evidence);
    match delay {
        Some(delay) if class.row().retry == Verdict::BackOff && !delay.is_zero() => {
            failure.retry_when(Retry::After(delay))
        }
        _ => failure,
    }
}

fn grpc_class(status: &Status, delay: Option<Duration>) -> Class {
    match status.code() {
        Code::Unavailable if delay.is_some() => Class::RateLimited,
        Code::Unavailable => Class::ServerUnavailable,
        Code::DeadlineExceeded => Class::ServerDeadlineExceeded,
        Code::OutOfRange | Code::ResourceExhausted if says_too_large(status.message()) => Class::MessageTooLarge,
        Code::ResourceExhausted if delay.is_some() => Class::RateLimited,
        Code::ResourceExhausted => Class::ResourceExhausted,
        Code::Cancelled | Code::Aborted | Code::OutOfRange | Code::DataLoss => Class::ServerTransientError,
        Code::Unauthenticated => Class::Unauthenticated,
        Code::PermissionDenied => Class::PermissionDenied,
        Code::InvalidArgument | Code::FailedPrecondition => Class::InvalidData,
        Code::Unimplemented if says_compression(status.message()) => Class::UnsupportedCompression,
        Code::Unimplemented => Class::GrpcUnimplemented,
        Code::Internal => Class::ServerInternalError,
        Code::Unknown => Class::ServerUnknownError,
        Code::Ok | Code::NotFound | Code::AlreadyExists => Class::ServerErrorOther,
    }
}

fn http_class(status: StatusCode, words: &str) -> Class {
    match status.as_u16() {
        400 | 415 if says_encoding(words) => Class::UnsupportedCompression,
        300..=399 => Class::HttpRedirect,
        401 => Class::Unauthenticated,
        403 => Class::PermissionDenied,
        404 | 410 => Class::HttpNotFound,
        405 => Class::HttpMethodNotAllowed,
        407 => Class::ProxyAuthRequired,
        411 => Class::HttpLengthRequired,
        413 => Class::MessageTooLarge,
        415 => Class::HttpUnsupportedMediaType,
        421 | 426 | 464 | 505 => Class::LbProtocolMismatch,
        429 => Class::RateLimited,
        431 => Class::RequestHeadersTooLarge,
        400 | 422 => Class::InvalidData,
        500 => Class::ServerInternalError,
        502 => Class::BadGateway,
        503 => Class::ServerUnavailable,
        504 => Class::GatewayTimeout,
        _ => Class::ServerErrorOther,
    }
}

fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|info| info.retry_delay)
}

/// The words of the products whose code does not tell an oversize message from other trouble.
fn says_too_large(message: &str) -> bool {
    const WORDS: [&str; 3] = [
        "exceeds maximum size",     // grpc-java: "gRPC message exceeds maximum size 4: 5"
        "larger than max",          // grpc-go: "grpc: received message larger than max (5 vs. 4)"
        "message length too large", // tonic: "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"
    ];
    WORDS.iter().any(|words| message.contains(words))
}

/// The limit that a peer names when it refuses a message for its size: nothing where it names none.
pub fn size_limit(failure: &Failure) -> Option<ByteCount> {
    const WORDS: [&str; 4] = [
        " vs. ",                 // grpc-go: "grpc: received message larger than max (5 vs. 4)"
        "larger than max ",      // grpc-go: "grpc: received message after decompression larger than max 4"
        "the limit is: ", // tonic: "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"
        "exceeds maximum size ", // grpc-java: "gRPC message exceeds maximum size 4: 5"
    ];
    let message = &failure.peer().filter(|_| failure.class() == Class::MessageTooLarge)?.message;
    let behind = WORDS.iter().find_map(|words| message.split_once(words).map(|(_, behind)| behind))?;
    let digits = behind.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|limit| *limit != 0).map(ByteCount)
}

/// The words of the products that answer an unknown `grpc-encoding` with the code of an unknown method.
fn says_compression(message: &str) -> bool {
    const WORDS: [&str; 2] = [
        "grpc-encoding",              // grpc-go: "grpc: Decompressor is not installed for grpc-encoding \"zstd\""
        "Content is compressed with", // tonic: "Content is compressed with `zstd` which isn't supported"
    ];
    WORDS.iter().any(|words| message.contains(words))
}

/// The words of the products that take an unknown `Content-Encoding` for a bad request.
fn says_encoding(words: &str) -> bool {
    const WORDS: [&str; 4] = [
        "Content-Encoding",             // the Collector's confighttp: "unsupported Content-Encoding: zstd"
        "content-encoding",             // tower-http and others
        "unsupported content encoding", // JVM servers
        "unsupported compression",      // several vendors' intakes
    ];
    WORDS.iter().any(|known| words.contains(known))
}

/// The two sizes in the words of an oversize message, for people: ` (5.0 MiB, and 4.0 MiB are allowed)`.
fn in_units(message: &str) -> String {
    let numbers = message.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    let sizes: Vec<u64> = numbers.collect();
    match sizes.as_slice() {
        [size, limit] if limit < size => {
            format!(" ({}, and {} are allowed)", ByteCount(*size), ByteCount(*limit))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_from_the_words_of_those_who_name_one() {
        let check = |message: &str, expected: Option<u64>| {
            let failure = from_grpc(&Status::resource_exhausted(message));
            assert_eq!(size_limit(&failure), expected.map(ByteCount), "{message}");
        };
        check("grpc: received message larger than max (5 vs. 4)", Some(4));
        check("grpc: received message after decompression larger than max 4", Some(4));
        check("Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes", Some(4));
        check("gRPC message exceeds maximum size 4: 5", Some(4));
        check("grpc: received message larger than max", None);
        check("the quota is used up vs. 4", None);
        assert_eq!(size_limit(&from_http(StatusCode::PAYLOAD_TOO_LARGE, None, "5 vs. 4")), Some(ByteCount(4)));
    }

    use tonic_types::ErrorDetails;

    #[track_caller]
    fn check(failure: &Failure, class: Class, retry: Retry) {
        assert_eq!((failure.class(), failure.retry()), (class, retry), "{failure:?}");
    }

    #[test]
    fn grpc_codes_are_retried_as_the_specification_says() {
        let retryable = [
            Code::Cancelled,
            Code::DeadlineExceeded,
            Code::Aborted,
            Code::OutOfRange,
            Code::Unavailable,
            Code::DataLoss,
        ];
        for number in 1..=16 {
            let code = Code::from_i32(number);
            let expected = if retryable.contains(&code) { Retry::BackOff } else { Retry::Never };
            assert_eq!(from_grpc(&Status::new(code, "no")).retry(), expected, "{code:?}");
        }
    }

    #[test]
    fn resource_exhausted_is_retried_only_with_retry_info() {
        let delay = Duration::from_secs(7);
        let details = ErrorDetails::with_retry_info(Some(delay));
        let throttled = Status::with_error_details(Code::ResourceExhausted, "slow down", details);
        check(&from_grpc(&throttled), Class::RateLimited, Retry::After(delay));
        check(&from_grpc(&Status::resource_exhausted("no")), Class::ResourceExhausted, Retry::Never);
    }

    #[test]
    fn an_oversize_message_is_never_retried_whatever_its_code() {
        let tonic =
            Status::out_of_range("Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes");
        check(&from_grpc(&tonic), Class::MessageTooLarge, Retry::Never);
        let go = Status::resource_exhausted("grpc: received message larger than max (5 vs. 4)");
        check(&from_grpc(&go), Class::MessageTooLarge, Retry::Never);
        let go = Status::resource_exhausted("grpc: received message larger than max (5242880 vs. 4194304)");
        assert!(from_grpc(&go).cause().ends_with("(5.0 MiB, and 4.0 MiB are allowed)"));
    }

    #[test]
    fn http_statuses_are_retried_as_the_specification_says() {
        for number in 300..600 {
            let Ok(status) = StatusCode::from_u16(number) else { continue };
            let retryable = matches!(number, 429 | 502 | 503 | 504);
            let expected = match number {
                // A proxy says so, and the backend never saw the request.
                407 => Retry::Hold,
                _ if retryable => Retry::BackOff,
                _ => Retry::Never,
            };
            assert_eq!(from_http(status, None, "").retry(), expected, "{number}");
            let delay = Duration::from_secs(3);
            let expected = if retryable { Retry::After(delay) } else { expected };
            assert_eq!(from_http(status, Some(delay), "").retry(), expected, "{number}");
        }
    }
}
