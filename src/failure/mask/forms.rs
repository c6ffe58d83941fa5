//! The forms in which a secret is looked for: what a peer may have taken it apart into, and base64, which no escape is.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// One form of a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    /// How many of its first bytes give it away, where a text ends with them.
    pub(super) shortest: usize,
}

/// Adds the forms of `value` to `forms`.
pub(super) fn add(forms: &mut Vec<Form>, value: &str) {
    let value = value.trim();
    let scheme = value.split(' ').next().filter(|first| first.len() < value.len() && is_scheme(first));
    add_plain(forms, value, scheme.map_or(0, |scheme| scheme.len() + 1));
    if let Some((first, credential)) = value.split_once(' ') {
        add_plain(forms, credential.trim(), 0);
        if first.eq_ignore_ascii_case("basic") {
            add_login(forms, credential.trim());
        }
    }
    for word in value.split_whitespace() {
        add_word(forms, word);
        // The value of a parameter, or of a cookie.
        if let Some((_, value)) = word.split_once('=') {
            add_word(forms, value.trim_matches(['"', ',', ';', '=']));
        }
    }
}

/// User name and password of a login (RFC 7617) that is written in base64.
fn add_login(forms: &mut Vec<Form>, login: &str) {
    let decoded = [STANDARD, URL_SAFE].iter().find_map(|alphabet| coder(alphabet).decode(login).ok());
    let Some(login) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else { return };
    add_plain(forms, &login, 0);
    if let Some((user, password)) = login.split_once(':') {
        add_word(forms, user);
        add_plain(forms, password, 0);
    }
}

/// Adds a part of a secret, which may be an ordinary word.
fn add_word(forms: &mut Vec<Form>, word: &str) {
    if SHORTEST_WORD <= word.chars().count() && !is_scheme(word) {
        add_plain(forms, word, 0);
    }
}

/// Adds `text`, whose first `harmless` bytes are no secret.
fn add_plain(forms: &mut Vec<Form>, text: &str, harmless: usize) {
    if text.chars().count() < SHORTEST {
        return;
    }
    let mut add = |bytes: Vec<u8>, shortest| forms.push(Form { bytes, shortest });
    add(text.as_bytes().to_vec(), harmless + SHORTEST);
    // In forms (application/x-www-form-urlencoded).
    if text.contains(' ') {
        add(text.replace(' ', "+").into_bytes(), harmless + SHORTEST);
    }
    for alphabet in [STANDARD, URL_SAFE] {
        add(coder(&alphabet).encode(text).into_bytes(), SHORTEST + harmless.div_ceil(3) * 4);
        if SHORTEST_WORD <= text.len() {
            within(text.as_bytes(), &alphabet).into_iter().for_each(|part| add(part, SHORTEST + harmless * 2));
        }
    }
}

/// What base64 makes of `text` somewhere in a longer text: the digits that depend on nothing but `text`, for each of the
/// three ways in which it may lie on the groups of three bytes.
fn within(text: &[u8], alphabet: &Alphabet) -> [Vec<u8>; 3] {
    [(0, 0), (1, 2), (2, 3)].map(|(before, uncertain)| {
        let longer: Vec<u8> = std::iter::repeat_n(0, before).chain(text.iter().copied()).collect();
        let digits = longer.len() * 8 / 6;
        coder(alphabet).encode(&longer).into_bytes()[uncertain..digits].to_vec()
    })
}

/// With padding or without, when it reads; without, when it writes.
fn coder(alphabet: &Alphabet) -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

/// Words that stand before a credential, and are none (RFC 9110, section 11.4).
fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}

const SCHEMES: [&str; 14] = [
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "dpop",
    "hawk",
    "mutual",
    "oauth",
    "privatetoken",
    "api-key",
    "apikey",
    "key",
    "token",
    "splunk",
];
/// Shorter values are words that occur anywhere: a tenant called `eu`.
const SHORTEST: usize = 4;
/// Of parts of a value, and of user names.
const SHORTEST_WORD: usize = 6;
