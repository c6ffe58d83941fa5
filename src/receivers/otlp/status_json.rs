//! What a sender of OTLP/JSON is told: the same as any other, in JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message;
use serde_json::{Map, Value, json};
use tonic_types::pb;

use crate::flow::Receipt;
use crate::signal::Signal;
use crate::units::Items;

/// A `google.rpc.Status` ("ProtoJSON Format").
pub(super) fn status(status: &pb::Status) -> Bytes {
    let mut object = Map::new();
    object.insert("code".to_owned(), status.code.into());
    object.insert("message".to_owned(), status.message.as_str().into());
    if !status.details.is_empty() {
        let details: Vec<Value> =
            status.details.iter().map(|detail| self::detail(&detail.type_url, &detail.value)).collect();
        object.insert("details".to_owned(), details.into());
    }
    Value::from(object).to_string().into()
}

/// The `Export*ServiceResponse` of a success for `signal`.
pub(super) fn response(receipt: &Receipt, signal: Signal) -> Bytes {
    let mut partial = Map::new();
    if receipt.rejected != Items::ZERO {
        partial.insert(signal.facts().rejected_key.to_owned(), receipt.rejected.0.to_string().into());
    }
    if let Some(message) = receipt.message.as_deref() {
        partial.insert("errorMessage".to_owned(), message.into());
    }
    json!({ "partialSuccess": partial }).to_string().into()
}

/// How long to wait in words of its own; what a peer said beside its status, as the bytes that it sent.
fn detail(type_url: &str, value: &[u8]) -> Value {
    let delay = pb::RetryInfo::decode(value).ok().filter(|_| type_url.ends_with("/google.rpc.RetryInfo"));
    match delay.and_then(|info| info.retry_delay) {
        Some(delay) => {
            let fraction = format!("{:09}", delay.nanos);
            let seconds = match fraction.trim_end_matches('0') {
                "" => format!("{}s", delay.seconds),
                fraction => format!("{}.{fraction}s", delay.seconds),
            };
            json!({ "@type": type_url, "retryDelay": seconds })
        }
        None => json!({ "@type": type_url, "value": STANDARD.encode(value) }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::time::Duration;

    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    #[track_caller]
    fn check(found: &Bytes, expected: &str) {
        assert_eq!(std::str::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn a_status_has_its_details_by_type() {
        let details = |details| {
            let status = tonic::Status::with_error_details(tonic::Code::Unavailable, "wait", details);
            pb::Status::decode(status.details()).unwrap()
        };
        let mut plain = details(ErrorDetails::new());
        plain.details.clear();
        check(&status(&plain), r#"{"code":14,"message":"wait"}"#);
        for (delay, shown) in [(1000, "1s"), (2500, "2.5s"), (7, "0.007s")] {
            check(
                &status(&details(ErrorDetails::with_retry_info(Some(Duration::from_millis(delay))))),
                &format!(
                    r#"{{"code":14,"details":[{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{shown}"}}],"message":"wait"}}"#
                ),
            );
        }
        let mut odd = plain;
        odd.details.push(pb::Status::default().details.pop().unwrap_or_default());
        check(&status(&odd), r#"{"code":14,"details":[{"@type":"","value":""}],"message":"wait"}"#);
    }

    #[test]
    fn a_success_names_what_was_rejected_by_its_signal() {
        let some = Receipt { rejected: Items(3), message: Some(Arc::from("three")), ..Receipt::held() };
        check(&response(&Receipt::held(), Signal::Traces), r#"{"partialSuccess":{}}"#);
        for signal in Signal::ALL {
            let key = signal.facts().rejected_key;
            check(&response(&some, signal), &format!(r#"{{"partialSuccess":{{"errorMessage":"three","{key}":"3"}}}}"#));
        }
    }
}
