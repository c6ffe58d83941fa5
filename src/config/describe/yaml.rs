//! How a value is written as YAML: in blocks, indented by 4, with quotes where a reader could take a text for something
//! else.

use serde_json::Value as Plain;

use crate::config::yaml::{Scalar, Style, Typed};

/// The text of `value`, which ends with a line break.
pub(super) fn write(value: &Plain) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

/// Writes `value` from the beginning of a line, `indent` blanks deep.
fn block(text: &mut String, value: &Plain, indent: usize) {
    match value {
        Plain::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                push_indent(text, indent);
                push_text(text, key);
                text.push(':');
                behind(text, value, indent);
            }
        }
        Plain::Array(items) if !items.is_empty() => {
            for item in items {
                let start = text.len();
                block(text, item, indent + DASH.len());
                // The dash stands in the indentation of what it begins.
                text.replace_range(start + indent..start + indent + DASH.len(), DASH);
            }
        }
        other => {
            push_indent(text, indent);
            scalar(text, other);
            text.push('\n');
        }
    }
}

/// Writes `value` behind a key or a dash.
fn behind(text: &mut String, value: &Plain, indent: usize) {
    match value {
        Plain::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            block(text, value, indent + STEP);
        }
        Plain::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(text, value, indent + STEP);
        }
        other => {
            text.push(' ');
            scalar(text, other);
            text.push('\n');
        }
    }
}

fn scalar(text: &mut String, value: &Plain) {
    match value {
        Plain::String(value) => push_text(text, value),
        // Numbers, truth values, null, [] and {} are the same in JSON and YAML.
        other => text.push_str(&other.to_string()),
    }
}

fn push_text(text: &mut String, value: &str) {
    if is_plain(value) {
        text.push_str(value);
        return;
    }
    // The strings of JSON are strings of YAML, but for characters that YAML takes for line breaks or refuses.
    for c in Plain::from(value).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => text.push(c),
        }
    }
}

/// Whether `value` is a text without quotes, whoever reads it.
fn is_plain(value: &str) -> bool {
    let scalar = Scalar { text: value.to_owned(), style: Style::Plain };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_./-+".contains(c);
    let inner_colons = value.replace("::", "").match_indices(':').all(|(at, _)| at != 0 && at + 1 != value.len());
    matches!(scalar.typed(), Typed::Text(_))
        && value.starts_with(|c: char| c.is_ascii_alphanumeric() || "_/.".contains(c))
        && value.chars().all(|c| fits(c) || c == ':')
        && inner_colons
        && !value.ends_with(':')
        && !YAML_1_1.contains(&value.to_ascii_lowercase().as_str())
}

fn push_indent(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

const STEP: usize = 4;
const DASH: &str = "- ";
/// Words that older readers take for truth values.
const YAML_1_1: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::plain::plain;
    use crate::config::yaml::parse;

    #[test]
    fn a_value_is_written_in_blocks() {
        let value =
            json!({"a": {"b": [1, {"c": "d", "e": null}, []], "f": {}}, "g": "h:4317", "i": "[REDACTED]", "j": "5"});
        let expected = "a:\n    b:\n        - 1\n        - c: d\n          e: null\n        - []\n    f: {}\n\
                        g: h:4317\ni: \"[REDACTED]\"\nj: \"5\"\n";
        assert_eq!(write(&value), expected);
    }

    fn values() -> impl Strategy<Value = Plain> {
        let leaf = prop_oneof![
            Just(Plain::Null),
            any::<bool>().prop_map(Plain::from),
            any::<i64>().prop_map(Plain::from),
            any::<u64>().prop_map(Plain::from),
            (-1e9..1e9).prop_map(Plain::from),
            "\\PC{0,12}".prop_map(Plain::from),
            any::<String>().prop_map(Plain::from),
            "[-:a-f0-9.# ]{0,8}".prop_map(Plain::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Plain::from),
                prop::collection::btree_map("[-a-z0-9:# ]{1,8}", inner, 0..4)
                    .prop_map(|map| Plain::Object(map.into_iter().filter(|(key, _)| !key.contains("::")).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            let text = write(&value);
            let document = parse(&text, &"t".into()).map_err(|problem| TestCaseError::fail(format!("{problem}\n{text}")))?;
            prop_assert_eq!(plain(&document.root.unwrap()), value, "{}", text);
        }
    }
}
