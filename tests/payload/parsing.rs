//! Parsing accepts what prost accepts, and counts what prost counts.

use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use proptest::prelude::*;

use crate::dice::Dice;
use crate::reference::{decode, judge};
use crate::requests::{Style, request};

/// Holds a payload's judgement of `bytes` against that of the reference; true when they were accepted.
#[track_caller]
fn check(signal: Signal, bytes: Vec<u8>) -> bool {
    let expected = judge(signal, &bytes);
    let parsed = Payload::parse(signal, bytes.clone().into());
    let (expected, payload) = match (expected, parsed) {
        (None, Err(malformed)) => {
            assert!(malformed.offset() <= bytes.len());
            return false;
        }
        (Some(expected), Ok(payload)) => (expected, payload),
        (Some(_), Err(malformed)) => panic!("refused, but prost decodes it: {malformed}\n{signal} {bytes:02x?}"),
        (None, Ok(_)) => panic!("accepted, but prost refuses it or an id is wrong\n{signal} {bytes:02x?}"),
    };
    assert_eq!(payload.items().0, expected.decoded.items, "{signal} {bytes:02x?}");
    assert_eq!(payload.repaired(), expected.repaired);
    let passed_on = payload.to_bytes();
    assert_eq!(decode(signal, &passed_on), Some(expected.decoded));
    assert_eq!(payload.len().0, passed_on.len() as u64);
    if payload.repaired() == 0 {
        assert_eq!(passed_on, bytes);
    } else {
        let again = Payload::parse(signal, passed_on).expect("a repaired request is well-formed");
        assert_eq!((again.items(), again.repaired()), (payload.items(), 0));
    }
    true
}

/// Changes a few bytes of `bytes`.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(bytes.len());
        let end = (at + 1 + dice.below(12)).min(bytes.len());
        match dice.below(8) {
            _ if bytes.is_empty() => bytes.push(dice.next() as u8),
            0..=3 => bytes[at] ^= 1 << dice.below(8),
            4 => bytes[at] = dice.next() as u8,
            5 => drop(bytes.drain(at..end)),
            6 => {
                let inserted = bytes[at..end].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, inserted);
            }
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

fn signals() -> impl Strategy<Value = Signal> {
    proptest::sample::select(&Signal::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn plain_requests_are_accepted(signal in signals(), seed: u64, size in 0..400_usize) {
        let bytes = request(&mut Dice::new(seed), signal, Style::Plain, size);
        let encoded_by_prost = decode(signal, &bytes).expect("plain requests are well-formed").bytes;
        prop_assert!(check(signal, bytes));
        prop_assert!(check(signal, encoded_by_prost));
    }

    #[test]
    fn odd_requests_are_judged_as_prost_does(signal in signals(), seed: u64, size in 0..400_usize) {
        check(signal, request(&mut Dice::new(seed), signal, Style::Odd, size));
    }

    #[test]
    fn mutated_requests_are_judged_as_prost_does(signal in signals(), seed: u64, size in 0..60_usize) {
        let mut dice = Dice::new(seed);
        let style = if dice.one_in(3) { Style::Odd } else { Style::Plain };
        let bytes = request(&mut dice, signal, style, size);
        for _ in 0..40 {
            let mut mutated = bytes.clone();
            mutate(&mut dice, &mut mutated);
            check(signal, mutated);
        }
    }
}

#[test]
fn every_truncation_is_judged_as_prost_does() {
    for (signal, seed) in Signal::ALL.into_iter().zip(1..) {
        let bytes = request(&mut Dice::new(seed), signal, Style::Plain, 120);
        for length in 0..bytes.len().min(4000) {
            check(signal, bytes[..length].to_vec());
        }
    }
}

#[test]
fn every_flipped_bit_is_judged_as_prost_does() {
    for (signal, seed) in Signal::ALL.into_iter().zip(11..) {
        let bytes = request(&mut Dice::new(seed), signal, Style::Plain, 40);
        for bit in 0..(8 * bytes.len()).min(8000) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(signal, flipped);
        }
    }
}

#[test]
fn random_bytes_are_judged_as_prost_does() {
    let mut dice = Dice::new(5);
    for index in 0..4000 {
        let len = dice.below(24);
        check(Signal::ALL[index % 4], dice.bytes(len));
    }
}

/// Lists in lists around `inner`, `levels` messages deep, as the value of a resource attribute.
fn nested(levels: usize, inner: &[u8]) -> Vec<u8> {
    let wrap = |key: u8, content: Vec<u8>| {
        let mut out = vec![key];
        prost::encoding::encode_varint(content.len() as u64, &mut out);
        out.extend(content);
        out
    };
    let mut value = inner.to_vec();
    for level in 1..levels {
        value = wrap(if (levels - level) % 2 == 1 { 0x2a } else { 0x0a }, value);
    }
    // resource_spans { resource { attributes { value: ... } } }
    wrap(0x0a, wrap(0x0a, wrap(0x0a, wrap(0x12, value))))
}

#[test]
fn messages_nest_as_deeply_as_prost_reads_them() {
    let accepted = |levels, inner: &[u8]| check(Signal::Traces, nested(levels, inner));
    assert!(accepted(97, &[]));
    assert!(!accepted(98, &[]));
    // The deepest message may not hold an unknown field: prost's limit is also one of fields that it skips.
    assert!(accepted(96, &[0xa0, 0x06, 1]));
    assert!(!accepted(97, &[0xa0, 0x06, 1]));
    assert!(accepted(95, &[0xa3, 0x06, 0x08, 1, 0xa4, 0x06]));
    assert!(!accepted(96, &[0xa3, 0x06, 0x08, 1, 0xa4, 0x06]));
}

#[test]
fn a_plain_attribute_is_no_exception_from_the_depth() {
    // key: "k", value: { string_value: "v" }, or true, or 1
    for attribute in [&b"\x0a\x01k\x12\x03\x0a\x01v"[..], b"\x0a\x01k\x12\x02\x10\x01", b"\x0a\x01k\x12\x02\x18\x01"] {
        for levels in 80..104 {
            // In as many lists as there are levels: values { kvlist_value { values: attribute } }
            let len = attribute.len() as u8;
            let list = [&[0x0a, len + 4, 0x32, len + 2, 0x0a, len], attribute].concat();
            check(Signal::Traces, nested(levels, &list));
        }
    }
}

#[test]
fn of_several_kinds_of_data_in_a_metric_the_last_counts() {
    // sum { point }, gauge { point, point }: the gauge. Then a gauge again: merged.
    let sum: &[u8] = &[0x3a, 2, 0x0a, 0];
    let gauge: &[u8] = &[0x2a, 4, 0x0a, 0, 0x0a, 0];
    for (data, items) in [(vec![sum], 1), (vec![gauge, sum], 1), (vec![sum, gauge], 2), (vec![sum, gauge, gauge], 4)] {
        let metric = data.concat();
        let len = metric.len() as u8;
        let bytes = [&[0x0a, len + 4, 0x12, len + 2, 0x12, len], &metric[..]].concat();
        let payload = Payload::parse(Signal::Metrics, bytes.clone().into()).expect("well-formed");
        assert_eq!(payload.items().0, items);
        assert!(check(Signal::Metrics, bytes));
    }
}

#[test]
fn a_request_without_items_and_unknown_fields_is_vacant() {
    let vacant = |bytes: &'static [u8]| Payload::parse(Signal::Logs, bytes.into()).expect("well-formed").is_vacant();
    assert!(vacant(&[]));
    assert!(vacant(&[0x0a, 2, 0x12, 0]));
    assert!(!vacant(&[0x0a, 4, 0x12, 2, 0x12, 0]));
    assert!(!vacant(&[0x0a, 3, 0xa0, 0x06, 1]));
}
