//! What a configuration is once everything is put together: for `print-config`.
//!
//! The tree that the decoder read, with the defaults that it takes in the places where nothing is written. So every key
//! that the decoder accepts is shown, and no key is listed twice but those with a default.

mod defaults;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Plain};

use super::model::without_values;
use super::plain::typed;
use super::yaml::{Node, Value};

/// Whether secret values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Each is `[REDACTED]`.
    Redacted,
    /// As they are.
    Shown,
}

/// A whole configuration, to be printed. Keys are in alphabetical order.
#[derive(Clone, Debug, PartialEq)]
pub struct Description(Plain);

/// What the decoder learned of the values that it read, by their paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Those that must not be shown.
    pub secrets: BTreeSet<String>,
    /// Those that were read as text, where YAML gives them another type.
    pub texts: BTreeMap<String, String>,
}

impl Description {
    /// Of the configuration in `root`.
    pub(crate) fn of(root: &Node, notes: &Notes, secrets: Secrets) -> Description {
        let mut root = root.clone();
        defaults::fill(&mut root);
        Description(Describer { notes, secrets }.value(&root, &mut String::new(), ""))
    }

    /// In YAML, indented by 4 as the Collector does, with an empty line at the end.
    pub fn to_yaml(&self) -> String {
        let mut text = yaml::write(&self.0);
        text.push('\n');
        text
    }

    /// In JSON, indented by 2.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.0)
    }
}

struct Describer<'a> {
    notes: &'a Notes,
    secrets: Secrets,
}

impl Describer<'_> {
    /// The value of `node`, which stands at `path` behind `key`.
    fn value(&self, node: &Node, path: &mut String, key: &str) -> Plain {
        let outer = path.len();
        let mut inside = |key: &str, node: &Node| {
            if outer != 0 {
                path.push_str("::");
            }
            path.push_str(key);
            let value = self.value(node, path, key);
            path.truncate(outer);
            value
        };
        match &node.value {
            Value::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), inside(&entry.key, &entry.value)));
                Plain::Object(pairs.collect::<Map<_, _>>())
            }
            Value::List(items) => {
                Plain::Array(items.iter().enumerate().map(|(at, item)| inside(&at.to_string(), item)).collect())
            }
            Value::Scalar(scalar) => {
                let text = self.notes.texts.get(path).map(|text| Plain::from(text.as_str()));
                self.scalar(text.unwrap_or_else(|| typed(scalar)), path, key)
            }
        }
    }

    fn scalar(&self, value: Plain, path: &str, key: &str) -> Plain {
        let is_secret = self.notes.secrets.contains(path)
            || SECRET_ENDINGS.iter().any(|ending| key.ends_with(ending))
            || (key == "proxy_url" && value.as_str().is_some_and(|text| text.contains('@') && !text.contains("://")));
        match (self.secrets, value) {
            (Secrets::Redacted, value) if is_secret && !value.is_null() => Plain::from("[REDACTED]"),
            (Secrets::Redacted, Plain::String(text)) => Plain::from(escaped(&without_secrets(text))),
            (_, Plain::String(text)) => Plain::from(escaped(&text)),
            (_, value) => value,
        }
    }
}

/// A URL without user name and password, and without the values of its query. Any other text as it is.
fn without_secrets(text: String) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    if !scheme.chars().all(|c| c.is_ascii_alphanumeric()) {
        return text;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    // Behind what is no port, a slash that should be percent-encoded has cut a password in two.
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    let is_cut = port.is_some_and(|port| port.chars().any(|c| !c.is_ascii_digit()));
    let user = if is_cut { rest.rfind('@') } else { authority.rfind('@') };
    let shown = match user {
        Some(at) => format!("[REDACTED]{}", &rest[at..]),
        None => rest.to_owned(),
    };
    match shown.split_once('?') {
        Some((address, query)) => format!("{scheme}://{address}?{}", without_values(query)),
        None => format!("{scheme}://{shown}"),
    }
}

/// `text` as it must be written to be read as it is.
fn escaped(text: &str) -> String {
    if text.contains("$$") || text.contains("${") { text.replace('$', "$$") } else { text.to_owned() }
}

/// Keys that hold secrets wherever they stand. The decoder names all others.
const SECRET_ENDINGS: &[&str] = &["_pem", "password", "secret", "token"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_it_was() {
        for (text, expected) in [("a$b$", "a$b$"), ("a${b}", "a$${b}"), ("$$", "$$$$"), ("$a${", "$$a$${")] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn a_url_is_shown_without_its_user_and_the_values_of_its_query() {
        let check = |text: &str, shown: &str| assert_eq!(without_secrets(text.to_owned()), shown);
        check("http://u:p@h:1/x@y", "http://[REDACTED]@h:1/x@y");
        check("http://u:p/p@h:1/x", "http://[REDACTED]@h:1/x");
        check("http://h/x@y", "http://h/x@y");
        check("http://[::1]:1/x@y", "http://[::1]:1/x@y");
        check("http://h/x?key=k&tenant=t&b", "http://h/x?key=[REDACTED]&tenant=[REDACTED]&[REDACTED]");
        check("a@b", "a@b");
        check("^https?://a", "^https?://a");
    }
}
