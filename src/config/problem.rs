//! What is wrong with a configuration: where it stands, what is wrong, and the mend.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::failure::Class;

/// A place in a configuration source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, or the name of another source.
    pub source: Arc<str>,
    /// From 1; 0 where the source has no lines: an environment variable.
    pub line: usize,
    /// From 1, in characters; 0 where the source has no lines.
    pub column: usize,
}

/// What kind of mistake a problem is; the code is stable, like those of the failure classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// Anything that has no kind of its own.
    #[default]
    Invalid,
    /// A key that no version of the Collector knows.
    UnknownKey,
    /// Something that the Collector has and this relay does not have yet.
    NotSupportedYet,
    /// An endpoint that is no address.
    InvalidEndpoint,
    /// An endpoint without the port that it needs.
    MissingPort,
    /// An endpoint with a scheme that nothing here speaks.
    UnsupportedScheme,
    /// A base URL that already ends in a signal's path.
    SignalPathDoubled,
    /// A path on an endpoint that has no use for it.
    GrpcPathIgnored,
    /// The usual port of another protocol.
    PortSuspicious,
    /// A variable that is not set where its value is needed, or a reference that was not expanded.
    UnexpandedVariable,
    /// A header that cannot be sent.
    InvalidHeader,
    /// A credential that is empty or a placeholder.
    EmptyCredential,
    /// An exporter that sends to a receiver of this very relay.
    ExportLoop,
    /// Fallbacks or connectors that lead back to where they begin.
    Cycle,
    /// A destination that is an address to listen on.
    WildcardDestination,
    /// A proxy that is no address of one.
    InvalidProxy,
    /// A certificate or key file that cannot be read.
    FileUnreadable,
    /// A certificate or key that is none.
    PemInvalid,
    /// A key that does not belong to its certificate.
    KeyMismatch,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands, if it stands anywhere.
    pub place: Option<Place>,
    /// The path in Collector notation: `exporters::otlp_grpc/eu::tls::ca_file`. Empty for the whole.
    pub path: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What to do, if it is known: `did you mean "endpoint"?`
    pub hint: Option<String>,
    /// What kind of mistake it is, for programs.
    pub mistake: Mistake,
    /// Whether anything is wrong at all.
    pub weight: Weight,
}

/// How much there is to a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Something is wrong, or may well be.
    #[default]
    Fault,
    /// All is as it was meant: there is only something worth knowing, such as a new name of a key.
    Advice,
}

/// Everything that is wrong, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// Where each value of a configuration stands, by its path in Collector notation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Place>);

impl Problems {
    /// All of `found`, sorted by place; nothing when there are none.
    pub fn from_found(mut found: Vec<Problem>) -> Option<Problems> {
        found.sort_by(|a, b| a.place.cmp(&b.place));
        if found.is_empty() { None } else { Some(Problems(found)) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl Places {
    /// Notes that the value of `path` stands at `place`.
    pub fn note(&mut self, path: String, place: Place) {
        self.0.insert(path, place);
    }

    /// Where the value of `path` stands, or the nearest value around it.
    pub fn find(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(place);
            }
            path = path.rsplit_once("::")?.0;
        }
    }

    /// A problem with the value of `path`.
    pub fn problem(&self, path: impl Into<String>, what: impl Into<String>) -> Problem {
        let path = path.into();
        Problem::new(self.find(&path).cloned(), path, what)
    }
}

impl Mistake {
    /// The stable name, in snake case: `config_invalid_endpoint`.
    pub fn code(self) -> &'static str {
        self.class().code()
    }

    /// Its row in the failure table.
    pub fn class(self) -> Class {
        match self {
            Mistake::Invalid => Class::ConfigInvalid,
            Mistake::UnknownKey => Class::ConfigUnknownKey,
            Mistake::NotSupportedYet => Class::ConfigNotSupportedYet,
            Mistake::InvalidEndpoint => Class::ConfigInvalidEndpoint,
            Mistake::MissingPort => Class::ConfigMissingPort,
            Mistake::UnsupportedScheme => Class::ConfigUnsupportedScheme,
            Mistake::SignalPathDoubled => Class::ConfigSignalPathDoubled,
            Mistake::GrpcPathIgnored => Class::ConfigGrpcPathIgnored,
            Mistake::PortSuspicious => Class::ConfigPortSuspicious,
            Mistake::UnexpandedVariable => Class::ConfigUnexpandedVariable,
            Mistake::InvalidHeader => Class::ConfigInvalidHeader,
            Mistake::EmptyCredential => Class::ConfigEmptyCredential,
            Mistake::ExportLoop => Class::ExportLoop,
            Mistake::Cycle => Class::ConfigCycle,
            Mistake::WildcardDestination => Class::ConfigWildcardDestination,
            Mistake::InvalidProxy => Class::ConfigInvalidProxy,
            Mistake::FileUnreadable => Class::ConfigFileUnreadable,
            Mistake::PemInvalid => Class::ConfigPemInvalid,
            Mistake::KeyMismatch => Class::ConfigKeyMismatch,
        }
    }
}

impl Problem {
    /// A problem of no special kind, without a hint.
    pub fn new(place: Option<Place>, path: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem {
            place,
            path: path.into(),
            what: what.into(),
            hint: None,
            mistake: Mistake::Invalid,
            weight: Weight::Fault,
        }
    }

    /// Of this kind.
    #[must_use]
    pub fn is(mut self, mistake: Mistake) -> Problem {
        self.mistake = mistake;
        self
    }

    /// Nothing is wrong: it is only worth knowing.
    #[must_use]
    pub fn advice(mut self) -> Problem {
        self.weight = Weight::Advice;
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            line => write!(f, "{}:{line}:{}", self.source, self.column),
        }
    }
}

impl fmt::Display for Problem {
    /// `relay.yaml:7:5: exporters::otlp_grpc::endpont: unknown key; did you mean "endpoint"?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    /// One to a line, each with the code of its mistake if it has one: `… [config_missing_port]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index != 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
            if problem.mistake != Mistake::Invalid {
                write!(f, " [{}]", problem.mistake.code())?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
