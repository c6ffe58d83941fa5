//! Files of user names and passwords, as Apache's `htpasswd` writes them.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// Users with what their passwords are checked against.
pub(super) type Table = HashMap<String, Check>;

/// What a password is checked against.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Check {
    /// `$2y$…`, `$2a$…`, `$2b$…`: slow on purpose.
    Bcrypt(String),
    /// `{SHA}…`: what `htpasswd -s` writes.
    Sha1(Vec<u8>),
    /// Anything else: the password itself.
    Plain(Secret),
}

impl Check {
    /// Whether `password` is the right one. Of bcrypt this takes up to a second.
    pub(super) fn accepts(&self, password: &str) -> bool {
        match self {
            Check::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Check::Sha1(hash) => {
                let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
                digest.as_ref().ct_eq(hash).into()
            }
            Check::Plain(secret) => secret.reveal().as_bytes().ct_eq(password.as_bytes()).into(),
        }
    }
}

/// Reads `user:hash` lines. Empty lines and those that begin with # say nothing.
///
/// # Errors
/// The line that cannot be used, and why; hashes are not shown.
pub(super) fn parse(text: &str) -> Result<Table, String> {
    let mut table = Table::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (user, hash) = line.split_once(':').ok_or_else(|| format!("line {number} is not user:hash"))?;
        if user.is_empty() || hash.is_empty() {
            return Err(format!("line {number} has no {}", if user.is_empty() { "user name" } else { "hash" }));
        }
        let check = check(hash).map_err(|what| format!("line {number} (user {user}): {what}"))?;
        table.insert(user.to_owned(), check);
    }
    if table.is_empty() { Err("it holds no user".to_owned()) } else { Ok(table) }
}

fn check(hash: &str) -> Result<Check, String> {
    if let Some(encoded) = hash.strip_prefix("{SHA}") {
        let digest = STANDARD.decode(encoded).ok().filter(|digest| digest.len() == digest::SHA1_OUTPUT_LEN);
        return digest.map(Check::Sha1).ok_or_else(|| "the {SHA} hash is broken".to_owned());
    }
    if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        return match hash.parse::<bcrypt::HashParts>() {
            Ok(_) => Ok(Check::Bcrypt(hash.to_owned())),
            Err(_) => Err("the bcrypt hash is broken; is a $ in it taken for a variable? Write $$".to_owned()),
        };
    }
    if hash.starts_with('$') || hash.starts_with("{SSHA}") {
        return Err("this kind of hash is not supported; make a new one with htpasswd -B (bcrypt)".to_owned());
    }
    Ok(Check::Plain(Secret::new(hash)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What `htpasswd -nbs bob secret` prints, and a password as it is.
    const FILE: &str = "# users\n\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\r\ncat:secret:er";

    #[test]
    fn each_kind_of_hash_accepts_its_password_alone() {
        let mut table = parse(FILE).unwrap();
        table.insert("dan".to_owned(), Check::Bcrypt(bcrypt::hash("secret", 4).unwrap()));
        for (user, password) in [("bob", "secret"), ("cat", "secret:er"), ("dan", "secret")] {
            assert!(table[user].accepts(password), "{user}");
            assert!(!table[user].accepts("Secret") && !table[user].accepts(""), "{user}");
        }
    }

    #[track_caller]
    fn check_refused(text: &str, words: &str) {
        let what = parse(text).err().unwrap();
        assert!(what.contains(words), "{what}");
        assert!(!what.contains("s3cr3t"), "{what}");
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_line() {
        check_refused("", "no user");
        check_refused("a:b\ns3cr3t", "line 2 is not user:hash");
        check_refused("a:", "line 1 has no hash");
        check_refused("ann:$apr1$s3cr3t$x", "htpasswd -B");
        check_refused("ann:{SHA}s3cr3t", "{SHA} hash is broken");
        check_refused("ann:$2y$10$s3cr3t", "bcrypt hash is broken");
    }
}
