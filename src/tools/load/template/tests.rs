//! Tests of templates: whatever is written over, what comes out decodes to the items that were meant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;

use super::*;
use crate::units::Items;

const NOW: u64 = 1_800_000_000_123_456_789;

fn stock(signal: Signal, format: Format, items: u64, attribute_size: usize) -> Stock {
    let style = Style { run: "run-1".to_owned(), seed: 0xfeed, began: NOW - 1_000_000_000, format, attribute_size };
    Stock::new(signal, style, items)
}

/// The request as JSON, which the relay's own reader has found to be valid.
fn read(signal: Signal, format: Format, message: Bytes) -> (Items, Value) {
    let payload = match format {
        Format::Protobuf => Payload::parse(signal, message).unwrap(),
        Format::Json => Payload::from_json(signal, &message).unwrap(),
    };
    (payload.items(), serde_json::from_slice(&payload.to_json()).unwrap())
}

/// All values of `key`, however deep, in order.
fn all<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == key {
                    found.push(value);
                }
                all(value, key, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    all(value, key, &mut found);
    found.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The values of the attributes that are called `name`.
fn attributes<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    let mut lists = Vec::new();
    all(value, "attributes", &mut lists);
    let pairs = lists.into_iter().filter_map(Value::as_array).flatten();
    pairs.filter(|pair| pair["key"] == name).map(|pair| &pair["value"]).collect()
}

#[track_caller]
fn check(signal: Signal, format: Format, message: Bytes, sequences: Range<u64>, ids: &mut BTreeSet<String>) {
    let count = sequences.end - sequences.start;
    let (items, json) = read(signal, format, message);
    assert_eq!(items, Items(count));
    let found: BTreeSet<u64> =
        attributes(&json, SEQUENCE).iter().map(|value| value["intValue"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(found, sequences.collect());
    let runs = attributes(&json, crate::tools::sequence::RUN);
    assert_eq!(runs.iter().map(|run| run["stringValue"].as_str()).collect::<Vec<_>>(), [Some("run-1")]);
    for key in ["traceId", "spanId"] {
        for id in texts(&json, key) {
            assert!(ids.insert(format!("{key} {id}")), "{key} {id} is there twice");
        }
    }
    for time in ["endTimeUnixNano", "timeUnixNano", "observedTimeUnixNano"].iter().flat_map(|key| texts(&json, key)) {
        assert_eq!(time, NOW.to_string());
    }
    for time in texts(&json, "startTimeUnixNano") {
        let time: u64 = time.parse().unwrap();
        assert!((NOW - 1_000_000_000..NOW).contains(&time), "{time}");
    }
}

fn formats() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::Protobuf, Format::Json])
}

fn any_signal() -> impl Strategy<Value = Signal> {
    prop::sample::select(shape::signals().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_request_has_the_items_that_were_meant_whatever_it_was_before(
        signal in any_signal(),
        format in formats(),
        items in 1..12_u64,
        attribute_size in prop::sample::select(vec![0_usize, 1, 200]),
        // Around the numbers at which sequences grow by a byte or a digit.
        start in prop::sample::select(vec![0_u64, 5, 95, 120, 990, 16_370, 2_097_140, 1 << 34, (1 << 62) - 7]),
        steps in 1..12_u64,
        kept in 0..3_usize,
    ) {
        let mut stock = stock(signal, format, items, attribute_size);
        let (mut ids, mut held) = (BTreeSet::new(), Vec::new());
        for step in 0..steps {
            let first = start + step * items;
            // The last request of a run may be smaller.
            let sequences = first..first + if step + 1 == steps { 1 } else { items };
            let filled = stock.fill(sequences.clone(), NOW).unwrap();
            check(signal, format, filled.message.clone(), sequences.clone(), &mut ids);
            held.push((filled, sequences));
            if held.len() > kept {
                stock.give_back(held.remove(0).0);
            }
        }
        // Those that are still under way were not written over.
        for (filled, sequences) in held {
            check(signal, format, filled.message, sequences, &mut BTreeSet::new());
        }
    }

    #[test]
    fn requests_are_to_the_byte_what_an_encoder_makes(
        signal in any_signal(),
        first in 0..3_000_000_u64,
        items in 1..20_u64,
    ) {
        let mut stock = stock(signal, Format::Protobuf, items, 0);
        for round in 0..3 {
            let first = first + round * items;
            let message = stock.fill(first..first + items, NOW).unwrap().message;
            prop_assert_eq!(encoded_again(signal, &message), message);
        }
    }
}

type Coder = fn(&[u8]) -> Vec<u8>;

/// `message`, decoded and encoded by prost.
fn encoded_again(signal: Signal, message: &[u8]) -> Bytes {
    fn again<M: Message + Default>(message: &[u8]) -> Vec<u8> {
        M::decode(message).unwrap().encode_to_vec()
    }
    let coders: [(Signal, Coder); 3] = [
        (Signal::Traces, again::<ExportTraceServiceRequest>),
        (Signal::Metrics, again::<ExportMetricsServiceRequest>),
        (Signal::Logs, again::<ExportLogsServiceRequest>),
    ];
    let (_, again) = coders.into_iter().find(|(known, _)| *known == signal).unwrap();
    again(message).into()
}

#[test]
fn small_requests_are_of_all_kinds_in_turn() {
    let mut stock = stock(Signal::Metrics, Format::Protobuf, 1, 0);
    let mut kinds = BTreeSet::new();
    for sequence in 0..40 {
        let filled = stock.fill(sequence..sequence + 1, NOW).unwrap();
        let (_, json) = read(Signal::Metrics, Format::Protobuf, filled.message.clone());
        for kind in ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] {
            let mut found = Vec::new();
            all(&json, kind, &mut found);
            kinds.extend(found.iter().filter(|value| value.is_object()).map(|_| kind));
        }
        stock.give_back(filled);
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

#[test]
fn spans_have_about_six_hundred_bytes() {
    let message = stock(Signal::Traces, Format::Protobuf, 100, 0).fill(0..100, NOW).unwrap().message;
    assert!((550..650).contains(&(message.len() / 100)), "{}", message.len());
}
