//! `include` and `exclude` of the `attributes` processor, with the keys of contrib's filterconfig.

use crate::config::model::{
    AttributeMatch, LibraryMatch, MatchProperties, Matching, Pattern, SeverityMatch, TextMatch, ValueMatch,
};
use crate::config::plain::plain;
use crate::config::problem::Mistake;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// Reads both.
pub(super) fn read(section: &mut Section<'_>) -> Matching {
    let mut one = |key| section.value(key).and_then(|value| value.section()).and_then(properties);
    Matching { include: one("include"), exclude: one("exclude") }
}

/// How texts are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Strict,
    Regexp,
}

fn properties(mut section: Section<'_>) -> Option<MatchProperties> {
    let kind = section.text_value("match_type").and_then(|value| match value.text()?.as_str() {
        "expr" => {
            let fault = value.fault("the match_type \"expr\" is not supported by otlp-relay yet");
            value.refuse(fault.hint("write strict or regexp").is(Mistake::NotSupportedYet));
            Some(Type::Strict)
        }
        _ => value.choice(&[("strict", Type::Strict), ("regexp", Type::Regexp)]),
    });
    if !section.has("match_type") {
        let fault = section.whole().fault("unrecognized match_type: '', valid types are: [regexp strict]");
        section.whole().refuse(fault.hint("write match_type: strict"));
    }
    let kind = kind.unwrap_or(Type::Strict);
    if let Some(mut regexp) = section.value("regexp").and_then(|value| value.section()) {
        regexp.rest(CACHE);
        regexp.finish();
    }
    let mut texts = |key| texts(section.value(key), kind);
    let mut properties = MatchProperties {
        services: texts("services"),
        span_names: texts("span_names"),
        span_kinds: texts("span_kinds"),
        log_bodies: texts("log_bodies"),
        log_severity_texts: texts("log_severity_texts"),
        metric_names: texts("metric_names"),
        ..MatchProperties::default()
    };
    properties.log_severity_number = section.value("log_severity_number").and_then(severity);
    properties.attributes = attributes(section.value("attributes"), kind);
    properties.resources = attributes(section.value("resources"), kind);
    properties.libraries = libraries(section.value("libraries"), kind);
    section.rest(&[("expressions", Rule::NotYet), ("resource_attributes", Rule::NotYet)]);
    if !PROPERTIES.iter().any(|key| section.value(key).is_some_and(|value| !value.asks_for_nothing())) {
        let fault = section.whole().fault("at least one property of the items must be specified");
        section
            .whole()
            .refuse(fault.hint("write services, span_names, log_bodies, metric_names, attributes or resources"));
    }
    section.finish();
    Some(properties)
}

const UNCACHED: &str = "a pattern is compiled once, and is fast without a cache";
const CACHE: &[(&str, Rule)] =
    &[("cacheenabled", Rule::Fixed("false", UNCACHED)), ("cachemaxnumentries", Rule::Fixed("0", UNCACHED))];

const PROPERTIES: [&str; 10] = [
    "services",
    "span_names",
    "span_kinds",
    "log_bodies",
    "log_severity_texts",
    "log_severity_number",
    "metric_names",
    "attributes",
    "resources",
    "libraries",
];

fn texts(list: Option<Reading<'_>>, kind: Type) -> Vec<TextMatch> {
    let items = list.map(|list| list.items()).unwrap_or_default();
    items.iter().filter_map(|item| text(item, kind)).collect()
}

fn text(value: &Reading<'_>, kind: Type) -> Option<TextMatch> {
    let text = value.text()?;
    match kind {
        Type::Strict => Some(TextMatch::Exact(text)),
        Type::Regexp => pattern(value, &text).map(TextMatch::Pattern),
    }
}

/// A regular expression that may match anywhere.
pub(super) fn pattern(value: &Reading<'_>, text: &str) -> Option<Pattern> {
    let pattern = Pattern::part(text);
    pattern.map_err(|what| value.wrong(format!("invalid regular expression {text:?}: {what}"))).ok()
}

fn attributes(list: Option<Reading<'_>>, kind: Type) -> Vec<AttributeMatch> {
    let items = list.map(|list| list.items()).unwrap_or_default();
    items.into_iter().filter_map(|item| attribute(item, kind)).collect()
}

fn attribute(item: Reading<'_>, kind: Type) -> Option<AttributeMatch> {
    let mut section = item.section()?;
    let key = section.text("key").filter(|key| !key.is_empty());
    if key.is_none() {
        section.whole().wrong("error creating attribute filters: an attribute needs a \"key\"");
    }
    let value = match (section.value("value"), kind) {
        (None, _) => None,
        (Some(value), Type::Strict) => Some(ValueMatch::Exact(plain(value.node()))),
        (Some(value), Type::Regexp) => {
            let text = value.text()?;
            pattern(&value, &text).map(ValueMatch::Pattern)
        }
    };
    section.finish();
    Some(AttributeMatch { key: key?, value })
}

fn libraries(list: Option<Reading<'_>>, kind: Type) -> Vec<LibraryMatch> {
    let items = list.map(|list| list.items()).unwrap_or_default();
    let one = |item: Reading<'_>| {
        let mut section = item.section()?;
        let name = section.value("name").and_then(|value| text(&value, kind));
        if name.is_none() {
            section.whole().wrong("a library needs a \"name\"");
        }
        let version = section.value("version").and_then(|value| text(&value, kind));
        section.finish();
        Some(LibraryMatch { name: name?, version })
    };
    items.into_iter().filter_map(one).collect()
}

fn severity(value: Reading<'_>) -> Option<SeverityMatch> {
    let mut section = value.section()?;
    let min = section.value("min").and_then(|value| {
        let text = value.text()?;
        let number = text.parse::<u64>().ok().or_else(|| severity_number(&text));
        if number.is_none() {
            value.refuse(
                value.fault(format!("{text:?} is no severity")).hint("write TRACE, DEBUG, INFO, WARN, ERROR or FATAL"),
            );
        }
        number
    });
    let match_undefined = section.boolean("match_undefined").unwrap_or(false);
    section.finish();
    Some(SeverityMatch { min: min.unwrap_or_default(), match_undefined })
}

/// The number of `INFO2`, in the log data model's order.
fn severity_number(text: &str) -> Option<u64> {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let step = match &text[word.len()..] {
        "" => 1,
        digits => digits.parse::<u64>().ok().filter(|step| (2..=4).contains(step))?,
    };
    let (level, _) = (0_u64..).zip(SEVERITIES).find(|(_, known)| known.eq_ignore_ascii_case(word))?;
    Some(4 * level + step)
}

const SEVERITIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_numbers() {
        for (text, expected) in [
            ("TRACE", Some(1)),
            ("info", Some(9)),
            ("INFO2", Some(10)),
            ("FATAL4", Some(24)),
            ("INFO5", None),
            ("x", None),
        ] {
            assert_eq!(severity_number(text), expected, "{text}");
        }
    }
}
