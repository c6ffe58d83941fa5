//! `relabel_configs` of Prometheus: what is done to the labels of a target or of a sample. It is done here, too: targets
//! are relabelled when a configuration is read, samples when they come.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use md5::{Digest, Md5};

use super::Pattern;

/// One of `relabel_configs` or `metric_relabel_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Relabel {
    /// `source_labels`
    pub source_labels: Vec<String>,
    /// `separator` between their values; `;`.
    pub separator: String,
    /// `regex`, which has to match all of a text; `(.*)`.
    pub regex: Pattern,
    /// `target_label`
    pub target_label: String,
    /// `replacement`; `$1`.
    pub replacement: String,
    /// `action`; replace.
    pub action: RelabelAction,
}

/// `action`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelabelAction {
    /// `replace`
    #[default]
    Replace,
    /// `keep`
    Keep,
    /// `drop`
    Drop,
    /// `keepequal`
    KeepEqual,
    /// `dropequal`
    DropEqual,
    /// `labelmap`
    LabelMap,
    /// `labeldrop`
    LabelDrop,
    /// `labelkeep`
    LabelKeep,
    /// `lowercase`
    Lowercase,
    /// `uppercase`
    Uppercase,
    /// `hashmod`, with its `modulus`: which of so many shards a text belongs to.
    HashMod(NonZeroU64),
}

/// What becomes of whose labels they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relabelled {
    /// It stays.
    Kept,
    /// It is left out.
    Dropped,
}

/// Labels by name. One without a value is none.
pub type Labels = BTreeMap<String, String>;

/// Does all of `steps` to `labels`, as far as they are kept.
pub fn relabel(steps: &[Relabel], labels: &mut Labels) -> Relabelled {
    for step in steps {
        if step.apply(labels) == Relabelled::Dropped {
            return Relabelled::Dropped;
        }
    }
    Relabelled::Kept
}

impl Relabel {
    fn apply(&self, labels: &mut Labels) -> Relabelled {
        let values = self.source_labels.iter().map(|name| labels.get(name).map_or("", String::as_str));
        let source = values.collect::<Vec<_>>().join(&self.separator);
        let target = labels.get(&self.target_label).map_or("", String::as_str);
        let keeps = match self.action {
            RelabelAction::Keep => self.regex.matches(&source),
            RelabelAction::Drop => !self.regex.matches(&source),
            RelabelAction::KeepEqual => source == target,
            RelabelAction::DropEqual => source != target,
            _ => true,
        };
        match self.action {
            RelabelAction::Keep | RelabelAction::Drop | RelabelAction::KeepEqual | RelabelAction::DropEqual => {}
            RelabelAction::Replace => self.replace(&source, labels),
            RelabelAction::Lowercase => put(labels, self.target_label.clone(), source.to_lowercase()),
            RelabelAction::Uppercase => put(labels, self.target_label.clone(), source.to_uppercase()),
            RelabelAction::HashMod(modulus) => {
                put(labels, self.target_label.clone(), shard(&source, modulus).to_string())
            }
            RelabelAction::LabelMap => {
                let mapped = labels
                    .iter()
                    .filter_map(|(name, value)| Some((self.regex.expand(name, &self.replacement)?, value.clone())));
                let mapped: Vec<(String, String)> = mapped.collect();
                mapped.into_iter().for_each(|(name, value)| put(labels, name, value));
            }
            RelabelAction::LabelDrop => labels.retain(|name, _| !self.regex.matches(name)),
            RelabelAction::LabelKeep => labels.retain(|name, _| self.regex.matches(name)),
        }
        if keeps { Relabelled::Kept } else { Relabelled::Dropped }
    }

    fn replace(&self, source: &str, labels: &mut Labels) {
        let Some(target) = self.regex.expand(source, &self.target_label) else { return };
        let Some(value) = self.regex.expand(source, &self.replacement) else { return };
        if !target.is_empty() {
            put(labels, target, value);
        }
    }
}

/// The last half of the text's MD5 as a number, modulo `modulus`: as Prometheus shards.
fn shard(text: &str, modulus: NonZeroU64) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    digest.last_chunk().map_or(0, |last| u64::from_be_bytes(*last)) % modulus
}

fn put(labels: &mut Labels, name: String, value: String) {
    if value.is_empty() {
        labels.remove(&name);
    } else {
        labels.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn step(action: RelabelAction, sources: &[&str], regex: &str, target: &str, replacement: &str) -> Relabel {
        Relabel {
            source_labels: sources.iter().map(|name| (*name).to_owned()).collect(),
            separator: ";".to_owned(),
            regex: Pattern::whole(regex).unwrap(),
            target_label: target.to_owned(),
            replacement: replacement.to_owned(),
            action,
        }
    }

    /// What `step` makes of a="foo", b="bar", c="baz"; nothing where it drops them.
    #[track_caller]
    fn check(step: Relabel, expected: Option<&[(&str, &str)]>) {
        let owned = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut labels = owned(&[("a", "foo"), ("b", "bar"), ("c", "baz")]);
        let kept = relabel(std::slice::from_ref(&step), &mut labels) == Relabelled::Kept;
        assert_eq!(kept.then_some(labels), expected.map(owned), "{step:?}");
    }

    #[test]
    fn labels_are_replaced_kept_dropped_and_mapped() {
        use RelabelAction::*;
        let all: &[(&str, &str)] = &[("a", "foo"), ("b", "bar"), ("c", "baz")];
        let b = |value: &'static str| [("a", "foo"), ("b", value), ("c", "baz")];
        check(step(Replace, &["a"], "f(.*)", "b", "x${1}y"), Some(&b("xooy")));
        check(step(Replace, &["a", "b"], "(.*);(.*)", "b", "$2-$1"), Some(&b("bar-foo")));
        // The whole text has to match.
        check(step(Replace, &["a"], "o", "b", "x"), Some(all));
        check(step(Replace, &["a"], "f.*", "b", ""), Some(&[("a", "foo"), ("c", "baz")]));
        check(
            step(Replace, &["a"], "(f).*", "${1}_", "v"),
            Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("f_", "v")]),
        );
        check(step(Keep, &["a"], "foo", "", ""), Some(all));
        check(step(Keep, &["a"], "fo", "", ""), None);
        check(step(Drop, &["a"], "foo|x", "", ""), None);
        check(step(Drop, &["none"], ".+", "", ""), Some(all));
        check(step(KeepEqual, &["a"], "", "b", ""), None);
        check(step(DropEqual, &["a"], "", "b", ""), Some(all));
        check(
            step(LabelMap, &[], "(a|b)", "", "x_$1"),
            Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("x_a", "foo"), ("x_b", "bar")]),
        );
        check(step(LabelDrop, &[], "[ab]", "", ""), Some(&[("c", "baz")]));
        check(step(LabelKeep, &[], "[ab]", "", ""), Some(&[("a", "foo"), ("b", "bar")]));
        check(step(Uppercase, &["a"], "", "b", ""), Some(&b("FOO")));
        check(step(Lowercase, &["a"], "", "b", ""), Some(&b("foo")));
        // Figures of the Collector.
        let modulo = |modulus| HashMod(NonZeroU64::new(modulus).unwrap());
        check(step(modulo(8), &["a"], "", "b", ""), Some(&b("0")));
        check(step(modulo(1_000_003), &["a"], "", "b", ""), Some(&b("234032")));
    }
}
