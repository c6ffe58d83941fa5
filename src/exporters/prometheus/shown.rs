//! What one scrape shows, before it is written down: the families of the store and `target_info`, under names that the
//! reader knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::name::{is_classic_label, is_classic_metric, underscored};
use super::store::{Head, Kind, Labels, Sample, Shown, Snapshot};
use super::value::Value;

/// Everything that one scrape shows. No two families have one name, no two series of a family the same labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Exposition {
    pub(super) families: Vec<Shown>,
    /// Whether samples have their time.
    pub(super) timestamps: bool,
}

/// Which names a reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaping {
    /// Those of all characters.
    AllowUtf8,
    /// Classic ones: every other character is a `_`.
    Underscores,
}

impl Exposition {
    /// What is in `snapshot`, with the targets as a family called `target_info`.
    pub(super) fn of(snapshot: Snapshot, target_info: &str, timestamps: bool) -> Exposition {
        let Snapshot { mut families, targets } = snapshot;
        let is_taken = families.iter().any(|family| *family.head.name == *target_info);
        if !targets.is_empty() && !is_taken {
            let head =
                Head { name: target_info.into(), kind: Kind::Gauge, help: "Target metadata".into(), unit: "".into() };
            let one = Sample { value: Arc::new(Value::Int(1)), start: 0, time: 0, exemplars: [].into() };
            let series = targets.into_iter().map(|labels| (labels, one.clone())).collect();
            let at = families.partition_point(|family| *family.head.name < *target_info);
            families.insert(at, Shown { head: Arc::new(head), series });
        }
        Exposition { families, timestamps }
    }

    /// Under names that a reader takes who asks for `escaping`. What becomes the same as something else is left out:
    /// a reader would refuse all of it.
    pub(super) fn escaped(mut self, escaping: Escaping) -> Exposition {
        if escaping == Escaping::AllowUtf8 {
            return self;
        }
        let mut names = BTreeSet::new();
        self.families.retain_mut(|family| {
            if !is_classic_metric(&family.head.name) {
                let name = underscored(&family.head.name, is_classic_metric).into();
                family.head = Arc::new(Head { name, ..Head::clone(&family.head) });
            }
            let mut seen = BTreeSet::new();
            family.series.retain_mut(|(labels, _)| {
                if let Some(escaped) = escaped_labels(labels) {
                    *labels = escaped;
                }
                seen.insert(Arc::clone(labels))
            });
            names.insert(Arc::clone(&family.head.name))
        });
        self
    }
}

/// None where nothing changes.
fn escaped_labels(labels: &Labels) -> Option<Labels> {
    if labels.iter().all(|(name, _)| is_classic_label(name)) {
        return None;
    }
    let mut escaped: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in labels.iter() {
        let name = underscored(name, is_classic_label);
        escaped
            .entry(name)
            .and_modify(|known| *known = format!("{known};{value}"))
            .or_insert_with(|| value.to_string());
    }
    Some(escaped.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}
