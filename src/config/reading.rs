//! How one value of the configuration becomes a number, a duration or a word, with the Collector's messages.

use std::cell::RefCell;
use std::time::Duration;

use super::describe::{Kind, Notes, Unread};
use super::duration::{self, GoDuration};
use super::model::Secret;
use super::problem::{Mistake, Problem};
use super::section::Section;
use super::suggest;
use super::yaml::{Node, Typed, Value};

/// What reading has found so far, in no order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    notes: RefCell<Notes>,
}

impl Report {
    /// Keeps a problem.
    pub(crate) fn refuse(&self, problem: Problem) {
        push(&mut self.problems.borrow_mut(), problem);
    }

    /// Keeps a warning.
    pub(crate) fn warn(&self, warning: Problem) {
        push(&mut self.warnings.borrow_mut(), warning);
    }

    /// Whether further problems would not be kept: nobody needs to work them out.
    fn is_full(&self) -> bool {
        self.problems.borrow().len() == MAX_PROBLEMS
    }

    /// The problems and the warnings.
    pub(crate) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// What reading learned of the values.
    pub(crate) fn take_notes(&self) -> Notes {
        self.notes.take()
    }
}

/// Nobody reads more than so many.
fn push(problems: &mut Vec<Problem>, problem: Problem) {
    if problems.len() < MAX_PROBLEMS {
        problems.push(problem);
    }
}

/// A value that is being read, with its path for messages. A reader that answers `None` has reported why.
#[derive(Clone)]
pub(crate) struct Reading<'a> {
    report: &'a Report,
    path: String,
    node: &'a Node,
}

impl<'a> Reading<'a> {
    /// The root of a tree.
    pub(crate) fn root(report: &'a Report, node: &'a Node) -> Reading<'a> {
        Reading { report, path: String::new(), node }
    }

    /// A value inside of this one.
    pub(crate) fn child(&self, key: &str, node: &'a Node) -> Reading<'a> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}::{key}", self.path) };
        Reading { report: self.report, path, node }
    }

    /// The same place of the configuration, read as if `node` stood there.
    pub(crate) fn in_other_words<'b>(&self, node: &'b Node) -> Reading<'b>
    where
        'a: 'b,
    {
        Reading { report: self.report, path: self.path.clone(), node }
    }

    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// In Collector notation.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn is_null(&self) -> bool {
        self.node.is_null()
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Whether a variable of the value is not set.
    pub(crate) fn is_incomplete(&self) -> bool {
        !self.node.provenance.unset.is_empty()
    }

    /// Whether so much is wrong already that nothing more is said.
    pub(crate) fn is_muted(&self) -> bool {
        self.report.is_full()
    }

    /// A problem with this value, not yet reported. It names the variables that the value comes from.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Problem {
        let mut what = what.into();
        let provenance = &self.node.provenance;
        if let Some(unset) = provenance.unset.first() {
            what.push_str(&format!(" (the environment variable {unset} is not set)"));
        } else if !provenance.variables.is_empty() {
            let names = provenance.variables.join(" and ");
            what.push_str(&format!(" (the value comes from the environment variable {names})"));
        } else if !provenance.sources.is_empty() {
            what.push_str(&format!(" (the value comes from {})", provenance.sources.join(" and ")));
        }
        let problem = Problem::new(Some(self.node.place.clone()), self.path.clone(), what);
        if provenance.unset.is_empty() { problem } else { problem.is(Mistake::UnexpandedVariable) }
    }

    /// Reports `problem`, here unless it has a place of its own.
    pub(crate) fn refuse(&self, mut problem: Problem) {
        self.settle(&mut problem);
        self.report.refuse(problem);
    }

    /// Reports a problem of no special kind.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.report.refuse(self.fault(what));
    }

    /// Warns of something.
    pub(crate) fn warn(&self, what: impl Into<String>) {
        self.report.warn(Problem::new(Some(self.node.place.clone()), self.path.clone(), what));
    }

    /// Gives `warning`, here unless it has a place of its own.
    pub(crate) fn warn_of(&self, mut warning: Problem) {
        self.settle(&mut warning);
        self.report.warn(warning);
    }

    fn settle(&self, problem: &mut Problem) {
        if problem.place.is_none() {
            problem.place = Some(self.node.place.clone());
        }
        if problem.path.is_empty() {
            problem.path.clone_from(&self.path);
        }
    }

    /// Reports that the value has the wrong type, without showing it.
    pub(crate) fn wrong_type(&self, expected: &str) {
        self.refuse(self.type_fault(expected));
    }

    fn type_fault(&self, expected: &str) -> Problem {
        let found = match &self.node.value {
            Value::Scalar(scalar) => scalar.typed().name(),
            Value::List(_) => "list",
            Value::Map(_) => "map",
        };
        let key = self.path.rsplit("::").next().unwrap_or_default();
        self.fault(format!("'{key}' expected type '{expected}', got unconvertible type '{found}'"))
    }

    fn typed(&self) -> Option<Typed<'a>> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar.typed()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Remembers what the value is read as.
    fn learn(&self, kind: Kind) {
        self.report.notes.borrow_mut().learned.kinds.insert(self.path.clone(), kind);
    }

    /// Remembers that `keys` may stand in here.
    pub(crate) fn offer(&self, keys: &[&str]) {
        let paths = keys.iter().map(|key| format!("{}::{key}", self.path));
        self.report.notes.borrow_mut().learned.asked.extend(paths);
    }

    /// Remembers what becomes of a `key` in here that is not read.
    pub(crate) fn leave(&self, key: &str, unread: Unread) {
        self.report.notes.borrow_mut().learned.unread.insert(format!("{}::{key}", self.path), unread);
    }

    /// The text as written, whatever type YAML would give it. Null is an empty text.
    pub(crate) fn text(&self) -> Option<String> {
        self.learn(Kind::Text);
        let text = self.spelling();
        match &text {
            None => self.wrong_type("string"),
            Some(text) if !matches!(self.typed(), Some(Typed::Text(typed)) if typed == text) => {
                self.report.notes.borrow_mut().texts.insert(self.path.clone(), text.clone());
            }
            Some(_) => {}
        }
        text
    }

    /// A text that must not be shown to anybody.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.report.notes.borrow_mut().secrets.insert(self.path.clone());
        let text = self.text();
        self.learn(Kind::Secret);
        text.map(Secret::new)
    }

    /// The text as written; nothing for maps and lists.
    fn spelling(&self) -> Option<String> {
        match (&self.node.provenance.original, &self.node.value) {
            (Some(original), _) => Some(original.clone()),
            (None, Value::Scalar(_)) if self.is_null() => Some(String::new()),
            (None, Value::Scalar(scalar)) => Some(scalar.text.clone()),
            _ => None,
        }
    }

    /// `true` or `false` without quotes.
    pub(crate) fn boolean(&self) -> Option<bool> {
        self.learn(Kind::Boolean);
        if let Some(Typed::Bool(value)) = self.typed() {
            return Some(value);
        }
        self.refuse(self.type_fault("bool").hint("write true or false, without quotes"));
        None
    }

    /// The value of `enabled`: true when it is no boolean, which is reported.
    pub(crate) fn switch(&self) -> bool {
        self.learn(Kind::Boolean);
        match self.typed() {
            Some(Typed::Bool(value)) => value,
            Some(Typed::Null) if self.node.provenance.unset.is_empty() => true,
            other => {
                let found = other.map_or("map", |typed| typed.name());
                let what = format!("unexpected type {found} for 'enabled': value expected 'true' or 'false'");
                self.wrong(what);
                true
            }
        }
    }

    /// A whole number from zero.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        self.learn(Kind::Unsigned);
        let number = match self.typed() {
            Some(Typed::Integer(number)) => number,
            Some(Typed::Float(number)) if number.fract() == 0.0 && number.abs() < 1e18 => number as i128,
            _ => {
                self.refuse(self.type_fault("int").hint("write a whole number without unit or quotes"));
                return None;
            }
        };
        match u64::try_from(number) {
            Ok(number) => Some(number),
            Err(_) => {
                self.wrong(format!("{number} is not between 0 and {}", u64::MAX));
                None
            }
        }
    }

    /// A whole number of either sign.
    pub(crate) fn integer(&self) -> Option<i64> {
        self.learn(Kind::Integer);
        match self.typed() {
            Some(Typed::Integer(number)) if i64::try_from(number).is_ok() => i64::try_from(number).ok(),
            _ => {
                self.refuse(self.type_fault("int").hint("write a whole number without unit or quotes"));
                None
            }
        }
    }

    /// A number.
    pub(crate) fn float(&self) -> Option<f64> {
        self.learn(Kind::Float);
        match self.typed() {
            Some(Typed::Integer(number)) => Some(number as f64),
            Some(Typed::Float(number)) if number.is_finite() => Some(number),
            _ => {
                self.refuse(self.type_fault("float64").hint("write a number without unit or quotes"));
                None
            }
        }
    }

    /// A duration in Go's notation; `refusal` is what the Collector says of a negative one.
    pub(crate) fn duration(&self, refusal: &str) -> Option<Duration> {
        self.learn(Kind::Duration);
        let text = match self.typed() {
            Some(Typed::Text(text)) => text,
            Some(Typed::Integer(0)) => return Some(Duration::ZERO),
            Some(Typed::Integer(_) | Typed::Float(_)) => {
                self.wrong("a duration needs a unit; write 5s or 200ms (the Collector would take nanoseconds)");
                return None;
            }
            _ => {
                self.refuse(self.type_fault("time.Duration").hint("write 5s or 200ms"));
                return None;
            }
        };
        match duration::parse(text) {
            Ok(GoDuration::Forward(duration)) => return Some(duration),
            Ok(GoDuration::Negative) => self.wrong(refusal),
            Err(_) if text.chars().all(|c| c.is_ascii_digit() || c == '.') && !text.is_empty() => {
                self.wrong("a duration needs a unit; write 5s or 200ms");
            }
            Err(what) => self.refuse(self.fault(what).hint("units are ns, us, ms, s, m and h: 1h30m, 1.5s")),
        }
        None
    }

    /// One of `levels`, or its number, counted from `first`: the Collector takes either.
    pub(crate) fn level<T: Copy>(&self, levels: &[(&'static str, T)], first: i128) -> Option<T> {
        self.numbered(levels, first).or_else(|| self.choice(levels))
    }

    /// The one of `levels` whose number, counted from `first`, stands here.
    pub(crate) fn numbered<T: Copy>(&self, levels: &[(&'static str, T)], first: i128) -> Option<T> {
        let Some(Typed::Integer(number)) = self.typed() else { return None };
        let at = number.checked_sub(first).and_then(|at| usize::try_from(at).ok())?;
        let (_, level) = levels.get(at)?;
        self.learn_choice(levels);
        Some(*level)
    }

    fn learn_choice<T>(&self, words: &[(&'static str, T)]) {
        self.learn(Kind::Choice(words.iter().map(|(word, _)| *word).filter(|word| !word.is_empty()).collect()));
    }

    /// One of `words`, whatever its case.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text();
        self.learn_choice(words);
        let text = text?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let key = self.path.rsplit("::").next().unwrap_or_default();
            let valid: Vec<&str> = words.iter().map(|(word, _)| *word).filter(|word| !word.is_empty()).collect();
            let what = format!("invalid {key}: {text:?}");
            self.refuse(self.fault(what).hint(suggest::hint(&text, &valid)));
        }
        found.map(|(_, value)| *value)
    }

    /// The map in here; null is an empty map.
    pub(crate) fn section(self) -> Option<Section<'a>> {
        Section::open(self)
    }

    /// The members of a list.
    pub(crate) fn items(&self) -> Vec<Reading<'a>> {
        self.learn(Kind::List);
        match &self.node.value {
            Value::List(items) => {
                items.iter().enumerate().map(|(at, item)| self.child(&at.to_string(), item)).collect()
            }
            _ if self.is_null() => Vec::new(),
            _ => {
                self.wrong_type("list");
                Vec::new()
            }
        }
    }

    /// The members of a list of strings, each with its own place; the Collector splits one string at its commas.
    pub(crate) fn words(&self) -> Vec<(String, Reading<'a>)> {
        if let Value::Scalar(_) = &self.node.value {
            self.learn(Kind::Words);
            let text = self.spelling().unwrap_or_default();
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            return words.map(|word| (word.to_owned(), self.clone())).collect();
        }
        let items = self.items().into_iter();
        self.learn(Kind::Words);
        items.filter_map(|item| item.text().map(|text| (text.trim().to_owned(), item))).collect()
    }

    /// Whether the value asks for nothing: false, 0, empty, or a map that is switched off.
    pub(crate) fn asks_for_nothing(&self) -> bool {
        match (&self.node.value, self.typed()) {
            (Value::List(items), _) => items.is_empty(),
            (Value::Map(entries), _) => {
                entries.iter().any(|entry| {
                    entry.key == "enabled" && self.child("enabled", &entry.value).typed() == Some(Typed::Bool(false))
                }) || entries.iter().all(|entry| self.child(&entry.key, &entry.value).asks_for_nothing())
            }
            (_, Some(Typed::Text(text))) => matches!(text, "" | "0s"),
            (_, Some(Typed::Float(number))) => number == 0.0,
            (_, typed) => matches!(typed, Some(Typed::Null | Typed::Bool(false) | Typed::Integer(0))),
        }
    }

    /// Whether the value, or each member of it, is one of `words`.
    pub(crate) fn is_one_of(&self, words: &[&str]) -> bool {
        match &self.node.value {
            Value::Scalar(_) => self.spelling().is_some_and(|text| words.contains(&text.as_str())),
            Value::List(_) => self.items().iter().all(|item| item.is_one_of(words)),
            Value::Map(_) => false,
        }
    }
}

const MAX_PROBLEMS: usize = 1000;
