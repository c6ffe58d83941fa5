//! What a sender is told: the status of a failure, and the body of a success.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::pb;
use tonic_types::{ErrorDetails, StatusExt};

use crate::failure::{Failure, Retry};
use crate::flow::Receipt;
use crate::units::Items;

/// The `google.rpc.Status` of a failure: the peer's own details, if a peer failed, and how long to wait before the next
/// try.
pub(super) fn of(failure: &Failure) -> pb::Status {
    let mut details = failure
        .peer()
        .and_then(|peer| pb::Status::decode(peer.details.clone()).ok())
        .map(|status| status.details)
        .unwrap_or_default();
    let advised = details.iter().any(|detail| detail.type_url.ends_with(RETRY_INFO));
    if let (Some(delay), false) = (delay(failure), advised) {
        details.extend(retry_info(delay).details);
    }
    pb::Status { code: code(failure) as i32, message: shortened(failure.cause()), details }
}

/// The same as trailers carry it.
pub(super) fn for_trailers(failure: &Failure) -> Status {
    let status = of(failure);
    let encoded = if status.details.is_empty() { Bytes::new() } else { status.encode_to_vec().into() };
    // The answer of a peer that overdoes its details would exceed what clients take as trailers.
    let encoded = if encoded.len() <= MOST_DETAILS { encoded } else { Bytes::new() };
    Status::with_details(code(failure), status.message, encoded)
}

/// The code of a failure; never `Ok`, whatever a peer's answer was.
pub(super) fn code(failure: &Failure) -> Code {
    match failure.grpc_code() {
        Code::Ok => Code::Unknown,
        code => code,
    }
}

/// How long the sender should wait, where sending it again can help.
pub(super) fn delay(failure: &Failure) -> Option<Duration> {
    failure.retry_delay().filter(|_| failure.retry() != Retry::Never)
}

/// The `Export*ServiceResponse` of a success: the responses of all signals have one wire shape. `partial_success` is
/// always there, as the Collector has it.
pub(super) fn response(receipt: &Receipt) -> Bytes {
    if receipt.rejected == Items::ZERO && receipt.message.is_none() {
        return Bytes::from_static(EMPTY_RESPONSE);
    }
    let partial = ExportTracePartialSuccess {
        rejected_spans: i64::try_from(receipt.rejected.0).unwrap_or(i64::MAX),
        error_message: receipt.message.as_deref().unwrap_or_default().to_owned(),
    };
    ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec().into()
}

/// A status with nothing but a RetryInfo.
fn retry_info(delay: Duration) -> pb::Status {
    let status = Status::with_error_details(Code::Unavailable, "", ErrorDetails::with_retry_info(Some(delay)));
    pb::Status::decode(status.details()).unwrap_or_default()
}

/// Clients bound the size of trailers, some at 8 KiB.
fn shortened(mut message: String) -> String {
    if MOST_WORDS < message.len() {
        let end = (0..=MOST_WORDS).rfind(|&end| message.is_char_boundary(end)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

/// A `partial_success` (field 1) of no bytes.
const EMPTY_RESPONSE: &[u8] = &[0x0a, 0x00];

const RETRY_INFO: &str = "/google.rpc.RetryInfo";

const MOST_WORDS: usize = 2048;

const MOST_DETAILS: usize = 4096;
