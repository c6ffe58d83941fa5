//! Keeps an exporter's own secrets out of what a peer says: a backend may echo the token that it refuses.

use std::fmt;

use bytes::Bytes;

use super::{Failure, PeerStatus};

/// The secrets that are masked. Never prints them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Masks each of `values`, and what stands behind the scheme of a credential (`Bearer TOKEN`). Values of less than
    /// four characters are left alone: they would tear every text to pieces.
    pub fn new(values: impl IntoIterator<Item = String>) -> Mask {
        let mut secrets = Vec::new();
        for value in values {
            if let Some((_, credential)) = value.split_once(' ') {
                secrets.push(credential.trim().to_owned());
            }
            secrets.push(value.trim().to_owned());
        }
        secrets.retain(|secret| SHORTEST <= secret.chars().count());
        // The longer ones first: one may be a part of another.
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Mask(secrets)
    }

    /// `text` without secrets, if there is one in it. A text that was cut in the middle of one loses its beginning, too.
    pub fn apply(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        for secret in &self.0 {
            let so_far = masked.as_deref().unwrap_or(text);
            if so_far.contains(secret.as_str()) {
                masked = Some(so_far.replace(secret.as_str(), MASK));
            }
            let so_far = masked.as_deref().unwrap_or(text);
            if let Some(kept) = without_beginning(so_far, secret) {
                masked = Some(format!("{kept}{MASK}…"));
            }
        }
        masked
    }

    /// `text` without secrets.
    pub fn clean(&self, text: String) -> String {
        self.apply(&text).unwrap_or(text)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        self.0.iter().any(|secret| holds(secret.as_bytes()))
    }
}

/// What stands before the beginning of `secret` with which `text` ends, where it was cut.
fn without_beginning<'t>(text: &'t str, secret: &str) -> Option<&'t str> {
    let cut = text.strip_suffix('…')?;
    let ends = secret.char_indices().map(|(at, _)| at).skip(SHORTEST).collect::<Vec<_>>();
    ends.iter().rev().find_map(|&end| cut.strip_suffix(&secret[..end]))
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} secrets)", self.0.len())
    }
}

impl Failure {
    /// The same failure without the secrets of `mask` in any of its words.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Failure {
        if mask.0.is_empty() {
            return self;
        }
        let cause = self.cause();
        if let Some(clean) = mask.apply(&cause) {
            // The causes cannot be changed, so they become words.
            self.0.text = clean.into();
            self.0.source = None;
        }
        if let Some(PeerStatus { message, details, .. }) = &mut self.0.peer {
            *message = mask.clean(std::mem::take(message));
            if mask.is_in(details) {
                *details = Bytes::new();
            }
        }
        self
    }
}

const SHORTEST: usize = 4;
const MASK: &str = "[REDACTED]";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic::{Code, Status};

    use super::*;
    use crate::failure::{Class, from_grpc};

    fn mask() -> Mask {
        Mask::new(["Bearer s3cr3t-t0ken".to_owned(), "abc".to_owned()])
    }

    #[test]
    fn a_credential_is_masked_with_and_without_its_scheme_and_short_values_are_not() {
        let clean = mask().clean("got Bearer s3cr3t-t0ken, no, s3cr3t-t0ken, or abc".to_owned());
        assert_eq!(clean, "got [REDACTED], no, [REDACTED], or abc");
        assert_eq!(mask().apply("nothing"), None);
        assert_eq!(mask().clean("the token s3cr3t-t…".to_owned()), "the token [REDACTED]…");
    }

    #[test]
    fn a_failure_says_no_secret_anywhere() {
        let status =
            Status::with_details(Code::Unauthenticated, "bad s3cr3t-t0ken", Bytes::from_static(b"s3cr3t-t0ken"));
        let failure = from_grpc(&status).because(std::io::Error::other("s3cr3t-t0ken")).masked(&mask());
        let told = format!("{failure} {failure:?} {} {:?}", failure.cause(), failure.peer());
        assert!(!told.contains("s3cr3t"), "{told}");
        assert_eq!(failure.class(), Class::Unauthenticated);
        assert!(!format!("{:?}", mask()).contains("s3cr3t"));
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_secret(before in ".{0,20}", secret in "[a-zA-Z0-9]{4,20}", after in ".{0,20}") {
            let mask = Mask::new([format!("Bearer {secret}")]);
            prop_assume!(!MASK.contains(&secret));
            let clean = mask.clean(format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret), "{}", clean);
        }
    }
}
