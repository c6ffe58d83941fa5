//! Joining and cutting keep every item, header and unknown field.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otlp_relay::payload::{Budget, Encoded, Encoding, Limit, MergeRule, Payload, Sizer};
use otlp_relay::signal::Signal;
use otlp_relay::units::ByteCount;
use proptest::prelude::*;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::dice::Dice;
use crate::reference::{Leaves, decode, leaves};
use crate::requests::{Style, request};

const CUTTABLE: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

/// A well-formed request; odd ones that are not are replaced by a plain one.
fn payload(seed: u64, signal: Signal, size: usize) -> Payload {
    let mut dice = Dice::new(seed);
    let odd = request(&mut dice, signal, Style::Odd, size);
    let parsed = if dice.one_in(2) { Payload::parse(signal, odd.into()).ok() } else { None };
    parsed.unwrap_or_else(|| {
        let plain = request(&mut dice, signal, Style::Plain, size);
        Payload::parse(signal, plain.into()).expect("plain requests are well-formed")
    })
}

fn limit(sizer: Sizer, max: u64) -> Limit {
    Limit { sizer, max }
}

/// Splits until nothing is left.
fn split_all(payload: Payload, limit: Limit) -> Vec<Payload> {
    let mut parts = Vec::new();
    let mut left = Some(payload);
    while let Some(payload) = left {
        let (head, rest) = payload.split(limit);
        parts.push(head);
        left = rest;
    }
    parts
}

/// What all of `parts` have, one after another; each must be well-formed by itself and know itself.
#[track_caller]
fn checked_leaves(parts: &[Payload]) -> Leaves {
    let mut all = Leaves::default();
    for part in parts {
        let bytes = part.to_bytes();
        assert_eq!(part.chunks().concat(), bytes);
        assert_eq!(part.len().0, bytes.len() as u64);
        assert!(part.len() <= part.held());
        let decoded = decode(part.signal(), &bytes).expect("parts are well-formed");
        assert_eq!(decoded.items, part.items().0);
        let Leaves { others, leaves } = leaves(part.signal(), &bytes);
        all.others.extend(others);
        all.leaves.extend(leaves);
    }
    all
}

#[track_caller]
fn check_parts(whole: &Payload, parts: Vec<Payload>, limit: Limit) {
    let expected = checked_leaves(std::slice::from_ref(whole));
    assert_eq!(checked_leaves(&parts), expected);
    for part in &parts {
        assert!(part.size(limit.sizer) <= limit.max || part.items().0 <= 1, "{:?} of {limit:?}", part.len());
    }
    assert!(parts.iter().rev().skip(1).all(|part| 0 < part.items().0));
    let merged = Payload::merge(parts).expect("there are parts");
    assert_eq!(checked_leaves(&[merged]), expected);
}

fn signals() -> impl Strategy<Value = Signal> {
    proptest::sample::select(&CUTTABLE[..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_cut_at_any_item_keeps_everything(signal in signals(), seed: u64, size in 0..150_usize) {
        let whole = payload(seed, signal, size);
        for items in 1..whole.items().0 {
            let limit = limit(Sizer::Items, items);
            let (head, rest) = whole.clone().split(limit);
            prop_assert_eq!(head.items().0, items);
            let rest = rest.expect("there are more items");
            let expected = checked_leaves(std::slice::from_ref(&whole));
            prop_assert_eq!(checked_leaves(&[head.clone(), rest.clone()]), expected);
            prop_assert_eq!(rest.items(), whole.items() - head.items());
        }
    }

    #[test]
    fn parts_have_as_many_items_as_allowed(signal in signals(), seed: u64, size in 0..300_usize, max in 1..9_u64) {
        let whole = payload(seed, signal, size);
        let parts = split_all(whole.clone(), limit(Sizer::Items, max));
        prop_assert!(parts.iter().rev().skip(1).all(|part| part.items().0 == max));
        check_parts(&whole, parts, limit(Sizer::Items, max));
    }

    #[test]
    fn parts_have_no_more_bytes_than_allowed(signal in signals(), seed: u64, size in 0..300_usize, max in 1..3000_u64) {
        let whole = payload(seed, signal, size);
        check_parts(&whole, split_all(whole.clone(), limit(Sizer::Bytes, max)), limit(Sizer::Bytes, max));
    }

    #[test]
    fn what_was_joined_and_cut_can_be_joined_and_cut_again(signal in signals(), seed: u64, count in 2..8_u64) {
        let whole: Vec<Payload> = (0..count).map(|index| payload(seed ^ index, signal, 60)).collect();
        let expected = checked_leaves(&whole);
        let (head, rest) = Payload::merge(whole).expect("there are parts").split(limit(Sizer::Items, 1 + seed % 7));
        let again = Payload::merge(rest.into_iter().chain([head.clone()]).collect()).expect("there are parts");
        let parts = split_all(again.clone(), limit(Sizer::Bytes, 500));
        let mut leaves = checked_leaves(&parts);
        let own = checked_leaves(&[head]).leaves.len();
        leaves.leaves.rotate_right(own);
        prop_assert_eq!(leaves.leaves, expected.leaves);
    }
}

/// A field with a length.
fn wrap(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut out);
    encode_varint(content.len() as u64, &mut out);
    [out, content.to_vec()].concat()
}

/// Resource and scope of some size, and `spans` spans of about 600 bytes.
fn spans(spans: usize) -> Payload {
    let span = wrap(2, &wrap(5, &[b'x'; 600]));
    let scope = [wrap(1, &wrap(1, b"scope")), span.repeat(spans), wrap(3, b"https://scope")].concat();
    let resource = [wrap(1, &[]), wrap(2, &scope), wrap(3, b"https://resource")].concat();
    Payload::parse(Signal::Traces, wrap(1, &resource).into()).expect("well-formed")
}

#[track_caller]
fn check_every_limit(signal: Signal, bytes: Vec<u8>) {
    let whole = Payload::parse(signal, bytes.into()).expect("well-formed");
    for max in 1..whole.len().0 {
        for sizer in [Sizer::Items, Sizer::Bytes] {
            check_parts(&whole, split_all(whole.clone(), limit(sizer, max)), limit(sizer, max));
        }
    }
}

#[test]
fn data_of_a_metric_that_protobuf_merges_is_cut_as_one() {
    // sum { point }, gauge { point, unknown, point }, gauge { point, unknown }: three points, with both unknown fields.
    let data = [
        &[0x3a, 2, 0x0a, 0][..],
        &[0x2a, 9, 0x0a, 2, 0x40, 1, 0x98, 0x06, 1, 0x0a, 0],
        &[0x2a, 5, 0x0a, 0, 0x98, 0x06, 2],
    ];
    let metric = [&[0x0a, 1, b'm'][..], &data.concat()].concat();
    check_every_limit(Signal::Metrics, wrap(1, &wrap(2, &wrap(2, &metric))));
}

#[test]
fn headers_that_are_strewn_among_the_items_are_kept() {
    let unknown = [0x98, 0x06, 7];
    let scope = [wrap(2, b""), unknown.to_vec()].concat().repeat(20);
    let scopes = [unknown.to_vec(), wrap(2, &scope), unknown.to_vec(), wrap(2, b""), wrap(2, &scope)].concat();
    check_every_limit(Signal::Logs, [wrap(1, &scopes), unknown.to_vec(), wrap(1, &scopes)].concat());
}

#[test]
fn parts_do_not_keep_the_whole_alive() {
    let whole = spans(5000);
    let held = whole.held();
    let parts = split_all(whole, limit(Sizer::Items, 512));
    assert_eq!(parts.len(), 10);
    for part in &parts {
        assert!(part.held().0 < part.len().0 + part.len().0 / 2, "{} of {}", part.held(), part.len());
    }
    assert!(parts.iter().map(Payload::held).sum::<ByteCount>().0 < held.0 + held.0 / 4);
}

#[test]
fn the_rest_of_a_cut_shares_what_it_was_cut_from() {
    let (head, rest) = spans(100).split(limit(Sizer::Items, 10));
    let rest = rest.expect("90 spans");
    assert_eq!((head.chunks().len(), rest.chunks().len()), (1, 2));
    assert!(rest.chunks()[0].len() < 100, "prefixes and headers only");
    assert!(100 * 600 < rest.held().0, "all of the request is still there");
}

#[test]
fn small_payloads_are_joined_to_few_chunks() {
    let merged = Payload::merge((0..500).map(|_| spans(1)).collect()).expect("there are parts");
    assert_eq!(merged.items().0, 500);
    assert!(merged.chunks().len() < 10, "{}", merged.chunks().len());
    let joined = Payload::merge(vec![spans(200), spans(200)]).expect("there are parts");
    assert_eq!(joined.chunks().len(), 2);
}

#[test]
fn profiles_are_never_cut() {
    // Three samples.
    let bytes: &[u8] = &[0x0a, 10, 0x12, 8, 0x12, 6, 0x12, 0, 0x12, 0, 0x12, 0];
    let payload = Payload::parse(Signal::Profiles, bytes.into()).expect("well-formed");
    assert_eq!(payload.items().0, 3);
    let (head, rest) = payload.split(limit(Sizer::Items, 1));
    assert_eq!(head.items().0, 3);
    assert!(rest.is_none());
}

#[test]
fn memory_is_accounted_for_until_the_last_part_is_gone() {
    let budget = Budget::new(ByteCount::mib(1));
    let hold = |bytes| budget.reserve(ByteCount(bytes)).expect("there is room");
    let whole = Payload::merge(vec![spans(2).with_hold(hold(5)), spans(2).with_hold(hold(6))]).expect("parts");
    let (head, rest) = whole.split(limit(Sizer::Items, 1));
    drop(head);
    assert_eq!(budget.used(), ByteCount(11));
    drop(rest);
    assert_eq!(budget.used(), ByteCount::ZERO);
}

#[test]
fn parts_keep_the_rule_but_not_the_compressed_body() {
    let rule = Arc::new(MergeRule {
        owner: "traces batch".into(),
        sizer: Sizer::Items,
        min_size: 1,
        max_size: None,
        timeout: Duration::ZERO,
        metadata_keys: Vec::new(),
    });
    let encoded = Encoded { encoding: Encoding::Gzip, body: Bytes::from_static(b"gzip") };
    let whole = spans(3).with_rule(Arc::clone(&rule)).with_encoded(encoded);
    let (unchanged, none) = whole.clone().split(limit(Sizer::Items, 3));
    assert!(none.is_none() && unchanged.encoded().is_some());
    let (head, rest) = whole.split(limit(Sizer::Items, 2));
    for part in [head, rest.expect("one span")] {
        assert!(part.encoded().is_none());
        assert_eq!(part.rule(), Some(&rule));
    }
}
