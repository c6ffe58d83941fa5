//! What a YAML document looks like to the rest of the configuration: a tree in which every value knows its place.

mod build;
mod parse;
mod scalar;

use std::sync::Arc;

use super::problem::Place;

pub(crate) use parse::{Document, parse};
pub(crate) use scalar::Typed;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// A scalar's own place; that of its key for everything else, since people look for the key.
    pub place: Place,
    pub value: Value,
    pub provenance: Provenance,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

/// Text that has no type yet: a reader that wants a string takes it as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub text: String,
    pub style: Style,
}

/// Whether YAML gives a scalar a type by its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// It may be a number, a boolean or null.
    Plain,
    /// Quotes, a block or `!!str`: it is a string.
    Quoted,
}

/// What the environment had to do with a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenance {
    /// The variables that the value was taken from, in order.
    pub variables: Vec<Arc<str>>,
    /// Those of them that are not set and have no default.
    pub unset: Vec<Arc<str>>,
    /// The URIs of files and other sources that the value was taken from, in order.
    pub sources: Vec<Arc<str>>,
    /// Whether a reference is opened and never closed: it stands in the value as it was written.
    pub unclosed: bool,
    /// What stood in the variable before YAML gave it a type: a reader that wants a string takes this.
    pub original: Option<String>,
}

impl Node {
    /// A string that needs no expansion.
    pub(crate) fn text(place: Place, text: impl Into<String>) -> Node {
        let scalar = Scalar { text: text.into(), style: Style::Quoted };
        Node { place, value: Value::Scalar(scalar), provenance: Provenance::default() }
    }

    /// A map of `entries`.
    pub(crate) fn map(place: Place, entries: Vec<Entry>) -> Node {
        Node { place, value: Value::Map(entries), provenance: Provenance::default() }
    }

    /// The node that a path in Collector notation leads to.
    pub(crate) fn at(&self, path: &str) -> Option<&Node> {
        path.split("::").try_fold(self, |node, key| match &node.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            Value::Scalar(_) | Value::List(_) => None,
        })
    }

    /// Whether the value, or a part of it, was taken from a variable.
    pub(crate) fn is_from_variable(&self) -> bool {
        !self.provenance.variables.is_empty()
    }

    /// Whether this is null or a map without keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_null() || matches!(&self.value, Value::Map(entries) if entries.is_empty())
    }

    /// Nothing.
    pub(crate) fn null(place: Place) -> Node {
        let scalar = Scalar { text: String::new(), style: Style::Plain };
        Node { place, value: Value::Scalar(scalar), provenance: Provenance::default() }
    }

    /// From now on this and all that is inside stands at `place`.
    pub(crate) fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.place = place.clone();
                    entry.value.move_to(place);
                }
            }
        }
    }

    /// Whether nothing is written here, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.typed() == Typed::Null)
    }
}
