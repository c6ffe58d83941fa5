//! `include` and `exclude` of the `attributes` processor: which items it changes.

use serde_json::Value;

use super::Pattern;

/// Which items are changed: those that `include` describes and `exclude` does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// `include`; none: all.
    pub include: Option<MatchProperties>,
    /// `exclude`; none.
    pub exclude: Option<MatchProperties>,
}

/// What an item has to be. Of each list one member has to fit, where it has any; of `attributes` and `resources` all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatchProperties {
    /// `services`: `service.name` of the resource.
    pub services: Vec<TextMatch>,
    /// `span_names`
    pub span_names: Vec<TextMatch>,
    /// `span_kinds`: `SPAN_KIND_SERVER`, or `Server`.
    pub span_kinds: Vec<TextMatch>,
    /// `log_bodies`, where they are texts.
    pub log_bodies: Vec<TextMatch>,
    /// `log_severity_texts`
    pub log_severity_texts: Vec<TextMatch>,
    /// `log_severity_number`
    pub log_severity_number: Option<SeverityMatch>,
    /// `metric_names`
    pub metric_names: Vec<TextMatch>,
    /// `attributes` of the item.
    pub attributes: Vec<AttributeMatch>,
    /// `resources`: attributes of the resource.
    pub resources: Vec<AttributeMatch>,
    /// `libraries`: the instrumentation scope.
    pub libraries: Vec<LibraryMatch>,
}

/// A text as `match_type` has it.
#[derive(Clone, Debug, PartialEq)]
pub enum TextMatch {
    /// `strict`
    Exact(String),
    /// `regexp`, anywhere in the text.
    Pattern(Pattern),
}

impl TextMatch {
    /// Whether `text` is such a one.
    pub fn fits(&self, text: &str) -> bool {
        match self {
            TextMatch::Exact(exact) => exact == text,
            TextMatch::Pattern(pattern) => pattern.matches(text),
        }
    }
}

/// One of `attributes` or `resources`.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeMatch {
    /// `key`
    pub key: String,
    /// `value`; none: any.
    pub value: Option<ValueMatch>,
}

/// The value of an attribute as `match_type` has it.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueMatch {
    /// `strict`: of the same type.
    Exact(Value),
    /// `regexp`, of texts alone.
    Pattern(Pattern),
}

/// One of `libraries`.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryMatch {
    /// `name`
    pub name: TextMatch,
    /// `version`; none: any.
    pub version: Option<TextMatch>,
}

/// `log_severity_number`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeverityMatch {
    /// `min`: 1 is TRACE, 24 is FATAL4.
    pub min: u64,
    /// `match_undefined`: whether a record without a severity fits; false.
    pub match_undefined: bool,
}
