//! What goes to JSON and back means the same to prost.

use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use proptest::prelude::*;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use prost_types::field_descriptor_proto::Type;
use serde::de::IgnoredAny;

use crate::descriptors::{self, field, fields, is_message};
use crate::dice::Dice;
use crate::reference::decode;
use crate::requests::{Style, request};

/// Sends `bytes` to JSON and back, where they are a request.
#[track_caller]
fn check(signal: Signal, bytes: Vec<u8>) {
    let Ok(payload) = Payload::parse(signal, bytes.into()) else { return };
    let json = payload.to_json();
    let shown = || String::from_utf8_lossy(&json).into_owned();
    assert!(serde_json::from_slice::<IgnoredAny>(&json).is_ok(), "{}", shown());
    let back = Payload::from_json(signal, &json).unwrap_or_else(|error| panic!("{error}\n{}", shown()));
    assert_eq!((back.items(), back.repaired()), (payload.items(), 0), "{}", shown());
    let expected = canonical(descriptors::request(signal), &payload.to_bytes());
    let expected = decode(signal, &expected).expect("a canonical request is a request");
    assert_eq!(decode(signal, &back.to_bytes()), Some(expected), "{}", shown());
    assert_eq!(back.to_json(), json, "written twice it is the same");
}

/// What JSON keeps of a message: there is but one NaN, and four messages are always there.
fn canonical(name: &str, mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for always in fields(name).iter().filter(|row| is_always_there(name, row.name())) {
        encode_key(always.number() as u32, WireType::LengthDelimited, &mut out);
        out.push(0);
    }
    while !bytes.is_empty() {
        let whole = bytes;
        let (number, wire) = decode_key(&mut bytes).unwrap();
        let Some(row) = field(name, number) else {
            skip_field(wire, number, &mut bytes, prost::encoding::DecodeContext::default()).unwrap();
            continue;
        };
        let is_double = row.r#type() == Type::Double;
        match wire {
            WireType::LengthDelimited => {
                let len = decode_varint(&mut bytes).unwrap() as usize;
                let content = match &bytes[..len] {
                    content if is_message(row) => canonical(row.type_name(), content),
                    content if is_double => content.chunks(8).flat_map(one_nan).collect(),
                    content => content.to_vec(),
                };
                bytes = &bytes[len..];
                encode_key(number, wire, &mut out);
                encode_varint(content.len() as u64, &mut out);
                out.extend(content);
            }
            WireType::SixtyFourBit if is_double => {
                encode_key(number, wire, &mut out);
                out.extend(one_nan(&bytes[..8]));
                bytes = &bytes[8..];
            }
            _ => {
                skip_field(wire, number, &mut bytes, prost::encoding::DecodeContext::default()).unwrap();
                out.extend(&whole[..whole.len() - bytes.len()]);
            }
        }
    }
    out
}

fn one_nan(bytes: &[u8]) -> [u8; 8] {
    let value = f64::from_le_bytes(bytes.try_into().unwrap());
    if value.is_nan() { f64::NAN.to_le_bytes() } else { value.to_le_bytes() }
}

fn is_always_there(message: &str, field: &str) -> bool {
    let message = message.rsplit('.').next().unwrap();
    match field {
        "resource" => message.starts_with("Resource"),
        "scope" => message.starts_with("Scope"),
        "status" => message == "Span",
        "body" => message == "LogRecord",
        _ => false,
    }
}

fn signals() -> impl Strategy<Value = Signal> {
    proptest::sample::select(&Signal::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn plain_requests_come_back(signal in signals(), seed: u64, size in 0..400_usize) {
        check(signal, request(&mut Dice::new(seed), signal, Style::Plain, size));
    }

    #[test]
    fn odd_requests_come_back(signal in signals(), seed: u64, size in 0..400_usize) {
        check(signal, request(&mut Dice::new(seed), signal, Style::Odd, size));
    }
}
