//! `relabel_configs` and `metric_relabel_configs`.

use super::NOT_YET;
use crate::config::model::{Pattern, Relabel, RelabelAction};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// The steps at `key`; those that could not be read are left out, and reported.
pub(super) fn read(section: &mut Section<'_>, key: &'static str) -> Vec<Relabel> {
    let items = section.value(key).map(|list| list.items()).unwrap_or_default();
    items.into_iter().filter_map(step).collect()
}

fn step(item: Reading<'_>) -> Option<Relabel> {
    let mut section = item.section()?;
    let sources = section.value("source_labels").map(|value| value.words()).unwrap_or_default();
    let source_labels: Vec<String> = sources.into_iter().map(|(word, _)| word).collect();
    let separator = section.text("separator").unwrap_or_else(|| ";".to_owned());
    let regex = match section.value("regex") {
        Some(value) => pattern(&value),
        None => Pattern::whole("(.*)").ok(),
    };
    let target_label = section.text("target_label").unwrap_or_default();
    let replacement = section.text("replacement").unwrap_or_else(|| "$1".to_owned());
    let action = match section.value("action").map(|value| (value.text(), value)) {
        None => Some(RelabelAction::Replace),
        Some((text, value)) if text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("hashmod")) => {
            let fault = value.fault("the relabel action \"hashmod\" is not supported by otlp-relay yet");
            value.refuse(fault.is(NOT_YET));
            None
        }
        Some((_, value)) => value.choice(ACTIONS),
    };
    section.rest(&[("modulus", Rule::Fixed("0", "the action hashmod alone asks for it"))]);
    let names_target = [
        RelabelAction::Replace,
        RelabelAction::Lowercase,
        RelabelAction::Uppercase,
        RelabelAction::KeepEqual,
        RelabelAction::DropEqual,
    ];
    let needs_target = action.is_some_and(|action| names_target.contains(&action));
    if needs_target && target_label.is_empty() {
        let fault = section.whole().fault("relabel configuration for this action requires 'target_label' value");
        section.whole().refuse(fault.hint("write target_label and the name of a label"));
    }
    section.finish();
    Some(Relabel { source_labels, separator, regex: regex?, target_label, replacement, action: action? })
}

fn pattern(value: &Reading<'_>) -> Option<Pattern> {
    let text = value.text()?;
    let pattern = Pattern::whole(&text);
    pattern.map_err(|what| value.wrong(format!("invalid regular expression {text:?}: {what}"))).ok()
}

const ACTIONS: &[(&str, RelabelAction)] = &[
    ("replace", RelabelAction::Replace),
    ("keep", RelabelAction::Keep),
    ("drop", RelabelAction::Drop),
    ("keepequal", RelabelAction::KeepEqual),
    ("dropequal", RelabelAction::DropEqual),
    ("labelmap", RelabelAction::LabelMap),
    ("labeldrop", RelabelAction::LabelDrop),
    ("labelkeep", RelabelAction::LabelKeep),
    ("lowercase", RelabelAction::Lowercase),
    ("uppercase", RelabelAction::Uppercase),
];
