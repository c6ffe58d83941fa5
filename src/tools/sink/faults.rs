//! What a sink does to requests instead of taking them: which faults there are, and which of them meets whom.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};
use tonic::Code;

use super::dice::{Dice, Latency};
use super::words::{self, Said};
use crate::config::hint;
use crate::units::ByteCount;

/// What a sink is asked to do wrong. Empty texts ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `unavailable=5%,resource_exhausted=1%:retry_after=2s,hang=1%`
    pub fail: String,
    /// `20ms`, `uniform:10ms-50ms`, `normal:20ms,5ms`, `exponential:20ms`, `pareto:10ms,1.5`
    pub latency: String,
    /// The largest request that is taken, on the wire and again after decompression: `4MiB`.
    pub max_request_bytes: String,
    /// Where chance begins: the same seed deals the same faults to the same order of requests.
    pub seed: u64,
}

/// Something that was asked for and cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAsk {
    /// Which of the things: `fail`.
    pub key: &'static str,
    /// What is wrong with it, where, and how to write it.
    pub why: String,
}

/// The faults of a sink, ready to meet requests.
#[derive(Debug)]
pub(super) struct Faults {
    asked: Asked,
    said: Said,
    latency: Option<Latency>,
    /// The largest request that is taken.
    pub(super) limit: Option<ByteCount>,
    /// How many requests have met them.
    turn: AtomicU64,
}

/// A fault, and with which numbers of the dice it meets a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chance {
    pub(super) name: String,
    /// Those below this, and not below that of the one in front.
    pub(super) up_to: f64,
    pub(super) fault: Fault,
}

/// What may become of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// It is refused.
    Refuse(Refusal),
    /// It is read and never answered.
    Hang,
    /// It is read, and its connection is reset.
    Reset,
    /// It is read and reset: HTTP/2 alone can do so, HTTP/1.1 ends the connection.
    ResetRequest,
    /// It is taken, and the connection is reset instead of saying so: a sender that tries again makes duplicates.
    LostAnswer,
    /// It is taken but for so many of its items, the last ones.
    PartialSuccess { rejected: u64 },
}

/// How a request is refused, in the words of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What a gRPC client is told.
    pub(super) code: Code,
    /// What an HTTP client is told; none: what the OTLP receivers make of the code.
    pub(super) http: Option<StatusCode>,
    /// RetryInfo, and Retry-After in whole seconds.
    pub(super) retry_after: Option<Duration>,
}

/// Bodies that are read slowly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slow {
    pub(super) name: String,
    pub(super) share: f64,
    /// In a second.
    pub(super) rate: ByteCount,
}

/// What meets one request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Fate {
    /// How long its answer waits; before anything of it is taken.
    pub(super) latency: Duration,
    /// How many bytes of it are read in a second; none: as they come.
    pub(super) rate: Option<ByteCount>,
    /// Which of the chances.
    chance: Option<usize>,
}

impl Faults {
    /// Those that are `asked` for.
    pub(super) fn of(asked: &Asked) -> Result<Faults, BadAsk> {
        let bad = |key| move |why| BadAsk { key, why };
        let limit = match asked.max_request_bytes.trim() {
            "" => None,
            text => Some(words::size(text).map_err(bad("max_request_bytes"))?),
        };
        Ok(Faults {
            said: words::faults(&asked.fail).map_err(bad("fail"))?,
            latency: words::latency(&asked.latency).map_err(bad("latency"))?,
            limit,
            asked: asked.clone(),
            turn: AtomicU64::new(0),
        })
    }

    /// What was asked for.
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What meets the next request.
    pub(super) fn next(&self) -> Fate {
        let Said { chances, slow } = &self.said;
        if chances.is_empty() && slow.is_none() && self.latency.is_none() {
            return Fate::default();
        }
        let mut dice = Dice::of(self.asked.seed, self.turn.fetch_add(1, Ordering::Relaxed));
        let (number, slowness) = (dice.share(), dice.share());
        Fate {
            latency: self.latency.map_or(Duration::ZERO, |latency| latency.draw(&mut dice)),
            rate: slow.as_ref().filter(|slow| slowness < slow.share).map(|slow| slow.rate),
            chance: chances.iter().position(|chance| number < chance.up_to),
        }
    }

    /// The fault of a `fate`, and its name.
    pub(super) fn fault(&self, fate: &Fate) -> Option<(&str, Fault)> {
        let chance = self.said.chances.get(fate.chance?)?;
        Some((&chance.name, chance.fault))
    }
}

impl Asked {
    /// It as JSON: an object with a text for each key, and the seed.
    pub(super) fn to_json(&self) -> Value {
        let Asked { fail, latency, max_request_bytes, seed } = self;
        json!({"fail": fail, "latency": latency, "max_request_bytes": max_request_bytes, "seed": seed})
    }

    /// It with what the JSON `text` says instead; what that leaves out stays.
    pub(super) fn changed_by(&self, text: &[u8]) -> Result<Asked, BadAsk> {
        let bad = |key, why: String| BadAsk { key, why };
        let object: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            bad("body", format!("no JSON object ({error}); write {{\"fail\": \"unavailable=5%\"}}"))
        })?;
        let mut asked = self.clone();
        for (key, value) in object {
            let place = match key.as_str() {
                "fail" => &mut asked.fail,
                "latency" => &mut asked.latency,
                "max_request_bytes" => &mut asked.max_request_bytes,
                "seed" => {
                    asked.seed = value.as_u64().ok_or_else(|| bad("seed", format!("{value} is no whole number")))?;
                    continue;
                }
                key => return Err(bad("body", format!("there is no key {key:?}; {}", hint(key, &KEYS)))),
            };
            *place = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Null => String::new(),
                other => return Err(bad("body", format!("{key} is {other}, and takes a text"))),
            };
        }
        Ok(asked)
    }
}

const KEYS: [&str; 4] = ["fail", "latency", "max_request_bytes", "seed"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(fail: &str, seed: u64) -> Asked {
        Asked { fail: fail.to_owned(), seed, ..Asked::default() }
    }

    #[test]
    fn faults_meet_their_share_of_requests_and_the_same_ones_again() {
        let names = |seed| {
            let faults = Faults::of(&asked("unavailable=10%,hang=5%", seed)).unwrap();
            let name = |fate: Fate| faults.fault(&fate).map_or("", |(name, _)| if name == "hang" { "h" } else { "u" });
            (0..10_000).map(|_| name(faults.next())).collect::<Vec<_>>()
        };
        let met = names(1);
        let count = |name| met.iter().filter(|met| **met == name).count();
        assert!((850..1150).contains(&count("u")) && (400..600).contains(&count("h")), "{} {}", count("u"), count("h"));
        assert_eq!(met, names(1));
        assert_ne!(met, names(2));
    }

    #[test]
    fn a_body_changes_what_it_names_and_nothing_else() {
        let before = Asked { latency: "20ms".to_owned(), ..asked("hang=1%", 7) };
        let after = before.changed_by(br#"{"fail": null, "max_request_bytes": 1024}"#).unwrap();
        assert_eq!(after, Asked { max_request_bytes: "1024".to_owned(), fail: String::new(), ..before.clone() });
        for (text, words) in
            [("[]", "JSON object"), (r#"{"fial": ""}"#, "did you mean \"fail\""), (r#"{"seed": "x"}"#, "whole number")]
        {
            let why = before.changed_by(text.as_bytes()).unwrap_err().why;
            assert!(why.contains(words), "{why}");
        }
    }
}
