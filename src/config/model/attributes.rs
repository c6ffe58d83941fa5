//! `processors::resource` and `processors::attributes`

use serde_json::Value;

use super::{ContextFact, Matching, Pattern};

/// `processors::resource` or `processors::attributes`: what is done to attributes, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    /// Whose attributes they are.
    pub of: AttributesOf,
    /// `include` and `exclude` of `attributes`.
    pub matching: Box<Matching>,
    /// `attributes` of `resource`, `actions` of `attributes`; at least one.
    pub actions: Vec<AttributeAction>,
}

/// Whose attributes a processor changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributesOf {
    /// `resource`: those of the resource.
    Resource,
    /// `attributes`: those of each span, data point or log record.
    Item,
}

/// One action.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeAction {
    /// `key`: which attribute; empty where `pattern` says it.
    pub key: String,
    /// `action`, with what it needs.
    pub action: AttributeChange,
}

/// `action`
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeChange {
    /// `insert`: only where the attribute is not there.
    Insert(AttributeSource),
    /// `update`: only where it is there.
    Update(AttributeSource),
    /// `upsert`: either way.
    Upsert(AttributeSource),
    /// `delete`; with `pattern` also of those whose keys match it.
    Delete(Option<Pattern>),
    /// `hash`: the SHA-256 of its value, in hexadecimal digits; with `pattern` also of those whose keys match it.
    Hash(Option<Pattern>),
    /// `extract`: each named group of `pattern` becomes an attribute.
    Extract(Pattern),
    /// `convert` to `converted_type`.
    Convert(AttributeType),
}

/// Where the value of an attribute comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeSource {
    /// `value`
    Value(Value),
    /// `from_attribute`: another one of the same owner.
    Attribute(String),
    /// `from_context: metadata.NAME`: a header of the request, in lower case; several values are joined by `;`.
    Metadata(String),
    /// `from_context: client.address`, or `auth.` and a name.
    Context(ContextFact),
    /// `default_value`, where the other source has nothing.
    WithDefault(Box<AttributeSource>, Value),
}

impl AttributeSource {
    /// What it wants to know of the sender beside headers.
    fn fact(&self) -> Option<ContextFact> {
        match self {
            AttributeSource::Context(fact) => Some(*fact),
            AttributeSource::WithDefault(source, _) => source.fact(),
            AttributeSource::Value(_) | AttributeSource::Attribute(_) | AttributeSource::Metadata(_) => None,
        }
    }
}

impl Attributes {
    /// What its actions want to know of senders beside headers.
    pub(super) fn facts(&self) -> impl Iterator<Item = ContextFact> {
        self.actions.iter().filter_map(|action| match &action.action {
            AttributeChange::Insert(source) | AttributeChange::Update(source) | AttributeChange::Upsert(source) => {
                source.fact()
            }
            _ => None,
        })
    }
}

/// `converted_type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// `int`
    Int,
    /// `double`
    Double,
    /// `string`
    Text,
}
