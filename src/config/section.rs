//! How one map of the configuration is read: key by key, then every key that nobody asked for is named.

use std::time::Duration;

use super::describe::Unread;
use super::problem::{Mistake, Problem};
use super::reading::Reading;
use super::suggest;
use super::yaml::{Entry, Value};

/// A map that is being read. Keys that are not asked for before [`Section::finish`] are unknown.
pub(crate) struct Section<'a> {
    whole: Reading<'a>,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

/// What becomes of keys that the Collector has and this relay does not read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// Refused, unless the value asks for nothing: null, false, 0, empty, or `enabled: false`.
    NotYet,
    /// Taken where it has one of these values, which is what the relay does anyway; refused otherwise.
    Only(&'static [&'static str]),
    /// Taken with a warning that it changes nothing, and why.
    NoEffect(&'static str),
    /// Taken in silence where it has this value, which is what the relay does anyway; with a warning otherwise.
    Fixed(&'static str, &'static str),
}

impl Rule {
    fn unread(self) -> Unread {
        match self {
            Rule::NotYet => Unread::Refused,
            Rule::Only(words) => Unread::Only(words),
            Rule::NoEffect(why) | Rule::Fixed(_, why) => Unread::NoEffect(why),
        }
    }
}

impl<'a> Section<'a> {
    /// The map `whole`; null is an empty map.
    pub(crate) fn open(whole: Reading<'a>) -> Option<Section<'a>> {
        let entries = match &whole.node().value {
            Value::Map(entries) => entries.as_slice(),
            _ if whole.is_null() => &[],
            _ => {
                whole.wrong_type("map");
                return None;
            }
        };
        Some(Section { whole, entries, known: Vec::new() })
    }

    /// The section as a value: for problems with the whole.
    pub(crate) fn whole(&self) -> &Reading<'a> {
        &self.whole
    }

    /// Every key with its value, where the keys are names of the writer's own.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (&'a Entry, Reading<'a>)> {
        let whole = self.whole;
        self.entries.iter().map(move |entry| (entry, whole.child(&entry.key, &entry.value)))
    }

    /// Whether `key` is written, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Whether nothing is written in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `key`, null included.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<Reading<'a>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.whole.child(key, &entry.value))
    }

    /// The value of `key`, unless it is null: null stands for the default.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Reading<'a>> {
        self.entry(key).filter(|value| !value.is_null())
    }

    /// The value of `key`, unless it is null or an empty text, which the Collector takes for not set.
    pub(crate) fn text_value(&mut self, key: &'static str) -> Option<Reading<'a>> {
        self.value(key).filter(|value| !value.is_one_of(&[""]) || value.is_incomplete())
    }

    /// The map at `key`; null is an empty map. None when the key is not there or is switched off by `enabled: false`.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Section<'a>> {
        let mut section = Section::open(self.entry(key)?)?;
        if section.enabled() { Some(section) } else { None }
    }

    /// The key `enabled`, true unless written.
    pub(crate) fn enabled(&mut self) -> bool {
        self.entry("enabled").is_none_or(|value| value.switch())
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.value(key)?.text()
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.value(key)?.boolean()
    }

    /// A whole number from zero.
    pub(crate) fn unsigned(&mut self, key: &'static str) -> Option<u64> {
        self.value(key)?.unsigned()
    }

    /// A number.
    pub(crate) fn float(&mut self, key: &'static str) -> Option<f64> {
        self.value(key)?.float()
    }

    /// A duration that may not be negative; `refusal` is what the Collector says then.
    pub(crate) fn duration(&mut self, key: &'static str, refusal: &str) -> Option<Duration> {
        self.value(key)?.duration(refusal)
    }

    /// One of `words`.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        self.value(key)?.choice(words)
    }

    /// Keys of the Collector that this relay does not read, each with what becomes of it.
    pub(crate) fn rest(&mut self, rules: &[(&'static str, Rule)]) {
        for (key, rule) in rules {
            self.whole.leave(key, rule.unread());
            let Some(value) = self.value(key) else { continue };
            match rule {
                Rule::Fixed(word, _) if value.is_one_of(&[*word]) => {}
                Rule::NoEffect(why) | Rule::Fixed(_, why) => value.warn(format!("has no effect in otlp-relay: {why}")),
                Rule::NotYet if value.asks_for_nothing() => {}
                Rule::Only(words) if value.asks_for_nothing() || value.is_one_of(words) => {}
                Rule::NotYet | Rule::Only(_) => value.refuse(not_yet_key(key).is(Mistake::NotSupportedYet)),
            }
        }
    }

    /// Names every key that nobody asked for.
    pub(crate) fn finish(self) {
        self.whole.offer(&self.known);
        for entry in self.entries {
            if self.known.contains(&entry.key.as_str()) || self.whole.is_muted() {
                continue;
            }
            let value = self.whole.child(&entry.key, &entry.value);
            let hint = suggest::hint(&entry.key, &self.known);
            let mut problem = value.fault("invalid key").hint(hint).is(Mistake::UnknownKey);
            problem.place = Some(entry.place.clone());
            value.refuse(problem);
        }
    }
}

/// `the Collector's key "auth" is not supported by otlp-relay yet`
fn not_yet_key(key: &str) -> Problem {
    Problem::new(None, "", format!("the Collector's key \"{key}\" is not supported by otlp-relay yet"))
}
