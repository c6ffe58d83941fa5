//! How faults, latencies and sizes are written, on the command line and over the admin address, and what is wrong with
//! them.

use std::time::Duration;

use http::StatusCode;
use tonic::Code;

use super::dice::{LONGEST, Latency};
use super::faults::{Chance, Fault, Refusal, Slow};
use crate::config::{hint, parse_duration};
use crate::failure::{code_for_http, code_name};
use crate::units::ByteCount;

/// What a list of faults says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// One of them at most meets a request.
    pub(super) chances: Vec<Chance>,
    /// Bodies that are read slowly, whatever else becomes of the request.
    pub(super) slow: Option<Slow>,
}

/// Reads `unavailable=5%,resource_exhausted=1%:retry_after=2s,slow_read`.
///
/// # Errors
/// Which entry is wrong, in what, and how to write it.
pub(super) fn faults(text: &str) -> Result<Said, String> {
    let mut said = Said::default();
    let mut sum = 0.0;
    for (index, entry) in text.split(',').map(str::trim).enumerate() {
        if entry.is_empty() && text.trim().is_empty() {
            break;
        }
        let (one, share) = fault(entry).map_err(|why| format!("entry {} ({entry:?}): {why}", index + 1))?;
        match one {
            Entry::Slow(rate) => said.slow = Some(Slow { name: entry.to_owned(), share, rate }),
            Entry::Chance(fault) => {
                sum += share;
                said.chances.push(Chance { name: name_of(entry).to_owned(), up_to: sum, fault });
            }
        }
    }
    if 1.0 + 1e-9 < sum {
        return Err(format!(
            "the shares add up to {} %; a request meets one fault at most, so take some off",
            (sum * 1e6).round() / 1e4
        ));
    }
    Ok(said)
}

enum Entry {
    Chance(Fault),
    Slow(ByteCount),
}

fn fault(entry: &str) -> Result<(Entry, f64), String> {
    let (head, options) = entry.split_once(':').unwrap_or((entry, ""));
    let (name, share) = match head.split_once('=') {
        Some((name, share)) => (name.trim(), percent(share.trim())?),
        None => (head.trim(), 1.0),
    };
    let mut options = Options::read(options)?;
    let one = match name {
        "hang" => Entry::Chance(Fault::Hang),
        "reset" => Entry::Chance(Fault::Reset),
        "reset_request" => Entry::Chance(Fault::ResetRequest),
        "lost_answer" => Entry::Chance(Fault::LostAnswer),
        "partial_success" => {
            Entry::Chance(Fault::PartialSuccess { rejected: options.take("rejected", count)?.unwrap_or(1) })
        }
        "slow_read" => Entry::Slow(options.take("rate", size)?.unwrap_or(SLOW)),
        name => {
            let retry_after = options.take("retry_after", parse_duration)?;
            Entry::Chance(Fault::Refuse(refusal(name, retry_after)?))
        }
    };
    options.finish(name)?;
    Ok((one, share))
}

fn refusal(name: &str, retry_after: Option<Duration>) -> Result<Refusal, String> {
    if let Some(number) = name.strip_prefix("http_") {
        let status = number.parse().ok().and_then(|number: u16| StatusCode::from_u16(number).ok());
        let status = status.filter(|status| (400..600).contains(&status.as_u16()));
        let status =
            status.ok_or_else(|| format!("{name} is no HTTP status that refuses; write http_400 to http_599"))?;
        return Ok(Refusal { code: code_for_http(status), http: Some(status), retry_after });
    }
    let code = codes().find(|code| word(*code) == name).ok_or_else(|| {
        let words: Vec<String> = codes().map(word).collect();
        let known: Vec<&str> = words.iter().map(String::as_str).chain(OTHERS).collect();
        format!("there is no fault {name:?}; {}", hint(name, &known))
    })?;
    Ok(Refusal { code, http: None, retry_after })
}

/// Every gRPC code that refuses.
fn codes() -> impl Iterator<Item = Code> {
    (1..=16).map(Code::from_i32)
}

fn word(code: Code) -> String {
    code_name(code).to_ascii_lowercase()
}

fn name_of(entry: &str) -> &str {
    entry.split(['=', ':']).next().unwrap_or_default().trim()
}

/// `:retry_after=2s:rate=16KiB`, of which each may be taken once.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn read(text: &'a str) -> Result<Options<'a>, String> {
        let parts = text.split(':').map(str::trim).filter(|part| !part.is_empty());
        let pair = |part: &'a str| {
            part.split_once('=').ok_or_else(|| format!("the option {part:?} has no value; write {part}=…"))
        };
        Ok(Options(parts.map(pair).collect::<Result<_, _>>()?))
    }

    fn take<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
        let Some(at) = self.0.iter().position(|(known, _)| *known == name) else { return Ok(None) };
        let (_, value) = self.0.remove(at);
        read(value).map(Some).map_err(|why| format!("{name}: {why}"))
    }

    fn finish(self, fault: &str) -> Result<(), String> {
        let Some((name, _)) = self.0.first() else { return Ok(()) };
        let valid: &[&str] = match fault {
            "partial_success" => &["rejected"],
            "slow_read" => &["rate"],
            "hang" | "reset" | "reset_request" | "lost_answer" => &[],
            _ => &["retry_after"],
        };
        Err(format!("{fault} has no option {name:?} left; {}", hint(name, valid)))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let fault = || format!("the share {text:?} is no percentage; write 5% or 0.1%");
    let number: f64 = text.strip_suffix('%').ok_or_else(fault)?.trim().parse().map_err(|_| fault())?;
    if (0.0..=100.0).contains(&number) { Ok(number / 100.0) } else { Err(fault()) }
}

fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of items"))
}

/// Reads `4096`, `16KiB` or `4MiB`: bytes, more than none.
///
/// # Errors
/// That it is none, and how to write one.
pub(super) fn size(text: &str) -> Result<ByteCount, String> {
    let fault = || format!("{text:?} is no size; write 4096, 16KiB or 4MiB");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(fault()),
    };
    let number: u64 = number.parse().map_err(|_| fault())?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes != 0).ok_or_else(fault)?;
    Ok(ByteCount(bytes))
}

/// Reads `20ms`, `uniform:10ms-50ms`, `normal:20ms,5ms`, `exponential:20ms` or `pareto:10ms,1.5`; nothing for nothing.
///
/// # Errors
/// What is wrong, and how to write it.
pub(super) fn latency(text: &str) -> Result<Option<Latency>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let Some((kind, rest)) = text.split_once(':') else { return Ok(Some(Latency::Fixed(time(text)?))) };
    let pair = |by: char, form: &str| {
        rest.split_once(by).ok_or_else(|| format!("{kind} takes two values; write {kind}:{form}"))
    };
    Ok(Some(match kind {
        "uniform" => {
            let (least, most) = pair('-', "10ms-50ms")?;
            let (least, most) = (time(least)?, time(most)?);
            if most < least {
                return Err(format!("{rest:?}: the second time is shorter than the first"));
            }
            Latency::Uniform { least, most }
        }
        "normal" => {
            let (mean, deviation) = pair(',', "20ms,5ms")?;
            Latency::Normal { mean: time(mean)?, deviation: time(deviation)? }
        }
        "exponential" => Latency::Exponential { mean: time(rest)? },
        "pareto" => {
            let (least, shape) = pair(',', "10ms,1.5")?;
            let number = shape.trim().parse().ok().filter(|shape: &f64| shape.is_finite() && 0.0 < *shape);
            let shape = number.ok_or_else(|| format!("the shape {shape:?} is no number above 0"))?;
            Latency::Pareto { least: time(least)?, shape }
        }
        kind => return Err(format!("there is no distribution {kind:?}; {}", hint(kind, &DISTRIBUTIONS))),
    }))
}

fn time(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text.trim()).map_err(|_| format!("{text:?} is no time; write 20ms or 1.5s"))?;
    if length <= LONGEST { Ok(length) } else { Err(format!("{text} is longer than {} s", LONGEST.as_secs())) }
}

const OTHERS: [&str; 6] = ["hang", "reset", "reset_request", "lost_answer", "partial_success", "slow_read"];

const DISTRIBUTIONS: [&str; 4] = ["uniform", "normal", "exponential", "pareto"];

/// Bytes in a second.
const SLOW: ByteCount = ByteCount(16 << 10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_of_faults_is_read_in_its_order() {
        let said =
            faults("unavailable=5%,resource_exhausted=1%:retry_after=2s, http_503=2%,hang=0.5%,slow_read").unwrap();
        let names: Vec<_> = said.chances.iter().map(|chance| chance.name.as_str()).collect();
        assert_eq!(names, ["unavailable", "resource_exhausted", "http_503", "hang"]);
        assert!((said.chances[3].up_to - 0.085).abs() < 1e-9);
        let wait = Some(Duration::from_secs(2));
        let expected = Refusal { code: Code::ResourceExhausted, http: None, retry_after: wait };
        assert_eq!(said.chances[1].fault, Fault::Refuse(expected));
        assert_eq!(said.slow.map(|slow| (slow.share, slow.rate)), Some((1.0, SLOW)));
        assert_eq!(faults(" "), Ok(Said::default()));
    }

    #[track_caller]
    fn check(text: &str, words: &[&str]) {
        let why = faults(text).unwrap_err();
        assert!(words.iter().all(|word| why.contains(word)), "{text}: {why}");
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_its_mend() {
        check("hang=1%,unavailabel=5%", &["entry 2", "unavailabel", "did you mean \"unavailable\""]);
        check("unavailable=5", &["entry 1", "\"5\"", "write 5%"]);
        check("unavailable=101%", &["write 5%"]);
        check("unavailable=60%,hang=50%", &["110 %"]);
        check("http_200=1%", &["http_400"]);
        check("unavailable=1%:retry_after=soon", &["retry_after", "soon"]);
        check("partial_success:reject=5", &["reject", "did you mean \"rejected\""]);
        check("hang:rate=5", &["rate", "nothing is valid"]);
        check("hang,,reset", &["entry 2"]);
        check("slow_read:rate=0", &["write 4096"]);
    }

    #[test]
    fn latencies_are_read() {
        let ms = Duration::from_millis;
        for (text, expected) in [
            ("20ms", Latency::Fixed(ms(20))),
            ("uniform:10ms-50ms", Latency::Uniform { least: ms(10), most: ms(50) }),
            ("normal:20ms,5ms", Latency::Normal { mean: ms(20), deviation: ms(5) }),
            ("exponential:20ms", Latency::Exponential { mean: ms(20) }),
            ("pareto:10ms,1.5", Latency::Pareto { least: ms(10), shape: 1.5 }),
        ] {
            assert_eq!(latency(text), Ok(Some(expected)), "{text}");
        }
        for bad in ["20", "uniform:10ms", "uniform:2s-1s", "gauss:1s", "pareto:1s,0", "pareto:1s,nan", "24h"] {
            assert!(latency(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z_:=%,.0-9é -]{0,40}") {
            let _ = (faults(&text), latency(&text), size(&text));
        }
    }
}
