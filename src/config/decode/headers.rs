//! Which headers an exporter adds, and whether they can be sent: names and positions are shown, values never.

use crate::config::model::Secret;
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::config::yaml::Value;

use super::address::character_name;

/// What carries the headers: gRPC has rules of its own for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Grpc,
    Http,
}

/// Reads `headers`: a map, or a list of `{name, value}`.
pub(super) fn read(exporter: &mut Section<'_>, carrier: Carrier) -> Vec<(http::HeaderName, Secret)> {
    exporter.value("headers").map(|headers| read_all(headers, carrier)).unwrap_or_default()
}

/// Reads `response_headers`: a map, or a list of `{name, value}`.
pub(super) fn of_responses(receiver: &mut Section<'_>) -> Vec<(http::HeaderName, Secret)> {
    let Some(headers) = receiver.value("response_headers") else { return Vec::new() };
    let whole = headers.clone();
    let read = read_all(headers, Carrier::Http);
    for (name, _) in read.iter().filter(|(name, _)| OF_THE_CONNECTION.contains(&name.as_str())) {
        whole.refuse(whole.fault(format!("the header {name} is set by the server itself")).is(Mistake::InvalidHeader));
    }
    read
}

fn read_all(headers: Reading<'_>, carrier: Carrier) -> Vec<(http::HeaderName, Secret)> {
    let mut read: Vec<(http::HeaderName, Secret)> = Vec::new();
    for (name, value) in pairs(headers) {
        let Some(secret) = value.secret() else { continue };
        let Some(name) = header_name(&name, carrier, &value) else { continue };
        if read.iter().any(|(earlier, _)| *earlier == name) {
            value.wrong(format!("duplicate keys in map-style list: [{name}]"));
        }
        check_value(name.as_str(), secret.reveal(), &value);
        read.push((name, secret));
    }
    read
}

fn pairs(headers: Reading<'_>) -> Vec<(String, Reading<'_>)> {
    if let Value::List(_) = &headers.node().value {
        return headers.items().into_iter().filter_map(named_pair).collect();
    }
    let section = headers.section();
    section.into_iter().flat_map(Section::into_entries).map(|(entry, value)| (entry.key.clone(), value)).collect()
}

fn named_pair(item: Reading<'_>) -> Option<(String, Reading<'_>)> {
    let mut section = item.section()?;
    let name = section.text("name");
    let value = section.entry("value");
    if name.is_none() || value.is_none() {
        section.whole().wrong("a header needs a name and a value");
    }
    section.finish();
    name.zip(value)
}

fn header_name(name: &str, carrier: Carrier, value: &Reading<'_>) -> Option<http::HeaderName> {
    let fault = |what: String| {
        value.refuse(Problem::new(None, "", what).is(Mistake::InvalidHeader));
        None
    };
    let lower = name.to_ascii_lowercase();
    let Ok(parsed) = http::HeaderName::from_bytes(lower.as_bytes()) else {
        let unfit = |c: &char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*c));
        return match name.chars().find(unfit) {
            Some(c) => fault(format!("the header name {name:?} has {}", character_name(c))),
            None => fault("a header without a name".to_owned()),
        };
    };
    if carrier == Carrier::Grpc && lower.ends_with("-bin") {
        return fault(format!("the header {lower}: gRPC keeps names that end in -bin for binary values"));
    }
    Some(parsed)
}

/// What a server would refuse or misread, by kind and position of the character.
pub(super) fn check_value(name: &str, text: &str, value: &Reading<'_>) {
    if let Some((at, c)) = text.chars().enumerate().find(|(_, c)| (c.is_control() && *c != '\t') || !c.is_ascii()) {
        let what = format!("the header {name} has {} at character {} of its value", character_name(c), at + 1);
        let problem = value.fault(what);
        let ends_the_value = matches!(c, '\n' | '\r') && text.trim_end().chars().count() == at;
        let problem = if ends_the_value {
            problem.hint("a secret taken from a file often ends in a line break: remove it")
        } else {
            problem
        };
        return value.refuse(problem.is(Mistake::InvalidHeader));
    }
    let from_variable = !value.node().provenance.variables.is_empty();
    if value.node().provenance.unclosed {
        let what = format!("the header {name} holds a reference that was not expanded");
        return value.refuse(value.fault(what).hint("write ${env:NAME}").is(Mistake::UnexpandedVariable));
    }
    let names_variable = !from_variable && looks_like_variable(text);
    let complaint = if names_variable {
        let hint = "write ${env:NAME}".to_owned();
        Some((Mistake::UnexpandedVariable, ("holds $NAME, which is never expanded", hint)))
    } else {
        let empty = credential_complaint(name, text, value).map(|complaint| (Mistake::EmptyCredential, complaint));
        empty.or_else(|| blemish(text).map(|complaint| (Mistake::InvalidHeader, complaint)))
    };
    if let Some((mistake, (what, hint))) = complaint {
        let warning = Problem::new(None, "", format!("the header {name} {what}")).hint(hint);
        value.warn_of(warning.is(mistake));
    }
}

/// What is odd about a header's value, and what to do.
type Complaint = (&'static str, String);

fn blemish(text: &str) -> Option<Complaint> {
    if text != text.trim() {
        return Some(("begins or ends with a blank", "servers drop or refuse it".to_owned()));
    }
    let quoted = |mark| 1 < text.len() && text.starts_with(mark) && text.ends_with(mark);
    let is_quoted = quoted('"') || quoted('\'');
    is_quoted.then(|| ("keeps its quotation marks", "take them out of the variable or env file".to_owned()))
}

fn looks_like_variable(text: &str) -> bool {
    text.split('$').skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_uppercase() || c == '_'))
}

fn credential_complaint(name: &str, text: &str, value: &Reading<'_>) -> Option<Complaint> {
    let carries = name == "authorization" || ["key", "token", "secret"].iter().any(|word| name.contains(word));
    if !carries {
        return None;
    }
    let lower = text.trim().to_ascii_lowercase();
    let secret = ["bearer", "basic"].iter().find_map(|scheme| lower.strip_prefix(scheme)).unwrap_or(&lower).trim();
    let what = if secret.is_empty() {
        "holds no credential"
    } else if PLACEHOLDERS.contains(&secret) || (secret.starts_with('<') && secret.ends_with('>')) {
        "holds a placeholder instead of a credential"
    } else {
        return None;
    };
    let variables = value.node().provenance.variables.join(", ");
    let hint = if variables.is_empty() { "write the credential".to_owned() } else { format!("set {variables}") };
    Some((what, hint))
}

/// Headers that say how an answer is framed and what becomes of its connection.
const OF_THE_CONNECTION: [&str; 6] =
    ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];

const PLACEHOLDERS: [&str; 8] =
    ["changeme", "change-me", "xxx", "todo", "your-api-key", "your_api_key", "your-token", "your_token"];
