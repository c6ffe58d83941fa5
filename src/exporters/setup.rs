//! Why an exporter cannot be built from its configuration.

use std::fmt;

/// Why an exporter cannot be built from its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupProblem {
    /// The key below the exporter, in Collector notation: `tls::ca_file`.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
}

impl fmt::Display for SetupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for SetupProblem {}
