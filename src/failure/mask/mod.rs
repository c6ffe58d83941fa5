//! Keeps an exporter's own secrets out of what a peer says: a backend may echo the token that it refuses.
//!
//! A secret is looked for as it is, without its scheme, decoded, and in base64; and all of these again in what a text says
//! once its escapes are undone, since a peer is free in what it escapes.

mod forms;
mod views;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use prost::Message;
use tonic_types::pb;

use self::forms::Form;
use self::views::View;
use super::{Failure, PeerStatus};

/// The secrets that are masked. Never prints them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mask(Arc<[Form]>);

impl Mask {
    /// Masks each of `values`, the values of headers above all: the whole, the credential behind a scheme
    /// (`Bearer TOKEN`), each word of six characters or more that is no scheme, and of a login (RFC 7617) user name and
    /// password. Values of less than four characters are left alone: they would tear every text to pieces.
    pub fn new<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Mask {
        Mask::default().with(values)
    }

    /// Masks `values`, too.
    #[must_use]
    pub fn with<S: AsRef<str>>(&self, values: impl IntoIterator<Item = S>) -> Mask {
        let mut forms = Vec::new();
        for value in values.into_iter().filter(|value| !self.knows(value.as_ref())) {
            forms::add(&mut forms, value.as_ref());
        }
        if forms.is_empty() {
            return self.clone();
        }
        forms.extend(self.0.iter().cloned());
        forms.sort();
        forms.dedup();
        Mask(forms.into())
    }

    /// Whether `value` is masked already, with all that it is made of.
    fn knows(&self, value: &str) -> bool {
        let value = value.trim().as_bytes();
        self.0.binary_search_by(|form| form.bytes.as_slice().cmp(value)).is_ok()
    }

    /// `text` without secrets, if there is one in it. Where it ends, or was cut, it does not end with the beginning of
    /// one either.
    pub fn apply(&self, text: &str) -> Option<String> {
        let masked = self.apply_to_bytes(text.as_bytes())?;
        Some(String::from_utf8_lossy(&masked).into_owned())
    }

    /// `text` without secrets.
    pub fn clean(&self, text: String) -> String {
        self.apply(&text).unwrap_or(text)
    }

    /// `text` without secrets.
    pub fn cleaned<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.apply(text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// `bytes` without secrets, if there is one in them.
    pub fn apply_to_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let found = self.places(bytes);
        if found.is_empty() {
            return None;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut kept = 0;
        for Range { start, end } in found {
            masked.extend_from_slice(&bytes[kept..start]);
            masked.extend_from_slice(MASK.as_bytes());
            kept = end;
        }
        masked.extend_from_slice(&bytes[kept..]);
        Some(masked)
    }

    /// Whether there is a secret in `bytes`.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        !self.places(bytes).is_empty()
    }

    /// Where secrets stand in `bytes`, in order and apart from each other.
    fn places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        for view in View::all_of(bytes) {
            self.look_at(&view, &mut found);
        }
        found.sort_by_key(|place| place.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for place in found {
            match apart.last_mut() {
                Some(before) if place.start <= before.end => before.end = before.end.max(place.end),
                _ => apart.push(place),
            }
        }
        apart
    }

    fn look_at(&self, view: &View<'_>, found: &mut Vec<Range<usize>>) {
        let bytes = view.bytes();
        let ends = view.ends();
        for Form { bytes: form, shortest } in self.0.iter() {
            let whole = memmem::find_iter(bytes, form).map(|at| at..at + form.len());
            let cut = ends.iter().filter_map(|&end| {
                let lengths = (*shortest..form.len()).rev();
                let longest = lengths.into_iter().find(|&length| bytes[..end].ends_with(&form[..length]))?;
                Some(end - longest..end)
            });
            found.extend(whole.chain(cut).map(|place| view.place(place)));
        }
    }
}

/// Tells how many there are, and none of them.
impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} forms)", self.0.len())
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
            // A message that was cut may end with the beginning of a secret.
            let says = pb::Status::decode(&details[..]).unwrap_or_default().message;
            if mask.is_in(details) || mask.is_in(says.as_bytes()) {
                *details = Bytes::new();
            }
        }
        self
    }
}

/// What stands in the place of a secret.
const MASK: &str = "[REDACTED]";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use tonic::{Code, Status};

    use super::*;
    use crate::failure::{Class, from_grpc};

    fn mask() -> Mask {
        Mask::new(["Bearer s3cr3t-t0ken", "abc"])
    }

    #[track_caller]
    fn check(value: &str, text: &str, expected: &str) {
        assert_eq!(Mask::new([value]).clean(text.to_owned()), expected);
    }

    #[test]
    fn a_credential_is_masked_with_and_without_its_scheme_and_short_values_are_not() {
        let clean = mask().clean("got Bearer s3cr3t-t0ken, no, s3cr3t-t0ken, or abc".to_owned());
        assert_eq!(clean, "got [REDACTED], no, [REDACTED], or abc");
        assert_eq!(mask().apply("nothing"), None);
        check("abcdé", "not abcdé but abcd and é", "not [REDACTED] but abcd and é");
    }

    #[test]
    fn words_are_masked_and_schemes_are_not() {
        check("Bearer planted one", "Bearer? planted? one?", "Bearer? [REDACTED]? one?");
        check("Token token=\"planted\"", "Token token: planted", "Token token: [REDACTED]");
        check("session=planted; lang=en", "the session planted is over", "the session [REDACTED] is over");
    }

    #[test]
    fn a_login_is_masked_in_base64_and_decoded() {
        let login = format!("Basic {}", STANDARD.encode("operator:hunter2"));
        check(&login, "operator:hunter2 is unknown", "[REDACTED] is unknown");
        check(&login, "operator may not, hunter2 is wrong", "[REDACTED] may not, [REDACTED] is wrong");
        check(&login, "Basic realm, not b3BlcmF0b3I6aHVudGVyMg==", "Basic realm, not [REDACTED]");
        check(&login, "not b3BlcmF0b3I6aHVudGVyMg", "not [REDACTED]");
        check(&login, "aHVudGVyMg is wrong", "[REDACTED] is wrong");
    }

    #[test]
    fn escapes_hide_no_secret() {
        let value = "Bearer pl@nted \"one\" <&>/é";
        for echo in [
            "got pl%40nted%20%22one%22%20%3c%26%3E%2F%c3%a9.",
            "got pl@nted%20\"one\"%20<&>/%C3%A9.",
            r#"got pl@nted \"one\" <\u0026>\/\u00e9."#,
            r#"got pl@nted \"one\" <&>/\xc3\xa9."#,
            "got pl@nted &quot;one&quot; &lt;&amp;&gt;/&#xe9;.",
            "got pl&#64;nted &#34;one&#34; &lt;&amp;&gt;&#x2F;&#233;.",
            "got %7B%22pl@nted %5C%22one%5C%22 <&>/é.",
            r#"got pl@nted \\\"one\\\" <&>/é."#,
            "got pl%2540nted%2520%2522one%2522%2520%253C%2526%253E%252F%25C3%25A9.",
        ] {
            let clean = Mask::new([value]).clean(echo.to_owned());
            let shown = clean.trim_start_matches("got ").trim_start_matches("%7B%22");
            assert_eq!(shown, "[REDACTED].", "{echo}");
        }
        check(
            "100%25\\x",
            "it is 100%25\\x, or 100%2525%5Cx, or \"100%25\\\\x\"",
            "it is [REDACTED], or [REDACTED], or \"[REDACTED]\"",
        );
    }

    #[test]
    fn a_text_that_was_cut_ends_with_no_beginning_of_a_secret() {
        check("Bearer s3cr3t-t0ken", "the token s3cr3t-t…", "the token [REDACTED]…");
        check("Bearer s3cr3t-t0ken", "s3cr3t... and so on", "[REDACTED]... and so on");
        check("Bearer s3cr3t-t0ken", "the token s3cr3t", "the token [REDACTED]");
        check("Bearer s3cr3t/t0ken", "the token s3cr3t%2", "the token [REDACTED]");
        check("Bearer s3cr3t\"t0ken", "the token s3cr3t\\…", "the token [REDACTED]…");
        check("Bearer s3cr3t-t0ken", "s3cr3t is no secret", "s3cr3t is no secret");
        check("Bearer s3cr3t-t0ken", "www-authenticate: Bearer…", "www-authenticate: Bearer…");
        assert_eq!(
            mask().apply_to_bytes(b"\xff\0 s3cr3t-t0ken \xff s3cr"),
            Some(b"\xff\0 [REDACTED] \xff [REDACTED]".to_vec())
        );
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

    fn escaped(secret: &str, how: usize) -> String {
        match how {
            0 => secret.to_owned(),
            1 => utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
            2 => serde_json::Value::from(secret).to_string(),
            3 => format!("{secret:?}"),
            4 => STANDARD.encode(secret),
            5 => URL_SAFE.encode(format!("some{secret}where")),
            6 => STANDARD_NO_PAD.encode(format!("{secret}.")),
            7 => STANDARD_NO_PAD.encode(format!(".{secret}")),
            _ => serde_json::Value::from(format!("{{\"got\":{}}}", serde_json::Value::from(secret))).to_string(),
        }
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_secret(
            before in ".{0,20}",
            secret in "[!-~]{8,20}",
            after in ".{0,20}",
            how in 0_usize..9,
        ) {
            let mask = Mask::new([format!("Bearer {secret}")]);
            prop_assume!(!MASK.contains(&secret));
            // The ends of what stands between quotation marks, or of base64 that goes on, say nothing.
            let echo = escaped(&secret, how);
            let telling = &echo[echo.len() / 4..echo.len() - echo.len() / 4];
            let text = format!("{before} {echo} {after}");
            prop_assume!(!before.contains(telling) && !after.contains(telling));
            let clean = mask.clean(text.clone());
            prop_assert!(!clean.contains(telling), "{}", clean);
            prop_assert!(mask.is_in(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_masked_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60), value in ".{0,20}") {
            let _ = Mask::new([value]).apply_to_bytes(&bytes);
        }
    }
}
