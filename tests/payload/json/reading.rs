//! Every form that the Collector reads means what it means there.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;

use super::{log_record, metric, span, value};

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn string(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

#[test]
fn a_span_as_sdks_write_it_is_read() {
    let read = span(
        r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"",
           "name":"I'm a span","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000",
           "attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}],"droppedAttributesCount":0,
           "status":{"code":1,"message":"fine"},"flags":257"#,
    );
    let expected = Span {
        trace_id: vec![0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c],
        span_id: vec![0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74],
        name: "I'm a span".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_544_712_660_000_000_000,
        end_time_unix_nano: 1_544_712_661_000_000_000,
        attributes: vec![KeyValue {
            key: "my.span.attr".to_owned(),
            value: Some(any(string("some value"))),
            ..KeyValue::default()
        }],
        status: Some(Status { code: 1, message: "fine".to_owned() }),
        flags: 257,
        ..Span::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn ids_are_hexadecimal_of_any_case_or_empty() {
    let lower = span(r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174""#);
    assert_eq!(span(r#""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19b7ec3c1B174""#), lower);
    for unset in [r#""traceId":"","spanId":"""#, r#""traceId":null,"spanId":null"#] {
        assert_eq!(span(unset), Span::default());
    }
}

#[test]
fn names_are_those_of_json_or_of_the_proto_files() {
    let camel = span(r#""droppedAttributesCount":3,"traceState":"a=b","startTimeUnixNano":7"#);
    assert_eq!(span(r#""dropped_attributes_count":3,"trace_state":"a=b","start_time_unix_nano":7"#), camel);
    assert_eq!((camel.dropped_attributes_count, camel.trace_state.as_str(), camel.start_time_unix_nano), (3, "a=b", 7));
    let json = r#"{"resource_spans":[{"scope_spans":[{"spans":[{}]}]}]}"#;
    assert_eq!(Payload::from_json(Signal::Traces, json.as_bytes()).unwrap().items().0, 1);
}

#[test]
fn an_enumeration_is_a_number_or_a_full_name() {
    for (written, read) in [("2", 2), (r#""SPAN_KIND_SERVER""#, 2), ("0", 0), ("99", 99), ("-1", -1), ("3.0", 3)] {
        assert_eq!(span(&format!(r#""kind":{written}"#)).kind, read, "{written}");
    }
    assert_eq!(span(r#""status":{"code":"STATUS_CODE_ERROR"}"#).status.unwrap().code, 2);
    assert_eq!(log_record(r#""severityNumber":"SEVERITY_NUMBER_WARN2""#).severity_number, 14);
    let Some(Data::Sum(sum)) = metric(
        r#""sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","isMonotonic":true,"dataPoints":[{}]}"#,
    )
    .data
    else {
        panic!()
    };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic, sum.data_points.len()), (2, true, 1));
}

#[test]
fn whole_numbers_are_numbers_or_strings() {
    for (written, read) in [
        ("1544712660000000000", 1_544_712_660_000_000_000),
        (r#""1544712660000000000""#, 1_544_712_660_000_000_000),
        (r#""18446744073709551615""#, u64::MAX),
        ("18446744073709551615", u64::MAX),
        ("1e3", 1000),
        ("1.0", 1),
        (r#""1e3""#, 1000),
        ("1.7e18", 1_700_000_000_000_000_000),
        ("0", 0),
        ("-0", 0),
    ] {
        assert_eq!(span(&format!(r#""startTimeUnixNano":{written}"#)).start_time_unix_nano, read, "{written}");
    }
    for written in ["7", r#""7""#, "7.0"] {
        let read = span(&format!(r#""droppedLinksCount":{written},"flags":{written}"#));
        assert_eq!((read.dropped_links_count, read.flags), (7, 7), "{written}");
    }
    for (written, read) in [("-9223372036854775808", i64::MIN), (r#""9223372036854775807""#, i64::MAX), ("-1", -1)] {
        assert_eq!(value(&format!(r#"{{"intValue":{written}}}"#)), Some(Value::IntValue(read)), "{written}");
    }
}

#[test]
fn doubles_are_numbers_or_strings_or_names() {
    for (written, read) in [
        ("0.1", 0.1),
        ("-2.5e-300", -2.5e-300),
        ("7", 7.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        (r#""7.25""#, 7.25),
        (r#""Infinity""#, f64::INFINITY),
        (r#""-Infinity""#, f64::NEG_INFINITY),
        ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
    ] {
        assert_eq!(value(&format!(r#"{{"doubleValue":{written}}}"#)), Some(Value::DoubleValue(read)), "{written}");
    }
    let Some(Value::DoubleValue(nan)) = value(r#"{"doubleValue":"NaN"}"#) else { panic!() };
    assert!(nan.is_nan());
}

#[test]
fn every_kind_of_value_is_read() {
    assert_eq!(value(r#"{"stringValue":""}"#), Some(string("")));
    assert_eq!(value(r#"{"boolValue":false}"#), Some(Value::BoolValue(false)));
    assert_eq!(value(r#"{"bytesValue":"+/8="}"#), Some(Value::BytesValue(vec![0xfb, 0xff])));
    assert_eq!(value(r#"{"bytesValue":"-_8"}"#), Some(Value::BytesValue(vec![0xfb, 0xff])));
    let list = ArrayValue { values: vec![any(Value::IntValue(1)), AnyValue { value: None }] };
    assert_eq!(value(r#"{"arrayValue":{"values":[{"intValue":"1"},{}]}}"#), Some(Value::ArrayValue(list)));
    let entry = KeyValue { key: "a".to_owned(), value: Some(any(Value::BoolValue(true))), ..KeyValue::default() };
    assert_eq!(
        value(r#"{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}"#),
        Some(Value::KvlistValue(KeyValueList { values: vec![entry] }))
    );
    assert_eq!(value("{}"), None);
}

#[test]
fn null_is_what_is_not_set() {
    let expected = span(r#""name":"a""#);
    let nulls =
        r#""name":"a","traceId":null,"traceState":null,"attributes":null,"status":null,"links":null,"events":null"#;
    assert_eq!(span(nulls), expected);
    for body in ["null", r#"{"stringValue":null}"#, r#"{"arrayValue":null}"#, r#"{"bytesValue":null}"#] {
        assert_eq!(value(body), None, "{body}");
    }
    // JavaScript writes a gauge that is NaN so.
    let numbers = r#""kind":null,"startTimeUnixNano":null,"flags":null,"droppedLinksCount":null"#;
    assert_eq!(span(numbers), Span::default());
    for body in [r#"{"intValue":null}"#, r#"{"doubleValue":null}"#, r#"{"boolValue":null}"#] {
        assert_eq!(value(body), None, "{body}");
    }
    assert!(Payload::from_json(Signal::Logs, b"null").unwrap().is_vacant());
    assert!(Payload::from_json(Signal::Logs, br#"{"resourceLogs":null}"#).unwrap().is_vacant());
}

#[test]
fn null_in_a_list_is_an_empty_element() {
    let list = ArrayValue { values: vec![AnyValue { value: None }, any(string("a"))] };
    assert_eq!(value(r#"{"arrayValue":{"values":[null,{"stringValue":"a"}]}}"#), Some(Value::ArrayValue(list)));
    let json = br#"{"resourceSpans":[null,{"scopeSpans":[{"spans":[null,{}]}]}]}"#;
    assert_eq!(Payload::from_json(Signal::Traces, json).unwrap().items().0, 2);
}

#[test]
fn lists_of_numbers_are_read() {
    let Some(Data::Histogram(histogram)) = metric(
        r#""histogram":{"dataPoints":[{"bucketCounts":["1",2,"3"],"explicitBounds":[0.5,"Infinity"],
           "count":"6","sum":0,"min":-1.5}]}"#,
    )
    .data
    else {
        panic!()
    };
    let expected = HistogramDataPoint {
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, f64::INFINITY],
        count: 6,
        sum: Some(0.0),
        min: Some(-1.5),
        ..HistogramDataPoint::default()
    };
    assert_eq!(histogram.data_points, [expected]);
    let Some(Data::ExponentialHistogram(histogram)) = metric(
        r#""exponentialHistogram":{"dataPoints":[{"scale":-3,"positive":{"offset":-2,"bucketCounts":["5"]},"negative":{}}]}"#,
    )
    .data
    else {
        panic!()
    };
    let ExponentialHistogramDataPoint { scale, positive, negative, .. } = &histogram.data_points[0];
    let positive = positive.as_ref().unwrap();
    assert_eq!((*scale, positive.offset, &positive.bucket_counts[..]), (-3, -2, &[5][..]));
    assert!(negative.is_some());
}

#[test]
fn unknown_fields_are_ignored_however_deep() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for odd in ["1e999", "\"\\ud800\"", r#"{"a":[{"b":null}]}"#, "true", &deep] {
        assert_eq!(span(&format!(r#""name":"a","brandNew":{odd},"":1"#)), span(r#""name":"a""#));
    }
    assert_eq!(value(r#"{"mapValue":{"a":1}}"#), None);
}

#[test]
fn of_what_comes_twice_the_last_counts_and_lists_are_joined() {
    assert_eq!(span(r#""name":"a","name":"b""#).name, "b");
    assert_eq!(span(r#""kind":3,"kind":0"#).kind, 0);
    assert_eq!(span(r#""links":[{}],"links":[{},{}]"#).links.len(), 3);
    assert_eq!(value(r#"{"intValue":1,"stringValue":"a"}"#), Some(string("a")));
    let Some(Data::Gauge(gauge)) = metric(r#""gauge":{"dataPoints":[{"asDouble":1,"asInt":"0"}]}"#).data else {
        panic!()
    };
    assert_eq!(gauge.data_points, [NumberDataPoint { value: Some(Point::AsInt(0)), ..NumberDataPoint::default() }]);
}

#[test]
fn what_follows_the_object_is_not_looked_at() {
    for json in ["{}{", "{} trailing", "{}\n\n{}"] {
        assert!(Payload::from_json(Signal::Traces, json.as_bytes()).is_ok(), "{json}");
    }
}

#[test]
fn strings_that_are_no_text_are_repaired() {
    let json =
        |name: &[u8]| [br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":""#, name, br#""}]}]}]}"#].concat();
    let repaired = |name: &[u8]| {
        let payload = Payload::from_json(Signal::Traces, &json(name)).unwrap();
        (payload.repaired(), String::from_utf8_lossy(&payload.to_bytes()).contains('\u{fffd}'))
    };
    assert_eq!(repaired("\\ud83d\\ude00 \u{1f600} \\u0000".as_bytes()), (0, false));
    assert_eq!(repaired(b"\\ud83d alone"), (1, true));
    assert_eq!(repaired(b"a\xffb"), (1, true));
}
