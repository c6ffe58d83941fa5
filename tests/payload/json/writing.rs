//! What is written has the Collector's form.

use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;

/// `json` comes back as it is.
#[track_caller]
fn check_same(signal: Signal, json: &str) {
    check(signal, json, json);
}

/// `json` comes back as `expected`.
#[track_caller]
fn check(signal: Signal, json: &str, expected: &str) {
    let payload = Payload::from_json(signal, json.as_bytes()).unwrap();
    assert_eq!(std::str::from_utf8(&payload.to_json()).unwrap(), expected);
}

#[test]
fn a_request_of_each_signal_comes_back_as_it_is() {
    check_same(
        Signal::Traces,
        concat!(
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a\"b"}}]},"#,
            r#""scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","#,
            r#""spanId":"eee19b7ec3c1b174","name":"GET /","kind":2,"startTimeUnixNano":"1544712660000000000","#,
            r#""events":[{"timeUnixNano":"5","name":"e"}],"status":{"message":"no","code":2},"flags":1}]}],"#,
            r#""schemaUrl":"https://opentelemetry.io/schemas/1.26.0"}]}"#,
        ),
    );
    check_same(
        Signal::Metrics,
        concat!(
            r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"a","sum":{"dataPoints":"#,
            r#"[{"asDouble":0},{"asInt":"0"},{"asInt":"-7","attributes":[{"key":"k","value":{"boolValue":false}}]}],"#,
            r#""aggregationTemporality":2,"isMonotonic":true}},{"name":"b","histogram":{"dataPoints":[{"count":"2","sum":0,"#,
            r#""bucketCounts":["1","0"],"explicitBounds":[0.5],"min":-1,"max":"NaN"}]}},{"name":"c","gauge":{}}]}]}]}"#,
        ),
    );
    check_same(
        Signal::Logs,
        concat!(
            r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"severityNumber":17,"body":"#,
            r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"0"},{"doubleValue":-0},"#,
            r#"{"bytesValue":"+/8="},{}]}}}]}},"eventName":"e"}]}]}]}"#,
        ),
    );
    check_same(
        Signal::Profiles,
        concat!(
            r#"{"resourceProfiles":[{"resource":{},"scopeProfiles":[{"scope":{},"profiles":[{"samples":[{"stackIndex":1,"#,
            r#""values":["-1","2"],"timestampsUnixNano":["3"]}],"profileId":"5b8efff798038103d269b633813fc60c"}]}]}],"#,
            r#""dictionary":{"stringTable":["","cpu"],"stackTable":[{"locationIndices":[0,1]}]}}"#,
        ),
    );
}

#[test]
fn four_messages_are_always_there_and_zeros_never() {
    check(
        Signal::Traces,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":0,"name":"","traceId":"","flags":0,"links":[]}]}]}]}"#,
        r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"status":{}}]}]}]}"#,
    );
    check(
        Signal::Logs,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"0"}]}]}]}"#,
        r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{}}]}]}]}"#,
    );
    check(Signal::Metrics, "{}", "{}");
}

#[test]
fn duplicates_and_their_order_are_kept() {
    check_same(
        Signal::Logs,
        concat!(
            r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"b","value":{}},{"key":"a","value":{"intValue":"1"}},"#,
            r#"{"key":"b","value":{"stringValue":""}}]}}]}"#,
        ),
    );
}

/// Protobuf's fields may come in any order and several times.
#[test]
fn fields_in_any_order_make_one_object() {
    // resource_spans { schema_url "a"; resource { 2: 5 }; scope_spans {}; resource { 2: 7 }; scope_spans { 3 "b" } }
    let body = [0x0a, 18, 0x1a, 1, b'a', 0x0a, 2, 0x10, 5, 0x12, 0, 0x0a, 2, 0x10, 7, 0x12, 3, 0x1a, 1, b'b'];
    let payload = Payload::parse(Signal::Traces, body.to_vec().into()).unwrap();
    let expected = concat!(
        r#"{"resourceSpans":[{"resource":{"droppedAttributesCount":7},"#,
        r#""scopeSpans":[{"scope":{}},{"scope":{},"schemaUrl":"b"}],"schemaUrl":"a"}]}"#,
    );
    assert_eq!(std::str::from_utf8(&payload.to_json()).unwrap(), expected);
}

#[test]
fn unknown_fields_are_left_out() {
    let payload = Payload::parse(Signal::Traces, (&[0x0a, 3, 0xa0, 0x06, 1, 0x7a, 1, 9][..]).into()).unwrap();
    assert!(!payload.is_vacant());
    assert_eq!(payload.to_json(), r#"{"resourceSpans":[{"resource":{}}]}"#);
}
