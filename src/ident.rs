//! How components and pipelines are called: `type[/name]`, by the Collector's rules.

use std::fmt;
use std::sync::Arc;

use crate::signal::Signal;

/// The identifier of a component: `otlp_grpc/eu`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    kind: Arc<str>,
    name: Arc<str>,
}

/// The identifier of a pipeline: `traces/eu`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    /// What the pipeline carries.
    pub signal: Signal,
    name: Arc<str>,
}

/// Why a text is no identifier. The messages are the Collector's (`component.ID.UnmarshalText`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing but blanks.
    #[error("id must not be empty")]
    Empty,
    /// `otlp/`
    #[error("in \"{0}\" id: the part after / should not be empty")]
    NoName(String),
    /// `/eu`
    #[error("in \"{0}\" id: the part before / should not be empty")]
    NoType(String),
    /// A type that is not `[a-zA-Z][0-9a-zA-Z_]{0,62}`.
    #[error("invalid character(s) in type \"{0}\"")]
    TypeCharacters(String),
    /// A name with blanks, control characters or symbols.
    #[error("invalid character(s) in name \"{0}\"")]
    NameCharacters(String),
    /// A name of more than 1024 characters.
    #[error("name \"{0}\" is longer than 1024 characters ({1} characters)")]
    NameLength(String, usize),
    /// A pipeline of a signal that does not exist.
    #[error("unknown signal \"{0}\"; a pipeline carries traces, metrics, logs or profiles")]
    UnknownSignal(String),
}

impl ComponentId {
    /// Reads `type[/name]`; blanks around both parts are dropped.
    pub fn parse(text: &str) -> Result<ComponentId, BadId> {
        let (kind, name) = split(text)?;
        Ok(ComponentId { kind: kind.into(), name: name.into() })
    }

    /// The component's type: `otlp_grpc` of `otlp_grpc/eu`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The part behind the slash, or nothing.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PipelineId {
    /// Reads `signal[/name]`.
    pub fn parse(text: &str) -> Result<PipelineId, BadId> {
        let (kind, name) = split(text)?;
        let signal = Signal::from_name(kind).ok_or_else(|| BadId::UnknownSignal(kind.to_owned()))?;
        Ok(PipelineId { signal, name: name.into() })
    }

    /// The pipeline of a signal that has no name of its own.
    pub fn unnamed(signal: Signal) -> PipelineId {
        PipelineId { signal, name: "".into() }
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, &self.kind, &self.name)
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.signal.name(), &self.name)
    }
}

fn write_id(f: &mut fmt::Formatter<'_>, kind: &str, name: &str) -> fmt::Result {
    f.write_str(kind)?;
    if name.is_empty() { Ok(()) } else { write!(f, "/{name}") }
}

fn split(text: &str) -> Result<(&str, &str), BadId> {
    if text.trim().is_empty() {
        return Err(BadId::Empty);
    }
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind.trim(), Some(name.trim())),
        None => (text.trim(), None),
    };
    if kind.is_empty() {
        return Err(BadId::NoType(text.to_owned()));
    }
    if name == Some("") {
        return Err(BadId::NoName(text.to_owned()));
    }
    check_type(kind)?;
    let name = name.unwrap_or_default();
    check_name(name)?;
    Ok((kind, name))
}

fn check_type(kind: &str) -> Result<(), BadId> {
    let starts_well = kind.starts_with(|c: char| c.is_ascii_alphabetic());
    let all_well = kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if starts_well && all_well && kind.len() <= 63 { Ok(()) } else { Err(BadId::TypeCharacters(kind.to_owned())) }
}

fn check_name(name: &str) -> Result<(), BadId> {
    let length = name.chars().count();
    if MAX_NAME < length {
        return Err(BadId::NameLength(name.to_owned(), length));
    }
    // The Collector refuses Unicode symbols (category S); the ASCII ones are those that occur.
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "$+<=>^`|~".contains(c);
    if name.contains(forbidden) { Err(BadId::NameCharacters(name.to_owned())) } else { Ok(()) }
}

const MAX_NAME: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str), BadId>) {
        let parsed = ComponentId::parse(text);
        let parts = parsed.as_ref().map(|id| (id.kind(), id.name())).map_err(Clone::clone);
        assert_eq!(parts, expected, "{text:?}");
    }

    #[test]
    fn ids_follow_the_collectors_rules() {
        check("otlp", Ok(("otlp", "")));
        check(" otlp / eu-1 ", Ok(("otlp", "eu-1")));
        check("otlp/a/b", Ok(("otlp", "a/b")));
        check("", Err(BadId::Empty));
        check("otlp/", Err(BadId::NoName("otlp/".into())));
        check("/eu", Err(BadId::NoType("/eu".into())));
        check("1otlp", Err(BadId::TypeCharacters("1otlp".into())));
        check("ot-lp", Err(BadId::TypeCharacters("ot-lp".into())));
        check("otlp/a b", Err(BadId::NameCharacters("a b".into())));
    }

    #[test]
    fn pipelines_name_a_signal() {
        assert_eq!(PipelineId::parse("traces/eu").map(|id| id.to_string()), Ok("traces/eu".to_owned()));
        assert_eq!(PipelineId::parse("trace"), Err(BadId::UnknownSignal("trace".into())));
    }
}
