//! Each malformed form is refused, and the words say where and why.

use otlp_relay::payload::{JsonError, MalformedJson, Payload};
use otlp_relay::signal::Signal;
use otlp_relay::units::ByteCount;

fn refused(signal: Signal, json: &[u8]) -> MalformedJson {
    match Payload::from_json(signal, json) {
        Err(JsonError::Malformed(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A span with these members is refused at `path` below it.
#[track_caller]
fn check_span(members: &str, path: &str, words: &str) {
    let json = format!(r#"{{"resourceSpans":[{{}},{{"scopeSpans":[{{"spans":[{{}},{{}},{{{members}}}]}}]}}]}}"#);
    let error = refused(Signal::Traces, json.as_bytes());
    assert_eq!(error.path(), format!("resourceSpans[1].scopeSpans[0].spans[2]{path}"), "{error}");
    assert!(error.to_string().ends_with(words), "{error}");
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn an_error_names_request_place_and_reason() {
    let json = "{\"resourceSpans\": [\n  {\"scopeSpans\": [{\"spans\": [{\"traceId\": \"abc\"}]}]}]}";
    assert_eq!(
        refused(Signal::Traces, json.as_bytes()).to_string(),
        "not an OTLP/JSON traces request: at line 2 column 46 (resourceSpans[0].scopeSpans[0].spans[0].traceId): \
         an id of 3 characters, where 32 hexadecimal digits or none are allowed"
    );
}

#[test]
fn ids_that_are_none_are_refused() {
    check_span(
        r#""traceId":"abc""#,
        ".traceId",
        "an id of 3 characters, where 32 hexadecimal digits or none are allowed",
    );
    check_span(r#""spanId":"W47/95gDgQPSabYzgT/GDA==""#, ".spanId", "where 16 hexadecimal digits or none are allowed");
    check_span(r#""spanId":"eee19b7ec3c1b17g""#, ".spanId", "an id is written in hexadecimal digits");
    check_span(r#""links":[{"traceId":7}]"#, ".links[0].traceId", "invalid type: integer `7`, expected a string");
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    check_span(r#""name":7"#, ".name", "invalid type: integer `7`, expected a string");
    check_span(r#""name":["a"]"#, ".name", "invalid type: sequence, expected a string");
    check_span(r#""name":{}"#, ".name", "invalid type: map, expected a string");
    check_span(r#""attributes":{"a":1}"#, ".attributes", "invalid type: map, expected a list");
    check_span(r#""attributes":"a""#, ".attributes", "invalid type: string, expected a list");
    check_span(r#""attributes":["a"]"#, ".attributes[0]", "invalid type: string, expected an object");
    check_span(r#""attributes":[[]]"#, ".attributes[0]", "invalid type: sequence, expected an object");
    check_span(r#""status":1"#, ".status", "invalid type: integer `1`, expected an object");
    check_span(r#""kind":true"#, ".kind", "invalid type: boolean `true`, expected a number or its name");
    check_span(r#""droppedLinksCount":[1]"#, ".droppedLinksCount", "invalid type: sequence, expected a whole number");
    let value = ".attributes[1].value.boolValue";
    check_span(r#""attributes":[{},{"value":{"boolValue":1}}]"#, value, "integer `1`, expected true or false");
    check_span(r#""attributes":[{},{"value":{"boolValue":"true"}}]"#, value, "string, expected true or false");
    check_span(&format!(r#""kind":"{}""#, "K".repeat(100_000)), ".kind", "…\"");
    check_span(&format!(r#""status":"{}""#, "K".repeat(100_000)), ".status", "string, expected an object");
}

#[test]
fn null_in_a_list_is_no_number() {
    let point = r#"{"bucketCounts":["1",null]}"#;
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
    );
    let error = refused(Signal::Metrics, json.as_bytes());
    assert!(error.path().ends_with(".histogram.dataPoints[0].bucketCounts[1]"), "{error}");
    assert!(error.to_string().ends_with("invalid type: null, expected a whole number"), "{error}");
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    check_span(r#""flags":4294967296"#, ".flags", "the number is not within 0 to 4294967295");
    check_span(r#""flags":-1"#, ".flags", "the number is not within 0 to 4294967295");
    check_span(r#""flags":1.5"#, ".flags", "1.5 is not a whole number");
    check_span(r#""kind":2147483648"#, ".kind", "the number is not within -2147483648 to 2147483647");
    check_span(r#""endTimeUnixNano":"soon""#, ".endTimeUnixNano", "\"soon\" is not a number");
    check_span(r#""endTimeUnixNano":"""#, ".endTimeUnixNano", "\"\" is not a number");
    check_span(r#""endTimeUnixNano":"1e20""#, ".endTimeUnixNano", "the number is not within 0 to 18446744073709551615");
    check_span(r#""endTimeUnixNano":1e999"#, ".endTimeUnixNano", "number out of range");
    let value = ".attributes[0].value.doubleValue";
    check_span(r#""attributes":[{"value":{"doubleValue":"1e999"}}]"#, value, "too large for a floating-point number");
}

#[test]
fn names_that_an_enumeration_does_not_have_are_refused() {
    check_span(r#""kind":"SERVER""#, ".kind", "SpanKind has no value \"SERVER\"");
    check_span(r#""kind":"2""#, ".kind", "SpanKind has no value \"2\"");
    check_span(r#""status":{"code":"OK"}"#, ".status.code", "StatusCode has no value \"OK\"");
}

#[test]
fn bytes_that_are_no_base64_are_refused() {
    check_span(
        r#""attributes":[{"value":{"bytesValue":"?"}}]"#,
        ".attributes[0].value.bytesValue",
        "the string is not base64",
    );
}

#[test]
fn what_is_no_json_is_refused() {
    #[track_caller]
    fn check(json: &str, words: &str) {
        let error = refused(Signal::Logs, json.as_bytes());
        assert_eq!(error.to_string(), format!("not an OTLP/JSON logs request: {words}"), "{json}");
    }
    check("", "at line 1 column 0: the body is empty");
    check(" \n ", "at line 2 column 1: the body is empty");
    check("[]", "at line 1 column 2: invalid type: sequence, expected an object");
    check("7", "at line 1 column 1: invalid type: integer `7`, expected an object");
    check("\"a\"", "at line 1 column 3: invalid type: string, expected an object");
    check("\u{1}\u{2}", "at line 1 column 1: expected value");
    check("{", "at line 1 column 1: the JSON ends early");
    check(r#"{"resourceLogs":[{"#, "at line 1 column 18 (resourceLogs[0]): the JSON ends early");
    check(r#"{"resourceLogs":[{}"#, "at line 1 column 19 (resourceLogs[1]): the JSON ends early");
    check(r#"{"resourceLogs":[{},]}"#, "at line 1 column 21 (resourceLogs[1]): trailing comma");
    check(r#"{"resourceLogs":nul}"#, "at line 1 column 20 (resourceLogs): expected ident");
    check("{'resourceLogs':[]}", "at line 1 column 2: key must be a string");
}

#[test]
fn messages_nest_as_deeply_as_in_protobuf() {
    let nested = |lists: usize| {
        let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(lists), "]}}".repeat(lists));
        format!(r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"value":{open}{close}}}]}}}}]}}"#)
    };
    // Four messages around, and two for each list.
    let deepest = Payload::from_json(Signal::Logs, nested(48).as_bytes()).unwrap();
    assert_eq!(Payload::from_json(Signal::Logs, &deepest.to_json()).unwrap().to_bytes(), deepest.to_bytes());
    let error = refused(Signal::Logs, nested(50).as_bytes());
    assert!(error.to_string().ends_with("messages are nested more than 100 levels deep"), "{error}");
    refused(Signal::Logs, nested(100_000).as_bytes());
}

#[test]
fn memory_is_asked_for_and_bounded() {
    let zeros = "0,".repeat(50_000);
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{zeros}0]}}]}}}}]}}]}}]}}"#
    );
    let read = |limit: usize| {
        let mut granted = ByteCount::ZERO;
        let mut grant = |more| {
            granted += more;
            granted <= ByteCount::of(limit)
        };
        Payload::from_json_within(Signal::Metrics, json.as_bytes(), &mut grant).map(|payload| payload.items().0)
    };
    assert_eq!(read(8 * json.len()), Ok(1));
    assert_eq!(read(json.len()), Err(JsonError::NoRoom));
}
