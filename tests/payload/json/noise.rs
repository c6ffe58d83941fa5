//! Whatever is sent as JSON is answered: no panic, no end of memory.

use otlp_relay::payload::{JsonError, Payload};
use otlp_relay::signal::Signal;
use otlp_relay::units::ByteCount;
use proptest::prelude::*;

use crate::dice::Dice;
use crate::requests::{Style, request};

/// Reads `json` as every signal: what is accepted is a request, and little memory was asked for.
fn answer(json: &[u8]) {
    for signal in Signal::ALL {
        let mut granted = ByteCount::ZERO;
        let read = Payload::from_json_within(signal, json, &mut |more| {
            granted += more;
            true
        });
        assert!(granted.0 <= 256 + 8 * json.len() as u64, "{granted} of {} bytes", json.len());
        match read {
            Ok(payload) => assert!(Payload::parse(signal, payload.to_bytes()).is_ok()),
            Err(JsonError::Malformed(error)) => assert!(error.to_string().len() < 4000, "{error}"),
            Err(JsonError::NoRoom) => panic!("all was granted"),
        }
    }
}

/// Changes `json` in ways that keep most of it readable.
fn mutate(dice: &mut Dice, json: &mut Vec<u8>) {
    const PIECES: [&[u8]; 16] = [
        b"null",
        b"{}",
        b"[]",
        b"[",
        b"}",
        b",",
        b"\"",
        b"-1",
        b"1e400",
        b"1.5",
        b"\"NaN\"",
        b"true",
        b"\"\\ud800\"",
        b"\xff",
        b"\"0\"",
        b":",
    ];
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(json.len());
        let end = (at + dice.below(12)).min(json.len());
        match dice.below(4) {
            0 => drop(json.splice(at..end, PIECES[dice.below(PIECES.len())].to_vec())),
            1 => drop(json.drain(at..end)),
            2 => {
                let copied = json[at..end].to_vec();
                let to = dice.below(json.len());
                json.splice(to..to, copied);
            }
            _ if json.is_empty() => json.push(b'{'),
            _ => json[at] = dice.next() as u8,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_are_answered(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        answer(&noise);
    }

    #[test]
    fn any_text_is_answered(noise in "[\\[\\]{}\",:0-9.eE+\\-ntrufals\\\\ ]{0,200}") {
        answer(noise.as_bytes());
    }

    #[test]
    fn mutated_requests_are_answered(seed: u64, size in 0..80_usize) {
        let mut dice = Dice::new(seed);
        let signal = Signal::ALL[dice.below(4)];
        let bytes = request(&mut dice, signal, Style::Plain, size);
        let json = Payload::parse(signal, bytes.into()).unwrap().to_json();
        for _ in 0..20 {
            let mut mutated = json.to_vec();
            mutate(&mut dice, &mut mutated);
            answer(&mutated);
        }
    }
}

#[test]
fn every_truncation_is_answered() {
    let bytes = request(&mut Dice::new(7), Signal::Metrics, Style::Plain, 120);
    let json = Payload::parse(Signal::Metrics, bytes.into()).unwrap().to_json();
    for length in 0..json.len().min(3000) {
        answer(&json[..length]);
    }
}
