//! `retryable_status_codes`: answers that are tried again although the specification calls them final.

use tonic::Code;

use crate::config::section::Section;
use crate::failure::code_name;

/// What the codes of an exporter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// gRPC codes, as names or numbers.
    Grpc,
    /// HTTP statuses.
    Http,
}

/// Reads the codes in `retry`, the section `retry_on_failure`; none unless they are written.
pub(super) fn read(retry: &mut Section<'_>, codes: Codes) -> Vec<u16> {
    let mut found = Vec::new();
    for (text, at) in retry.value("retryable_status_codes").map(|value| value.words()).unwrap_or_default() {
        match code(&text, codes) {
            Some(code) => found.push(code),
            None => {
                let (what, hint) = match codes {
                    Codes::Grpc => ("gRPC code of a failure", "write a name such as INTERNAL, or its number"),
                    Codes::Http => ("HTTP status of a failure", "write a number from 400 to 599"),
                };
                at.refuse(at.fault(format!("{text:?} is no {what}")).hint(hint));
            }
        }
    }
    found
}

fn code(text: &str, codes: Codes) -> Option<u16> {
    match codes {
        Codes::Http => text.parse().ok().filter(|status| (400..600).contains(status)),
        Codes::Grpc => {
            let named =
                (1..=LAST_CODE).find(|code| code_name(Code::from_i32(i32::from(*code))).eq_ignore_ascii_case(text));
            named.or_else(|| text.parse().ok().filter(|code| (1..=LAST_CODE).contains(code)))
        }
    }
}

/// `UNAUTHENTICATED`
const LAST_CODE: u16 = 16;
