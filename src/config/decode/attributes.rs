//! What the `resource` and `attributes` processors ask for, with the contrib processors' keys.

use crate::config::model::{
    AttributeAction, AttributeChange, AttributeSource, AttributeType, Attributes, AttributesOf, Config, ContextFact,
    MatchProperties, Matching, Pattern, Processor,
};
use crate::config::plain::plain;
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::signal::{Merge, Signal};

use super::matching;

/// `resource`
pub(super) fn resource(section: &mut Section<'_>) -> Option<Processor> {
    let actions = section.value("attributes");
    read(section, AttributesOf::Resource, Matching::default(), "attributes", actions)
}

/// `attributes`
pub(super) fn attributes(section: &mut Section<'_>) -> Option<Processor> {
    let actions = section.value("actions");
    let matching = matching::read(section);
    read(section, AttributesOf::Item, matching, "actions", actions)
}

fn read(
    section: &Section<'_>,
    of: AttributesOf,
    matching: Matching,
    key: &str,
    list: Option<Reading<'_>>,
) -> Option<Processor> {
    let items = list.as_ref().map(|list| list.items()).unwrap_or_default();
    if items.is_empty() {
        let at = list.as_ref().unwrap_or(section.whole());
        let hint = format!("write {key}: [{{key: deployment.environment.name, value: production, action: upsert}}]");
        at.refuse(at.fault(format!("missing required field \"{key}\"")).hint(hint));
        return None;
    }
    let actions = items.into_iter().filter_map(action).collect();
    Some(Processor::Attributes(Attributes { of, matching: Box::new(matching), actions }))
}

fn action(item: Reading<'_>) -> Option<AttributeAction> {
    let mut section = item.section()?;
    let key = section.text("key").filter(|key| !key.is_empty());
    let action = section.value("action");
    let has_action = action.is_some();
    let name = action.and_then(|value| value.choice(ACTIONS));
    let source = source_or_default(&mut section);
    let converted = section.value("converted_type").and_then(|value| value.choice(TYPES));
    let written = section.text_value("pattern");
    let pattern = written.as_ref().and_then(|value| matching::pattern(value, &value.text()?));
    let whole = section.whole().clone();
    section.finish();
    let by_pattern = matches!(name, Some(Name::Delete | Name::Hash)) && written.is_some();
    if key.is_none() && !by_pattern {
        whole.wrong("an action needs the \"key\" of an attribute");
    }
    if let Some(written) = written.as_ref().filter(|_| !by_pattern && !matches!(name, Some(Name::Extract) | None)) {
        written.refuse(
            written.fault("this action takes no \"pattern\"").hint("remove it; extract, delete and hash take one"),
        );
    }
    if !has_action {
        let fault = whole.fault("an action needs an \"action\"");
        whole.refuse(fault.hint("write action: upsert, or insert, update, delete, hash, convert"));
    }
    let from = |source: Result<AttributeSource, Lacking>| {
        if let Err(Lacking::Unwritten) = source {
            let what =
                "Either field \"value\", \"from_attribute\", \"from_context\" or \"default_value\" must be specified";
            let fault = whole.fault(what);
            whole.refuse(fault.hint("write value: and the value"));
        }
        source.ok()
    };
    let change = match name? {
        Name::Insert => AttributeChange::Insert(from(source)?),
        Name::Update => AttributeChange::Update(from(source)?),
        Name::Upsert => AttributeChange::Upsert(from(source)?),
        Name::Delete => AttributeChange::Delete(pattern),
        Name::Hash => AttributeChange::Hash(pattern),
        Name::Extract => AttributeChange::Extract(extracted(pattern, &whole)?),
        Name::Convert if converted.is_none() => {
            whole.refuse(whole.fault("convert needs a \"converted_type\"").hint("write int, double or string"));
            return None;
        }
        Name::Convert => AttributeChange::Convert(converted?),
    };
    Some(AttributeAction { key: key.or_else(|| by_pattern.then(String::new))?, action: change })
}

/// The pattern of `extract`, of which each group has a name: that of an attribute.
fn extracted(pattern: Option<Pattern>, whole: &Reading<'_>) -> Option<Pattern> {
    let hint = "write pattern: ^/api/(?P<version>[^/]+)";
    let Some(pattern) = pattern else {
        if !whole.is_map() || Section::open(whole.clone())?.has("pattern") {
            return None;
        }
        whole.refuse(whole.fault("extract needs a \"pattern\"").hint(hint));
        return None;
    };
    let names: Vec<Option<String>> = pattern.groups().skip(1).map(|name| name.map(str::to_owned)).collect();
    if names.is_empty() || names.contains(&None) {
        whole.refuse(whole.fault("each group of the pattern of extract needs a name").hint(hint));
        return None;
    }
    Some(pattern)
}

/// Why an action has no source.
enum Lacking {
    Unwritten,
    /// What is written cannot be used, which is said already.
    Refused,
}

/// A source, and `default_value` for where it has nothing.
fn source_or_default(section: &mut Section<'_>) -> Result<AttributeSource, Lacking> {
    let source = source(section);
    let Some(default) = section.value("default_value").map(|value| plain(value.node())) else { return source };
    match source {
        Ok(source) => Ok(AttributeSource::WithDefault(Box::new(source), default)),
        Err(Lacking::Unwritten) => Ok(AttributeSource::Value(default)),
        Err(Lacking::Refused) => source,
    }
}

/// `value`, `from_attribute` or `from_context`, of which one at most is written.
fn source(section: &mut Section<'_>) -> Result<AttributeSource, Lacking> {
    let value = section.value("value");
    let attribute = section.text_value("from_attribute");
    let context = section.text_value("from_context");
    if 1 < [&value, &attribute, &context].into_iter().flatten().count() {
        section.whole().wrong("due to multiple value sources being set: value, from_attribute and from_context");
    }
    if let Some(value) = value {
        // A text in quotes stays a text, and so does the value of a variable.
        return Ok(AttributeSource::Value(plain(value.node())));
    }
    if let Some(attribute) = attribute {
        return attribute.text().map(AttributeSource::Attribute).ok_or(Lacking::Refused);
    }
    from_context(&context.ok_or(Lacking::Unwritten)?).ok_or(Lacking::Refused)
}

/// `client.address`, `auth.` and a name, or a header with `metadata.` in front of its name or, as long ago, without.
fn from_context(context: &Reading<'_>) -> Option<AttributeSource> {
    let text = context.text()?;
    if let Some(fact) = ContextFact::ALL.into_iter().find(|fact| fact.name() == text) {
        return Some(AttributeSource::Context(fact));
    }
    if text.starts_with("auth.") {
        let fault = context.fault(format!("from_context {text:?} is not supported by otlp-relay yet"));
        context.refuse(fault.hint("write auth.username, which basicauth knows").is(Mistake::NotSupportedYet));
        return None;
    }
    Some(AttributeSource::Metadata(text.strip_prefix("metadata.").unwrap_or(&text).to_ascii_lowercase()))
}

/// A problem for each pipeline whose items have no attributes of their own on the wire.
pub(super) fn misplaced(config: &Config) -> Vec<Problem> {
    let cannot = |signal: Signal| signal.facts().merge == Merge::Whole;
    let mut found = Vec::new();
    for (id, pipeline) in &config.pipelines {
        for processor in &pipeline.processors {
            let Some(Processor::Attributes(asked)) = config.processors.get(processor) else { continue };
            for (key, properties) in [("include", &asked.matching.include), ("exclude", &asked.matching.exclude)] {
                let names = properties.iter().flat_map(|properties| foreign(properties, id.signal));
                found.extend(names.map(|name| {
                    let what = format!("{name} should not be specified for {}", id.signal);
                    let problem = config.places.problem(format!("processors::{processor}::{key}::{name}"), what);
                    problem.hint("give each signal a processor of its own: attributes/traces, attributes/logs")
                }));
            }
        }
    }
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

/// The properties that items of `signal` do not have.
fn foreign(properties: &MatchProperties, signal: Signal) -> Vec<&'static str> {
    let written = [
        ("span_names", !properties.span_names.is_empty(), Signal::Traces),
        ("span_kinds", !properties.span_kinds.is_empty(), Signal::Traces),
        ("log_bodies", !properties.log_bodies.is_empty(), Signal::Logs),
        ("log_severity_texts", !properties.log_severity_texts.is_empty(), Signal::Logs),
        ("log_severity_number", properties.log_severity_number.is_some(), Signal::Logs),
        ("metric_names", !properties.metric_names.is_empty(), Signal::Metrics),
    ];
    let unfit = written.into_iter().filter(|(_, is_written, of)| *is_written && *of != signal);
    unfit.map(|(name, ..)| name).collect()
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
