//! How `${NAME}` becomes the value of a variable: the Collector's rules, except that a value is never expanded again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::environment::Environment;
use super::problem::{Mistake, Place, Problem};
use super::yaml::{Node, Provenance, Scalar, Style, Value, parse};

/// What expansion has to say beside the expanded tree.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub found: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// `node` with every reference in its values replaced; keys stay as they are.
pub(crate) fn expand(node: Node, env: &dyn Environment) -> (Node, Remarks) {
    let mut expander = Expander { env, remarks: Remarks::default(), reported: BTreeSet::new(), spent: 0 };
    let node = expander.node(node, None);
    (node, expander.remarks)
}

struct Expander<'e> {
    env: &'e dyn Environment,
    remarks: Remarks,
    /// Unset variables are named once each.
    reported: BTreeSet<Arc<str>>,
    /// Bytes that values of variables have taken so far.
    spent: usize,
}

/// The way to a value, written out only where there is something to say.
struct Step<'s> {
    outer: Option<&'s Step<'s>>,
    key: &'s str,
}

/// A text with its references replaced.
#[derive(Debug, Default, PartialEq)]
struct Expansion {
    text: String,
    variables: Vec<Arc<str>>,
    unset: Vec<Arc<str>>,
    extent: Extent,
    faults: Vec<String>,
}

/// How much of a text the references made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Extent {
    /// Nothing was replaced.
    #[default]
    Nothing,
    /// The whole text is one reference.
    Whole,
    /// Anything else.
    Part,
}

impl Expander<'_> {
    fn node(&mut self, node: Node, path: Option<&Step<'_>>) -> Node {
        let Node { place, value, provenance } = node;
        let value = match value {
            Value::Scalar(scalar) => return self.scalar(scalar, place, provenance, path),
            Value::List(items) => {
                let mut expanded = Vec::with_capacity(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    expanded.push(self.node(item, Some(&Step { outer: path, key: &at.to_string() })));
                }
                Value::List(expanded)
            }
            Value::Map(mut entries) => {
                for entry in &mut entries {
                    let empty = Node::text(entry.place.clone(), "");
                    let value = std::mem::replace(&mut entry.value, empty);
                    entry.value = self.node(value, Some(&Step { outer: path, key: &entry.key }));
                }
                Value::Map(entries)
            }
        };
        Node { place, value, provenance }
    }

    fn scalar(&mut self, scalar: Scalar, place: Place, provenance: Provenance, path: Option<&Step<'_>>) -> Node {
        if !scalar.text.contains('$') {
            return Node { place, value: Value::Scalar(scalar), provenance };
        }
        let expansion = expand_text(&scalar.text, self.env);
        self.remark(&expansion, &place, path);
        self.spent = self.spent.saturating_add(expansion.text.len());
        if MAX_VALUES < self.spent {
            let what = format!("the values of variables add up to more than {} MiB", MAX_VALUES >> 20);
            self.remarks.found.push(Problem::new(Some(place.clone()), render(path), what));
            return Node::text(place, "");
        }
        let Expansion { text, variables, unset, extent, .. } = expansion;
        let mut provenance = Provenance { variables, unset, original: None };
        let value = match extent {
            Extent::Whole => {
                provenance.original = Some(text.clone());
                typed(text, &place)
            }
            Extent::Nothing | Extent::Part => Value::Scalar(Scalar { text, style: scalar.style }),
        };
        Node { place, value, provenance }
    }

    fn remark(&mut self, expansion: &Expansion, place: &Place, path: Option<&Step<'_>>) {
        for fault in &expansion.faults {
            self.remarks.found.push(Problem::new(Some(place.clone()), render(path), fault.clone()));
        }
        for name in &expansion.unset {
            if self.reported.insert(name.clone()) {
                let what = format!("configuration references unset environment variable {name}");
                let hint = format!("set it, or write ${{env:{name}:-default}}");
                let warning = Problem::new(Some(place.clone()), render(path), what).hint(hint);
                self.remarks.warnings.push(warning.is(Mistake::UnexpandedVariable));
            }
        }
    }
}

/// What YAML makes of the value of a variable; what is no YAML is a string.
fn typed(text: String, place: &Place) -> Value {
    match parse(&text, &place.source) {
        Ok(document) if document.found.is_empty() && document.second.is_none() => match document.root {
            Some(mut root) => {
                move_to(&mut root, place);
                root.value
            }
            None => Value::Scalar(Scalar { text: String::new(), style: Style::Plain }),
        },
        _ => Value::Scalar(Scalar { text, style: Style::Quoted }),
    }
}

/// The value of a variable stands where its reference stands.
fn move_to(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| move_to(item, place)),
        Value::Map(entries) => {
            for entry in entries {
                entry.place = place.clone();
                move_to(&mut entry.value, place);
            }
        }
    }
}

/// One pass from left to right: `$$` is `$`, `${` opens a reference, `}` closes the innermost one.
fn expand_text(text: &str, env: &dyn Environment) -> Expansion {
    let mut done = Expansion::default();
    // What stands outside of references, then inside each open one.
    let mut levels = vec![String::new()];
    let mut references = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut width = c.len_utf8();
        match c {
            '$' if rest.starts_with("$$") => {
                width = 2;
                push(&mut levels, "$");
            }
            '$' if rest.starts_with("${") => {
                width = 2;
                levels.push(String::new());
            }
            '}' if 1 < levels.len() => {
                let content = levels.pop().unwrap_or_default();
                references += usize::from(levels.len() == 1);
                let value = done.resolve(&content, env);
                push(&mut levels, &value);
            }
            _ => push(&mut levels, &rest[..width]),
        }
        rest = &rest[width..];
    }
    let outside = text.strip_prefix("${").and_then(|inner| inner.strip_suffix('}'));
    done.extent = match (references, outside) {
        (0, _) => Extent::Nothing,
        (1, Some(_)) => Extent::Whole,
        _ => Extent::Part,
    };
    // What is never closed is no reference. Endpoints and headers complain of it by themselves.
    done.text = levels.join("${");
    done
}

fn push(levels: &mut [String], text: &str) {
    if let Some(level) = levels.last_mut() {
        level.push_str(text);
    }
}

impl Expansion {
    /// The value of the reference `${content}`; nothing when there is none.
    fn resolve(&mut self, content: &str, env: &dyn Environment) -> String {
        let Reference { name, default } = match Reference::parse(content) {
            Ok(reference) => reference,
            Err(fault) => {
                self.faults.push(fault);
                return String::new();
            }
        };
        let variable: Arc<str> = name.into();
        self.variables.push(variable.clone());
        match (env.var(name), default) {
            (Some(value), _) => value,
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                self.unset.push(variable);
                String::new()
            }
        }
    }
}

struct Reference<'t> {
    name: &'t str,
    default: Option<&'t str>,
}

impl<'t> Reference<'t> {
    /// `NAME`, `env:NAME`, either with `:-default`. The Collector takes a default only behind `env:`.
    fn parse(content: &'t str) -> Result<Reference<'t>, String> {
        let content = match content.split_once(':') {
            Some(("env", rest)) => rest,
            Some((scheme, rest)) if !rest.starts_with('-') => return Err(refuse_scheme(scheme, content)),
            _ => content,
        };
        let (name, default) = match content.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (content, None),
        };
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok(Reference { name, default });
        }
        Err(format!(
            "environment variable \"{name}\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$; \
                     write $${{ for a literal \"${{\""
        ))
    }
}

fn refuse_scheme(scheme: &str, content: &str) -> String {
    match scheme {
        "file" | "yaml" | "http" | "https" => {
            format!("the Collector's configuration source \"{scheme}:\" is not supported by otlp-relay yet")
        }
        _ => {
            let meant = content.replacen(':', ":-", 1);
            format!("scheme \"{scheme}\" is not supported for uri \"{content}\"; write ${{env:{meant}}} for a default")
        }
    }
}

fn render(path: Option<&Step<'_>>) -> String {
    let mut keys = Vec::new();
    let mut step = path;
    while let Some(Step { outer, key }) = step {
        keys.push(*key);
        step = *outer;
    }
    keys.reverse();
    keys.join("::")
}

/// Bytes that all values of variables may take together.
const MAX_VALUES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;
    use std::io;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::yaml::Typed;

    struct Variables(HashMap<&'static str, String>);

    impl Environment for Variables {
        fn var(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }
        fn exists(&self, _: &Path) -> bool {
            false
        }
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn variables() -> Variables {
        let pairs = [("A", "alpha"), ("N", "5"), ("EMPTY", ""), ("WHICH", "A"), ("PASS", "p$$a${A}ss"), ("Z", "0123")];
        Variables(pairs.map(|(name, value)| (name, value.to_owned())).into())
    }

    #[track_caller]
    fn check(text: &str, expected: &str, extent: Extent) {
        let expansion = expand_text(text, &variables());
        assert_eq!((expansion.text.as_str(), expansion.extent), (expected, extent), "{text}");
        assert_eq!(expansion.faults, Vec::<String>::new(), "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        let faults = expand_text(text, &variables()).faults;
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{text}: {faults:?}");
    }

    #[test]
    fn references_follow_the_collectors_rules() {
        check("${A}", "alpha", Extent::Whole);
        check("${env:A}", "alpha", Extent::Whole);
        check("${env:NONE:-d}", "d", Extent::Whole);
        check("${NONE:-d}", "d", Extent::Whole);
        check("${env:NONE:-}", "", Extent::Whole);
        check("${env:EMPTY:-d}", "", Extent::Whole);
        check("http://${A}:${N}", "http://alpha:5", Extent::Part);
        check("${A}${A}", "alphaalpha", Extent::Part);
        check("$A and 5$", "$A and 5$", Extent::Nothing);
        check("$${A} then ${A}", "${A} then alpha", Extent::Part);
        check("$$${A}", "$alpha", Extent::Part);
        check("$$$${A}", "$${A}", Extent::Nothing);
        check("${env:${WHICH}}", "alpha", Extent::Whole);
        check("${env:NONE:-${env:A}}", "alpha", Extent::Whole);
        check("a}b", "a}b", Extent::Nothing);
        check("${A", "${A", Extent::Nothing);
        check("${x${A}", "${xalpha", Extent::Nothing);
    }

    #[test]
    fn the_value_of_a_variable_is_never_expanded_again() {
        check("${PASS}", "p$$a${A}ss", Extent::Whole);
        check("x${PASS}", "xp$$a${A}ss", Extent::Part);
    }

    #[test]
    fn bad_references_say_what_is_wrong() {
        check_fault("${1A}", "environment variable \"1A\" has invalid name");
        check_fault("${file:/x}", "\"file:\" is not supported by otlp-relay yet");
        check_fault("${vault:x}", "scheme \"vault\" is not supported for uri \"vault:x\"");
    }

    #[test]
    fn a_whole_reference_has_the_type_of_its_value_and_keeps_its_text() {
        let scalar = |text: &str| {
            let place = Place { source: "t".into(), line: 3, column: 4 };
            expand(Node::text(place, text), &variables()).0
        };
        let node = scalar("${Z}");
        assert_eq!(node.provenance.original.as_deref(), Some("0123"));
        assert!(matches!(&node.value, Value::Scalar(scalar) if scalar.typed() == Typed::Integer(83)));
        let node = scalar("${NONE}");
        assert!(node.is_null());
        assert_eq!(node.provenance.unset, ["NONE".into()]);
        let node = scalar("${NONE:-[a, b]}");
        assert!(matches!(&node.value, Value::List(items) if items.len() == 2));
    }

    proptest! {
        #[test]
        fn text_without_references_is_only_unescaped(text in "[a-z{}:\\- ]{0,20}") {
            prop_assert_eq!(expand_text(&text, &variables()).text, text.clone());
            let escaped = format!("$${text}");
            prop_assert_eq!(expand_text(&escaped, &variables()).text, format!("${text}"));
        }

        #[test]
        fn any_value_arrives_as_it_is(value in "\\PC{0,40}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let env = Variables(HashMap::from([("V", value.clone())]));
            let text = format!("{before}${{env:V}}{after}");
            prop_assert_eq!(expand_text(&text, &env).text, format!("{before}{value}{after}"));
        }

        #[test]
        fn no_text_panics(text in "[${}:\\-eénvA]{0,40}") {
            let _ = expand_text(&text, &variables());
        }
    }
}
