//! Who may send to the relay, and how the relay shows who it is: the Collector's authenticators, without any transport.

mod basic;
mod bearer;
mod credentials;
mod gate;
mod headers;
mod htpasswd;
mod oauth2;
mod watched;

use std::fmt;

use crate::config::Mistake;

pub use credentials::Credentials;
pub use gate::Gate;
pub use oauth2::{Fetch, TokenAnswer};

/// Why an authenticator cannot be built from its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthProblem {
    /// The path of the key, in Collector notation: `extensions::basicauth::htpasswd::file`.
    pub path: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

impl AuthProblem {
    fn of(id: &crate::ident::ComponentId, key: &str, what: impl Into<String>) -> AuthProblem {
        AuthProblem { path: format!("extensions::{id}::{key}"), what: what.into(), mistake: Mistake::Invalid }
    }

    /// The file that `key` names cannot be used.
    fn of_file(id: &crate::ident::ComponentId, key: &str, what: impl Into<String>) -> AuthProblem {
        AuthProblem { mistake: Mistake::FileUnreadable, ..AuthProblem::of(id, key, what) }
    }
}

impl fmt::Display for AuthProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl std::error::Error for AuthProblem {}
