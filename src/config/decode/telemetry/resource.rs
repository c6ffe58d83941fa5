//! What the relay says of itself: `service::telemetry::resource`.

use serde_json::Value;

use crate::config::model::Resource;
use crate::config::plain::plain;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::config::yaml;

/// Reads `resource`: a list or map of attributes, or, as before, attributes written straight into it.
pub(super) fn read(mut section: Section<'_>) -> Resource {
    if !KEYS.iter().any(|key| section.has(key)) {
        let inline = section.into_entries();
        return Resource { attributes: inline.map(|(entry, _)| (entry.key.clone(), plain(&entry.value))).collect() };
    }
    let attributes = section.value("attributes").map(attributes).unwrap_or_default();
    if let Some(list) = section.value("attributes_list") {
        list.wrong("resource::attributes_list is not currently supported, please use resource::attributes");
    }
    section.rest(&[
        ("schema_url", Rule::NoEffect("the relay names no schema of its own")),
        ("detectors", Rule::NoEffect(DETECTS)),
        ("detection/development", Rule::NoEffect(DETECTS)),
    ]);
    // The Collector refuses the two ways together, and so does this: the attributes written inline are unknown keys.
    section.finish();
    Resource { attributes }
}

fn attributes(value: Reading<'_>) -> Vec<(String, Value)> {
    if !matches!(value.node().value, yaml::Value::List(_)) {
        let section = value.section().into_iter().flat_map(Section::into_entries);
        return section.map(|(entry, _)| (entry.key.clone(), plain(&entry.value))).collect();
    }
    value.items().into_iter().filter_map(attribute).collect()
}

/// `{name, value}`
fn attribute(member: Reading<'_>) -> Option<(String, Value)> {
    let mut section = member.section()?;
    let name = section.text("name").filter(|name| !name.is_empty());
    if name.is_none() {
        section.whole().wrong("an attribute needs a name");
    }
    let value = section.entry("value").map_or(Value::Null, |value| plain(value.node()));
    section.rest(&[("type", Rule::NoEffect("the value has the type that it is written with"))]);
    section.finish();
    name.map(|name| (name, value))
}

const KEYS: [&str; 5] = ["attributes", "attributes_list", "schema_url", "detectors", "detection/development"];

const DETECTS: &str = "the relay detects nothing of its surroundings; write the attributes";
