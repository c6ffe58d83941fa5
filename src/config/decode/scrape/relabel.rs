//! `relabel_configs` and `metric_relabel_configs`.

use std::num::NonZeroU64;

use crate::config::model::{Pattern, Relabel, RelabelAction};
use crate::config::reading::Reading;
use crate::config::section::Section;

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
    let modulus = section.unsigned("modulus").and_then(NonZeroU64::new);
    let action = match section.value("action") {
        None => Some(RelabelAction::Replace),
        Some(value) => value.choice(ACTIONS),
    };
    let action = match (action, modulus) {
        (Some(RelabelAction::HashMod(_)), Some(modulus)) => Some(RelabelAction::HashMod(modulus)),
        (Some(RelabelAction::HashMod(_)), None) => {
            let fault = section.whole().fault("relabel configuration for hashmod requires non-zero modulus");
            section.whole().refuse(fault.hint("write modulus and the number of shards"));
            None
        }
        (action, _) => action,
    };
    let needs_target = matches!(
        action,
        Some(
            RelabelAction::Replace
                | RelabelAction::Lowercase
                | RelabelAction::Uppercase
                | RelabelAction::KeepEqual
                | RelabelAction::DropEqual
                | RelabelAction::HashMod(_)
        )
    );
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
    ("hashmod", RelabelAction::HashMod(NonZeroU64::MIN)),
];
