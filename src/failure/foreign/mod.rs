//! Which class a text of another program speaks of: what Collectors, SDKs and tools print when telemetry does not arrive.
//!
//! This is for people who paste a text into `otlp-relay explain`. The relay's own failures never come this way.

mod table;

use http::StatusCode;
use tonic::{Code, Status};

use super::Class;
use super::answer::{code_name, from_grpc, from_http};
use table::{FRAMES, PHRASES};

/// A class that a text may speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The class.
    pub class: Class,
    /// The words that told so.
    pub phrase: String,
}

/// The classes that `text` may speak of, the most likely first; nothing if no word of it is known.
pub fn recognise(text: &str) -> Vec<Recognised> {
    let mut found = Found::default();
    own_codes(text, &mut found);
    let lower = text.to_lowercase();
    found.add_phrases(PHRASES, &lower);
    if let Some((status, phrase)) = http_status(&lower) {
        found.add(&[from_http(status, None, "").class()], &phrase);
    }
    if let Some(code) = grpc_code(text, &lower) {
        found.add(meanings(code), code_name(code));
    }
    found.add_phrases(FRAMES, &lower);
    found.0.truncate(MOST);
    found.0
}

#[derive(Default)]
struct Found(Vec<Recognised>);

impl Found {
    fn add_phrases(&mut self, phrases: &[(&[&str], &[Class])], lower: &str) {
        for (words, classes) in phrases {
            if words.iter().all(|word| lower.contains(word)) {
                self.add(classes, &words.join(" … "));
            }
        }
    }

    fn add(&mut self, classes: &[Class], phrase: &str) {
        for &class in classes {
            if self.0.iter().all(|known| known.class != class) {
                self.0.push(Recognised { class, phrase: phrase.to_owned() });
            }
        }
    }
}

/// The relay's own codes: `class=connection_refused`, `"class":"rejected"`, `error_type="deadline_exceeded"`.
fn own_codes(text: &str, found: &mut Found) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut before = "";
    for word in text.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
        let is_named = matches!(before, "class" | "error_type");
        if (is_named || word.contains('_'))
            && let Some(class) = Class::of_code(word)
        {
            found.add(&[class], word);
        }
        before = word;
    }
}

/// A status of HTTP, in one of the usual ways to write it.
fn http_status(lower: &str) -> Option<(StatusCode, String)> {
    for lead in [
        "status code ",
        "status code: ",
        "statuscode=",
        "code: ",
        "status: ",
        "status ",
        "http/1.1 ",
        "http/2 ",
        "http ",
    ] {
        for (at, _) in lower.match_indices(lead) {
            let rest = &lower[at + lead.len()..];
            let number = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let status = number.parse().ok().and_then(|number| StatusCode::from_u16(number).ok());
            if let Some(status) = status.filter(|status| 300 <= status.as_u16() && number.len() == 3) {
                return Some((status, format!("{lead}{number}")));
            }
        }
    }
    None
}

/// A code of gRPC as grpc-java, grpc-core and grpc-go write it: `UNAVAILABLE`, `code = Unavailable`.
fn grpc_code(text: &str, lower: &str) -> Option<Code> {
    (1..=16).map(Code::from_i32).find(|code| {
        let name = code_name(*code);
        let camel = name.to_lowercase().replace('_', "");
        let is_word =
            |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
        // Plain English words in capitals are codes only as gRPC writes them.
        let written = lower.contains(&format!("code = {camel}")) || lower.contains(&format!("{camel}: "));
        written || is_word(text)
    })
}

/// What a client may mean by a code: it makes some of them up itself.
fn meanings(code: Code) -> &'static [Class] {
    match code {
        Code::Unavailable => &[Class::ConnectionRefused, Class::ServerUnavailable],
        Code::DeadlineExceeded => &[Class::DeadlineExceeded, Class::ConnectTimeout, Class::ServerDeadlineExceeded],
        _ => {
            let class = from_grpc(&Status::new(code, "")).class();
            Class::ALL.iter().position(|known| *known == class).map_or(&[], |at| &Class::ALL[at..=at])
        }
    }
}

/// More than these help nobody.
const MOST: usize = 5;

#[cfg(test)]
mod tests;
