//! User names and passwords (RFC 7617), as the Collector's `basicauth` has them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::AuthProblem;
use super::htpasswd::{self, Check, Table};
use super::watched::{Text, Watched};
use crate::config::{BasicClient, Htpasswd, Secret};
use crate::failure::{Class, Failure};
use crate::ident::ComponentId;

/// What an exporter shows.
pub(super) struct Login {
    username: Text,
    password: Text,
}

impl Login {
    pub(super) fn load(id: &ComponentId, config: &BasicClient) -> Result<Login, AuthProblem> {
        let load = |source, key: &str| {
            Text::load(source).map_err(|what| {
                AuthProblem::of(id, &format!("client_auth::{key}_file"), format!("cannot use the file: {what}"))
            })
        };
        Ok(Login { username: load(&config.username, "username")?, password: load(&config.password, "password")? })
    }

    pub(super) fn add(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        let (username, password) = (self.username.current(), self.password.current());
        headers.insert(AUTHORIZATION, basic(username.reveal(), password.reveal())?);
        Ok(())
    }
}

/// The header's value for a user.
pub(super) fn basic(username: &str, password: &str) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(Secret::login(username, password).reveal());
    let mut value = value.map_err(|_| Failure::new(Class::Unauthenticated, "the user name cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Who may send.
pub(super) struct Users {
    file: Option<Watched<Table>>,
    inline: Table,
    /// Whoever was let in before, with what the password was checked against: bcrypt is too slow for each request.
    known: Mutex<HashMap<String, (Check, Secret)>>,
    /// Checks of bcrypt at a time: whoever guesses passwords must not take the machine.
    slow: Semaphore,
}

impl Users {
    pub(super) fn load(id: &ComponentId, config: &Htpasswd) -> Result<Users, AuthProblem> {
        let file = config.file.as_ref().map(|path| {
            let problem =
                |what| AuthProblem::of_file(id, "htpasswd::file", format!("cannot use {}: {what}", path.display()));
            Watched::load(path, htpasswd::parse).map_err(problem)
        });
        let inline = config.inline.as_ref().map(|text| htpasswd::parse(text.reveal()));
        let inline = inline.transpose().map_err(|what| AuthProblem::of(id, "htpasswd::inline", what))?;
        Ok(Users {
            file: file.transpose()?,
            inline: inline.unwrap_or_default(),
            known: Mutex::default(),
            slow: Semaphore::new(SLOW_CHECKS),
        })
    }

    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let (user, password) = credentials(headers)?;
        let check = self.check_of(&user);
        if self.is_known(&user, check.as_ref(), &password) {
            return Ok(());
        }
        let slow = !matches!(check, Some(Check::Sha1(_) | Check::Plain(_)));
        // A user who does not exist takes as long as one who does: the time taken tells nothing.
        let tried = check.clone().unwrap_or_else(|| Check::Bcrypt(NOBODY.to_owned()));
        let accepted = if slow {
            let _turn = self.slow.acquire().await;
            let attempt = password.clone();
            tokio::task::spawn_blocking(move || tried.accepts(&attempt)).await.unwrap_or(false)
        } else {
            tried.accepts(&password)
        };
        match check.filter(|_| accepted) {
            Some(check) => {
                self.lock().insert(user, (check, Secret::new(password)));
                Ok(())
            }
            None => Err(refused("invalid credentials")),
        }
    }

    fn check_of(&self, user: &str) -> Option<Check> {
        let inline = self.inline.get(user).cloned();
        inline.or_else(|| self.file.as_ref().and_then(|file| file.current().get(user).cloned()))
    }

    fn is_known(&self, user: &str, check: Option<&Check>, password: &str) -> bool {
        let known = self.lock();
        known.get(user).is_some_and(|(before, accepted)| {
            Some(before) == check && bool::from(accepted.reveal().as_bytes().ct_eq(password.as_bytes()))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Check, Secret)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user whom a request names.
pub(super) fn user(headers: &HeaderMap) -> Option<String> {
    credentials(headers).ok().map(|(user, _)| user)
}

/// User and password of a request.
fn credentials(headers: &HeaderMap) -> Result<(String, String), Failure> {
    let shown = headers.get(AUTHORIZATION).ok_or_else(|| refused("no basic auth provided"))?;
    let shown = shown.to_str().map_err(|_| refused("invalid authorization format"))?;
    let encoded = match shown.split_at_checked(6) {
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic ") => encoded,
        _ => return Err(refused("invalid authorization scheme prefix")),
    };
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(|| refused("invalid authorization format"))?;
    let (user, password) = decoded.split_once(':').ok_or_else(|| refused("invalid authorization format"))?;
    Ok((user.to_owned(), password.to_owned()))
}

fn refused(why: &'static str) -> Failure {
    Failure::new(Class::PeerUnauthenticated, why)
}

const SLOW_CHECKS: usize = 1;

/// A bcrypt hash of no password that anybody knows, as slow as those that htpasswd makes with -C 10.
const NOBODY: &str = "$2y$10$abcdefghijklmnopqrstuuO1c4PpRlHnbKkTjlhnPfVT3tFmqX8jq";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nobody_has_a_hash_that_is_checked_in_earnest() {
        assert!(NOBODY.parse::<bcrypt::HashParts>().is_ok());
        assert!(!bcrypt::verify("", NOBODY).unwrap());
    }

    #[test]
    fn a_changed_password_is_not_known_any_more() {
        let users = |password: &str| Users {
            file: None,
            inline: htpasswd::parse(&format!("ann:{password}")).unwrap(),
            known: Mutex::default(),
            slow: Semaphore::new(1),
        };
        let before = users("old");
        let check = before.check_of("ann");
        before.lock().insert("ann".to_owned(), (check.clone().unwrap(), Secret::new("old")));
        assert!(before.is_known("ann", check.as_ref(), "old"));
        assert!(!before.is_known("ann", users("new").check_of("ann").as_ref(), "old"));
        assert!(!before.is_known("ann", check.as_ref(), "new"));
    }
}
