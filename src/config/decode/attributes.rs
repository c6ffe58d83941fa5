//! What the `resource` and `attributes` processors ask for, with the contrib processors' keys.

use serde_json::Value;

use crate::config::model::{
    AttributeAction, AttributeChange, AttributeSource, AttributeType, Attributes, AttributesOf, Config, Processor,
};
use crate::config::plain::plain;
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::signal::{Merge, Signal};

/// `resource`
pub(super) fn resource(section: &mut Section<'_>) -> Option<Processor> {
    let actions = section.value("attributes");
    read(section, AttributesOf::Resource, "attributes", actions)
}

/// `attributes`
pub(super) fn attributes(section: &mut Section<'_>) -> Option<Processor> {
    let actions = section.value("actions");
    section.rest(&[("include", Rule::NotYet), ("exclude", Rule::NotYet)]);
    read(section, AttributesOf::Item, "actions", actions)
}

fn read(section: &Section<'_>, of: AttributesOf, key: &str, list: Option<Reading<'_>>) -> Option<Processor> {
    let items = list.as_ref().map(|list| list.items()).unwrap_or_default();
    if items.is_empty() {
        let at = list.as_ref().unwrap_or(section.whole());
        let hint = format!("write {key}: [{{key: deployment.environment.name, value: production, action: upsert}}]");
        at.refuse(at.fault(format!("missing required field \"{key}\"")).hint(hint));
        return None;
    }
    let actions = items.into_iter().filter_map(action).collect();
    Some(Processor::Attributes(Attributes { of, actions }))
}

fn action(item: Reading<'_>) -> Option<AttributeAction> {
    let mut section = item.section()?;
    let key = section.text("key").filter(|key| !key.is_empty());
    let name = section.value("action").and_then(|value| value.choice(ACTIONS));
    let has_action = section.has("action");
    let source = source(&mut section);
    let converted = section.value("converted_type").and_then(|value| value.choice(TYPES));
    section.rest(&[("pattern", Rule::NotYet), ("default_value", Rule::NotYet)]);
    let whole = section.whole().clone();
    section.finish();
    if key.is_none() {
        whole.wrong("an action needs the \"key\" of an attribute");
    }
    if !has_action {
        let fault = whole.fault("an action needs an \"action\"");
        whole.refuse(fault.hint("write action: upsert, or insert, update, delete, hash, convert"));
    }
    let from = |source: Option<AttributeSource>| {
        if source.is_none() {
            let fault = whole.fault("Either field \"value\", \"from_attribute\" or \"from_context\" must be specified");
            whole.refuse(fault.hint("write value: and the value"));
        }
        source
    };
    let change = match name? {
        Name::Insert => AttributeChange::Insert(from(source)?),
        Name::Update => AttributeChange::Update(from(source)?),
        Name::Upsert => AttributeChange::Upsert(from(source)?),
        Name::Delete => AttributeChange::Delete,
        Name::Hash => AttributeChange::Hash,
        Name::Extract => {
            let fault = whole.fault("the action \"extract\" is not supported by otlp-relay yet");
            whole.refuse(fault.is(Mistake::NotSupportedYet));
            return None;
        }
        Name::Convert if converted.is_none() => {
            whole.refuse(whole.fault("convert needs a \"converted_type\"").hint("write int, double or string"));
            return None;
        }
        Name::Convert => AttributeChange::Convert(converted?),
    };
    Some(AttributeAction { key: key?, action: change })
}

/// `value`, `from_attribute` or `from_context`, of which one at most is written.
fn source(section: &mut Section<'_>) -> Option<AttributeSource> {
    let value = section.value("value");
    let attribute = section.text_value("from_attribute");
    let context = section.text_value("from_context");
    if 1 < [&value, &attribute, &context].into_iter().flatten().count() {
        section.whole().wrong("due to multiple value sources being set: value, from_attribute and from_context");
    }
    if let Some(value) = value {
        // A text in quotes stays a text, and so does the value of a variable.
        return match plain(value.node()) {
            Value::Array(_) | Value::Object(_) => {
                let fault =
                    value.fault("a list or a map as the value of an attribute is not supported by otlp-relay yet");
                value.refuse(fault.is(Mistake::NotSupportedYet));
                None
            }
            scalar => Some(AttributeSource::Value(scalar)),
        };
    }
    if let Some(attribute) = attribute {
        return attribute.text().map(AttributeSource::Attribute);
    }
    let context = context?;
    let text = context.text()?;
    let name = text.strip_prefix("metadata.").map(str::to_ascii_lowercase);
    if name.is_none() {
        let fault = context.fault(format!("from_context {text:?} is not supported by otlp-relay yet"));
        context.refuse(fault.hint("write metadata. and the name of a header").is(Mistake::NotSupportedYet));
    }
    name.map(AttributeSource::Metadata)
}

/// A problem for each pipeline whose items have no attributes of their own on the wire.
pub(super) fn misplaced(config: &Config) -> Vec<Problem> {
    let cannot = |signal: Signal| signal.facts().merge == Merge::Whole;
    let mut found = Vec::new();
    for (id, pipeline) in config.pipelines.iter().filter(|(id, _)| cannot(id.signal)) {
        for processor in &pipeline.processors {
            let Some(Processor::Attributes(Attributes { of: AttributesOf::Item, .. })) =
                config.processors.get(processor)
            else {
                continue;
            };
            let what = format!(
                "failed to create \"{processor}\" processor for data type \"{}\": telemetry type is not supported",
                id.signal
            );
            found.push(config.places.problem(format!("service::pipelines::{id}::processors"), what));
        }
    }
    found
}

#[derive(Clone, Copy)]
enum Name {
    Insert,
    Update,
    Upsert,
    Delete,
    Hash,
    Extract,
    Convert,
}

const ACTIONS: &[(&str, Name)] = &[
    ("insert", Name::Insert),
    ("update", Name::Update),
    ("upsert", Name::Upsert),
    ("delete", Name::Delete),
    ("hash", Name::Hash),
    ("extract", Name::Extract),
    ("convert", Name::Convert),
];

const TYPES: &[(&str, AttributeType)] =
    &[("int", AttributeType::Int), ("double", AttributeType::Double), ("string", AttributeType::Text)];
