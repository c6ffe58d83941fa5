//! How references become values: the Collector's rules, except that data is never expanded again.
//!
//! What a variable holds is data, and so is a single value in a file or on a page: a password with a `$` stays as it
//! is. A map or a list in a file or on a page is configuration, whose own references are expanded.

mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::environment::Environment;
use super::problem::{Mistake, Place, Problem};
use super::source::Source;
use super::yaml::{Document, Node, Provenance, Scalar, Style, Value, parse};

use text::{Expansion, Extent, Sources, expand_text};

/// What expansion has to say beside the expanded tree.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub found: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// `node` with every reference in its values replaced; keys stay as they are.
pub(crate) fn expand(node: Node, env: &dyn Environment) -> (Node, Remarks) {
    let mut expander = Expander {
        sources: Sources::new(env),
        remarks: Remarks::default(),
        reported: BTreeSet::new(),
        spent: 0,
        depth: 0,
    };
    let node = expander.node(node, None);
    (node, expander.remarks)
}

struct Expander<'e> {
    sources: Sources<'e>,
    remarks: Remarks,
    /// Unset variables are named once each.
    reported: BTreeSet<Arc<str>>,
    /// Bytes that values have taken so far.
    spent: usize,
    /// How many sources inside of one another are being expanded.
    depth: usize,
}

/// The way to a value, written out only where there is something to say.
struct Step<'s> {
    outer: Option<&'s Step<'s>>,
    key: &'s str,
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
        let expansion = expand_text(&scalar.text, &mut self.sources);
        self.remark(&expansion, &place, path);
        self.spent = self.spent.saturating_add(expansion.text.len());
        if MAX_VALUES < self.spent {
            let what = format!("the values of references add up to more than {} MiB", MAX_VALUES >> 20);
            self.remarks.found.push(Problem::new(Some(place.clone()), render(path), what));
            return Node::text(place, "");
        }
        let Expansion { text, variables, unset, included, extent, whole, unclosed, .. } = expansion;
        let mut provenance = Provenance { variables, unset, sources: included, unclosed, original: None };
        let value = match (extent, whole) {
            (Extent::Whole, Some(name)) => match self.included(Source { name, text: text.clone() }, path) {
                Some(node) => return node,
                None => {
                    provenance.original = Some(text.clone());
                    typed(text, &place)
                }
            },
            (Extent::Whole, None) => {
                provenance.original = Some(text.clone());
                typed(text, &place)
            }
            (Extent::Nothing | Extent::Part, _) => Value::Scalar(Scalar { text, style: scalar.style }),
        };
        Node { place, value, provenance }
    }

    /// The map or list in `source`, expanded; nothing where it holds a single value.
    fn included(&mut self, source: Source, path: Option<&Step<'_>>) -> Option<Node> {
        let Ok(Document { root: Some(root), found, .. }) = source.document() else { return None };
        if matches!(root.value, Value::Scalar(_)) {
            return None;
        }
        self.remarks.found.extend(found);
        if self.depth == MAX_INCLUSION {
            let what = format!("files that include one another more than {MAX_INCLUSION} levels deep");
            self.remarks.found.push(Problem::new(Some(root.place.clone()), render(path), what));
            return Some(Node::null(root.place));
        }
        self.depth += 1;
        let node = self.node(root, path);
        self.depth -= 1;
        Some(node)
    }

    fn remark(&mut self, expansion: &Expansion, place: &Place, path: Option<&Step<'_>>) {
        for fault in &expansion.faults {
            self.remarks.found.push(Problem::new(Some(place.clone()), render(path), fault.clone()));
        }
        for warning in &expansion.warnings {
            self.remarks.warnings.push(Problem::new(Some(place.clone()), render(path), warning.clone()));
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

/// What YAML makes of data; what is no YAML is a string.
fn typed(text: String, place: &Place) -> Value {
    match parse(&text, &place.source) {
        Ok(document) if document.found.is_empty() && document.second.is_none() => match document.root {
            Some(mut root) => {
                // A value stands where its reference stands.
                root.move_to(place);
                root.value
            }
            None => Value::Scalar(Scalar { text: String::new(), style: Style::Plain }),
        },
        _ => Value::Scalar(Scalar { text, style: Style::Quoted }),
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

/// Bytes that all values of references may take together.
const MAX_VALUES: usize = 32 << 20;
/// Files that include files.
const MAX_INCLUSION: usize = 8;

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::config::yaml::Typed;

    /// Variables and files that the tests speak of.
    struct World;

    impl Environment for World {
        fn var(&self, name: &str) -> Option<String> {
            [("Z", "0123"), ("N", "5")].into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        }
        fn exists(&self, _: &Path) -> bool {
            false
        }
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            match path.to_str() {
                Some("map.yaml") => Ok(b"a: ${N}\nb: x\n".to_vec()),
                Some("loop.yaml") => Ok(b"[\"${file:loop.yaml}\", \"${file:loop.yaml}\"]".to_vec()),
                Some("number") => Ok(b"7\n".to_vec()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    fn scalar(text: &str) -> (Node, Remarks) {
        let place = Place { source: "t".into(), line: 3, column: 4 };
        expand(Node::text(place, text), &World)
    }

    #[test]
    fn a_whole_reference_has_the_type_of_its_value_and_keeps_its_text() {
        let node = scalar("${Z}").0;
        assert_eq!(node.provenance.original.as_deref(), Some("0123"));
        assert!(matches!(&node.value, Value::Scalar(scalar) if scalar.typed() == Typed::Integer(83)));
        let node = scalar("${NONE}").0;
        assert!(node.is_null());
        assert_eq!(node.provenance.unset, ["NONE".into()]);
        let node = scalar("${NONE:-[a, b]}").0;
        assert!(matches!(&node.value, Value::List(items) if items.len() == 2));
        let node = scalar("${file:number}").0;
        assert_eq!((node.provenance.original.as_deref(), node.place.to_string().as_str()), (Some("7"), "t:3:4"));
    }

    #[test]
    fn a_map_in_a_file_is_configuration_with_places_of_its_own() {
        let (node, remarks) = scalar("${file:map.yaml}");
        let Value::Map(entries) = &node.value else { unreachable!("{node:?}") };
        let values: Vec<String> = entries
            .iter()
            .map(|entry| format!("{} {} {:?}", entry.key, entry.value.place, entry.value.value))
            .collect();
        assert!(values[0].starts_with("a map.yaml:1:4") && values[0].contains("\"5\""), "{values:?}");
        assert!(values[1].starts_with("b map.yaml:2:4"), "{values:?}");
        assert!(remarks.found.is_empty());
    }

    #[test]
    fn files_that_include_one_another_come_to_an_end() {
        let (_, remarks) = scalar("${file:loop.yaml}");
        let said: Vec<String> = remarks.found.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|problem| problem.contains("more than 8 levels deep")), "{said:?}");
        assert!(said.iter().any(|problem| problem.contains("more than 200 references")), "{said:?}");
    }
}
