//! What is planted, and how is it found again, however little of it there is left?

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret of 24 characters that nothing but its `seed` has in common with another one: three runs of letters and digits,
/// with a character between them that every format has to escape.
pub(crate) fn secret(seed: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
    };
    let mut run = || (0..8).map(|_| letter()).collect::<String>();
    format!("{}\"{}/{}", run(), run(), run())
}

/// A secret without such characters, for where they cannot be written.
pub(crate) fn plain_secret(seed: u64) -> String {
    secret(seed).replace(['"', '/'], "")
}

/// The part of `secret` that is in `text`: six characters in a row of it, or of any base64 of it. No format escapes letters
/// and digits, so a run of them is there in every one.
pub(crate) fn found(secret: &str, text: &[u8]) -> Option<String> {
    const LEAST: usize = 6;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for run in secret.split(['"', '/']) {
        parts.extend(run.as_bytes().windows(LEAST).map(<[u8]>::to_vec));
    }
    for lead in ["", "x", "xx"] {
        let longer = format!("{lead}{secret}");
        for encoded in [STANDARD_NO_PAD.encode(&longer), URL_SAFE_NO_PAD.encode(&longer)] {
            // The first digits say something of what stands in front, the last of what stands behind.
            parts.extend(encoded.as_bytes()[4..encoded.len() - 2].windows(2 * LEAST).map(<[u8]>::to_vec));
        }
    }
    let is_there = |part: &Vec<u8>| memchr::memmem::find(text, part).is_some();
    parts.into_iter().find(is_there).map(|part| String::from_utf8_lossy(&part).into_owned())
}

/// Fails when a part of one of `secrets` is in `text`, which `place` shows.
#[track_caller]
pub(crate) fn assert_none(secrets: &[String], place: &str, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    for secret in secrets {
        if let Some(part) = found(secret, text) {
            let text = String::from_utf8_lossy(text);
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(&part)).take(3).collect();
            panic!("{part:?} of the secret {secret:?} is shown in {place}:\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn a_part_of_a_secret_is_found_in_whatever_it_is_written() {
    let secret = secret(1);
    assert_eq!(secret.len(), 26);
    assert!(found(&secret, secret.as_bytes()).is_some());
    assert!(found(&secret, secret.replace('"', "%22").as_bytes()).is_some());
    assert!(found(&secret, format!("cut off: {}", &secret[..6]).as_bytes()).is_some());
    assert!(found(&secret, STANDARD_NO_PAD.encode(format!("user:{secret}")).as_bytes()).is_some());
    assert!(found(&secret, plain_secret(2).as_bytes()).is_none());
}
