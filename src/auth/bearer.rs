//! Bearer tokens (RFC 6750), as the Collector's `bearertokenauth` has them.

use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::{Choice, ConstantTimeEq};

use super::AuthProblem;
use super::watched::Watched;
use crate::config::{BearerToken, Secret, Tokens};
use crate::failure::{Class, Failure};
use crate::ident::ComponentId;

/// The tokens of one authenticator.
pub(super) struct Bearer {
    header: HeaderName,
    scheme: String,
    tokens: Source,
}

enum Source {
    Written(Vec<Secret>),
    File(Watched<Vec<Secret>>),
}

impl Bearer {
    pub(super) fn load(id: &ComponentId, config: &BearerToken) -> Result<Bearer, AuthProblem> {
        let BearerToken { header, scheme, tokens } = config;
        let tokens = match tokens {
            Tokens::Written(tokens) => Source::Written(tokens.clone()),
            Tokens::File(path) => {
                let file = Watched::load(path, lines);
                Source::File(file.map_err(|what| {
                    AuthProblem::of_file(id, "filename", format!("cannot use {}: {what}", path.display()))
                })?)
            }
        };
        Ok(Bearer { header: header.clone(), scheme: scheme.clone(), tokens })
    }

    /// Adds the first token to a request.
    pub(super) fn add(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        let token = self.with_tokens(|tokens| tokens.first().map(|token| self.credential(token)));
        let value = token.and_then(|token| HeaderValue::try_from(token).ok());
        let mut value = value.ok_or_else(|| {
            Failure::new(Class::Unauthenticated, "the bearer token holds a character that no header may hold")
        })?;
        value.set_sensitive(true);
        headers.insert(self.header.clone(), value);
        Ok(())
    }

    /// Whether a request shows one of the tokens. What it shows is never repeated.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let shown = headers.get(&self.header).map(HeaderValue::as_bytes).filter(|shown| !shown.is_empty());
        let Some(shown) = shown else {
            let text = format!("missing or empty authorization header: {}", self.header);
            return Err(Failure::new(Class::PeerUnauthenticated, text));
        };
        // Every token is looked at, whichever fits: the time taken tells nothing of them.
        let known = self.with_tokens(|tokens| {
            let fits = |token| self.credential(token).as_bytes().ct_eq(&self.in_our_case(shown));
            tokens.iter().map(fits).fold(Choice::from(0), |one, other| one | other)
        });
        if known.into() {
            return Ok(());
        }
        Err(Failure::new(Class::PeerUnauthenticated, "scheme or token does not match"))
    }

    /// What a client is told to show.
    pub(super) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_str(&self.scheme).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
    }

    /// Names of schemes are the same in any case (RFC 9110, section 11.1).
    fn in_our_case(&self, shown: &[u8]) -> Vec<u8> {
        let mut shown = shown.to_vec();
        let ours = self.scheme.as_bytes();
        if shown.len() > ours.len() && shown[..ours.len()].eq_ignore_ascii_case(ours) {
            shown[..ours.len()].copy_from_slice(ours);
        }
        shown
    }

    fn credential(&self, token: &Secret) -> String {
        match self.scheme.as_str() {
            "" => token.reveal().to_owned(),
            scheme => format!("{scheme} {}", token.reveal()),
        }
    }

    fn with_tokens<R>(&self, look: impl FnOnce(&[Secret]) -> R) -> R {
        match &self.tokens {
            Source::Written(tokens) => look(tokens),
            Source::File(file) => look(&file.current()),
        }
    }
}

/// One token in a line.
fn lines(text: &str) -> Result<Vec<Secret>, String> {
    let tokens: Vec<Secret> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect();
    if tokens.is_empty() { Err("it holds no token".to_owned()) } else { Ok(tokens) }
}
