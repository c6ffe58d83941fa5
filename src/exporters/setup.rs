//! Why an exporter cannot be built from its configuration.

use std::fmt;

use crate::config::Mistake;

/// Why an exporter cannot be built from its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupProblem {
    /// The key below the exporter, in Collector notation: `tls::ca_file`.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

impl SetupProblem {
    /// A problem of no special kind.
    pub fn new(key: impl Into<String>, what: impl Into<String>) -> SetupProblem {
        SetupProblem { key: key.into(), what: what.into(), mistake: Mistake::Invalid }
    }
}

impl fmt::Display for SetupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for SetupProblem {}
