//! How a network address is taken apart: scheme, host, port and path, and what exactly is wrong with it.

use crate::config::problem::{Mistake, Problem};

/// The parts of an endpoint, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// In lower case, without `://`.
    pub scheme: Option<String>,
    /// Without the brackets of an IPv6 address; may be empty.
    pub host: String,
    pub port: Option<u16>,
    /// From the first slash behind the authority, query included.
    pub path: String,
}

/// Takes `text` apart. A problem quotes the text without user name and password.
pub(super) fn parse(text: &str) -> Result<Address, Problem> {
    check_characters(text)?;
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    if scheme.is_none() {
        check_mangled_scheme(text)?;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        let what = format!("the endpoint {} holds a user name or a password", shown(text));
        return Err(fault(what).hint("send credentials in headers: authorization"));
    }
    if let Some(name) = authority.split_once('$').and_then(|(_, rest)| reference_name(rest)) {
        let problem = fault(format!("the endpoint {} holds ${name}, which is not expanded", shown(text)));
        return Err(problem.hint(format!("write ${{env:{name}}}")).is(Mistake::UnexpandedVariable));
    }
    let (host, port) = host_and_port(authority)?;
    Ok(Address { scheme, host, port, path: path.to_owned() })
}

/// Splits `host:port`, `[::1]:port`, `:port` or `host`; the messages are Go's.
pub(super) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), Problem> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, rest),
            Some(_) => return Err(fault(format!("address {authority}: no IPv6 address between the brackets"))),
            None => return Err(fault(format!("address {authority}: missing ']' in address"))),
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => {
            let problem = fault(format!("address {authority}: too many colons in address"));
            return Err(problem.hint(format!("an IPv6 address needs brackets: {}", with_brackets(authority))));
        }
        Some(port) => Some(port_number(port)?),
        None if rest.is_empty() => None,
        None => return Err(fault(format!("address {authority}: no colon before the port"))),
    };
    Ok((host.to_owned(), port))
}

/// `::1:4317` as it was meant.
fn with_brackets(authority: &str) -> String {
    match authority.rsplit_once(':') {
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => format!("[{host}]:{port}"),
        _ => "[::1]:4317".to_owned(),
    }
}

fn port_number(text: &str) -> Result<u16, Problem> {
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(port) if is_number => Ok(port),
        _ if is_number => Err(fault(format!("invalid port \"{text}\"")).hint("ports go up to 65535")),
        _ if text.is_empty() => Err(fault("no port behind the colon").is(Mistake::MissingPort)),
        _ => Err(fault(format!("invalid port \"{text}\"")).hint("write the port as a number")),
    }
}

/// The variable in what follows a `$` without a brace, which early versions of the Collector expanded.
fn reference_name(rest: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    rest.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// What no address contains, with the text corrected where that is possible.
fn check_characters(text: &str) -> Result<(), Problem> {
    if text.contains("${") {
        let problem = fault(format!("the endpoint {} holds a reference that was not expanded", shown(text)));
        return Err(problem.hint("close it with }, or write ${env:NAME}").is(Mistake::UnexpandedVariable));
    }
    if text.find('<').is_some_and(|start| text[start..].contains('>')) {
        return Err(fault(format!("the endpoint {} holds a placeholder", shown(text))).hint("write the address"));
    }
    let unfit = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || "\"'`<>\\{}|^".contains(c);
    let Some((at, unfit_char)) = text.chars().enumerate().find(|(_, c)| unfit(*c)) else { return Ok(()) };
    let name = character_name(unfit_char);
    let what = format!("the endpoint {} has {name} at character {}", shown(text), at + 1);
    let trimmed = text.trim_matches(unfit);
    if trimmed.contains(unfit) || trimmed.is_empty() {
        return Err(fault(what));
    }
    Err(fault(what).hint(format!("write {}", shown(trimmed))))
}

/// `http:/host`, `http//host` and the like.
fn check_mangled_scheme(text: &str) -> Result<(), Problem> {
    for scheme in ["https", "http", "grpc"] {
        let Some(rest) = text.strip_prefix(scheme) else { continue };
        let host = rest.trim_start_matches([':', '/']);
        if rest.starts_with([':', '/']) && rest.contains('/') && !host.is_empty() {
            let hint = format!("write {}", shown(&format!("{scheme}://{host}")));
            return Err(fault(format!("the endpoint {} has a broken scheme", shown(text))).hint(hint));
        }
    }
    Ok(())
}

/// A text for messages: quoted, without what stands before an `@`.
pub(super) fn shown(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return format!("{text:?}") };
    let scheme = text.find("://").filter(|end| end + 3 <= at).map_or("", |end| &text[..end + 3]);
    format!("{:?}", format!("{scheme}[REDACTED]{}", &text[at..]))
}

/// What a person calls a character that cannot be seen.
pub(super) fn character_name(c: char) -> String {
    match c {
        '\n' | '\r' => "a line break".to_owned(),
        ' ' => "a blank".to_owned(),
        '\t' => "a tab".to_owned(),
        '"' | '\'' | '`' => "a quotation mark".to_owned(),
        '\u{a0}' => "a no-break space (U+00A0)".to_owned(),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {
            format!("an invisible character (U+{:04X})", c as u32)
        }
        c if c.is_control() => format!("a control character (U+{:04X})", c as u32),
        c if !c.is_ascii() => format!("a character that is not ASCII (U+{:04X})", c as u32),
        c => format!("the character {c:?}"),
    }
}

fn fault(what: impl Into<String>) -> Problem {
    Problem::new(None, "", what).is(Mistake::InvalidEndpoint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, scheme: Option<&str>, host: &str, port: Option<u16>, path: &str) {
        let expected =
            Address { scheme: scheme.map(str::to_owned), host: host.to_owned(), port, path: path.to_owned() };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        match parse(text) {
            Ok(address) => panic!("{text}: {address:?}"),
            Err(problem) => assert_eq!(problem.to_string(), expected, "{text}"),
        }
    }

    #[test]
    fn an_address_has_a_scheme_a_host_a_port_and_a_path() {
        check("localhost:4317", None, "localhost", Some(4317), "");
        check("HTTP://[::1]:4318/otlp?x", Some("http"), "::1", Some(4318), "/otlp?x");
        check("dns:///backend:4317", Some("dns"), "", None, "/backend:4317");
        check(":4317", None, "", Some(4317), "");
        check("backend", None, "backend", None, "");
    }

    #[test]
    fn what_is_wrong_is_named_and_mended() {
        check_fault("host:99999", "invalid port \"99999\"; ports go up to 65535");
        check_fault("host:http", "invalid port \"http\"; write the port as a number");
        check_fault(
            "::1:4317",
            "address ::1:4317: too many colons in address; an IPv6 address needs brackets: [::1]:4317",
        );
        check_fault("host:4317 ", "the endpoint \"host:4317 \" has a blank at character 10; write \"host:4317\"");
        check_fault(
            "'host:4317'",
            "the endpoint \"'host:4317'\" has a quotation mark at character 1; write \"host:4317\"",
        );
        check_fault(
            "http//host:4318",
            "the endpoint \"http//host:4318\" has a broken scheme; write \"http://host:4318\"",
        );
        check_fault("http://[::1:4318", "address [::1:4318: missing ']' in address");
        check_fault(
            "http://me:secret@host:4318",
            "the endpoint \"http://[REDACTED]@host:4318\" holds a user name or a password; \
             send credentials in headers: authorization",
        );
        check_fault(
            "http://$BACKEND:4318",
            "the endpoint \"http://$BACKEND:4318\" holds $BACKEND, which is not expanded; write ${env:BACKEND}",
        );
        check_fault("me:secret@ho st", "the endpoint \"[REDACTED]@ho st\" has a blank at character 13");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(https?:?/{0,2}|dns:///)?[-a-z:\\[\\]@./?# é\"0-9$]{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_stands_before_an_at_sign_is_never_shown(secret in "[a-z:/]{6,12}", rest in "[a-z :]{0,10}") {
            let text = format!("http://u{secret}@{rest}");
            prop_assert!(!shown(&text).contains(&secret));
        }
    }
}
