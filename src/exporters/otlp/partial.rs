//! What a backend says of a request that it took: `partial_success`, in protobuf or JSON.
//!
//! The answers of all signals have one shape: field 1 with the number rejected and a message.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

use crate::flow::Receipt;
use crate::ident::ComponentId;
use crate::units::Items;

/// Reads a protobuf answer; nothing if it is none.
pub(super) fn read_protobuf(body: &[u8], id: &Arc<ComponentId>) -> Option<Receipt> {
    let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
    Some(receipt(id, rejected, partial.error_message))
}

/// Reads a JSON answer; nothing if it is none.
pub(super) fn read_json(body: &[u8], id: &Arc<ComponentId>) -> Option<Receipt> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let answer = answer.as_object()?;
    let partial = answer.get("partialSuccess").or_else(|| answer.get("partial_success")).and_then(Value::as_object);
    let Some(partial) = partial else { return Some(receipt(id, 0, String::new())) };
    // A 64-bit number is a string in protobuf's JSON, but is often written as a number.
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let rejected = partial.iter().find(|(key, _)| key.starts_with("rejected")).and_then(|(_, value)| number(value));
    let message = partial.get("errorMessage").or_else(|| partial.get("error_message")).and_then(Value::as_str);
    Some(receipt(id, rejected.unwrap_or(0), message.unwrap_or_default().to_owned()))
}

fn receipt(id: &Arc<ComponentId>, rejected: u64, message: String) -> Receipt {
    let message = (!message.is_empty()).then(|| message.into());
    Receipt { rejected: Items(rejected), message, ..Receipt::delivered(Arc::clone(id)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[track_caller]
    fn check(body: &str, rejected: u64, message: Option<&str>) {
        let id = Arc::new(ComponentId::parse("otlp_http").unwrap());
        let receipt = read_json(body.as_bytes(), &id).unwrap();
        assert_eq!((receipt.rejected, receipt.message.as_deref()), (Items(rejected), message), "{body}");
    }

    #[test]
    fn json_answers_are_read_in_either_spelling() {
        check("{}", 0, None);
        check(r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"old"}}"#, 3, Some("old"));
        check(r#"{"partial_success":{"rejected_spans":2,"error_message":""}}"#, 2, None);
        check(r#"{"partialSuccess":{}}"#, 0, None);
    }
}
