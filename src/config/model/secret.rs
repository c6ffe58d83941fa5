//! Values that are never printed.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::config::percent;

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` out of every output.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// A login as headers have it (RFC 7617): `Basic`, and user name and password in base64.
    pub fn login(username: &str, password: &str) -> Secret {
        Secret(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
    }

    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A query whose values are not shown.
pub fn without_values(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) => format!("{key}=[REDACTED]"),
        None => "[REDACTED]".to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The values in the query of `path`, as they are written and as they are meant.
pub(super) fn in_query(path: &str) -> impl Iterator<Item = Secret> {
    let pairs = path.split_once('?').into_iter().flat_map(|(_, query)| query.split('&'));
    let values = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    values.flat_map(|value| percent::decode(value).into_iter().chain([value.to_owned()]).map(Secret::new))
}
