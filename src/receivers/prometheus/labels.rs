//! Which labels a scraped sample has: its own, those of its target, and what `metric_relabel_configs` makes of them.

use crate::config::{Labels, Relabel, Relabelled, ScrapeLimits, relabel};

use super::exposition::Sample;

/// Labels samples as one target of a job does.
pub(super) struct Labeller<'a> {
    /// `job` and `instance` among them.
    pub(super) target: &'a [(String, String)],
    pub(super) external: &'a [(String, String)],
    pub(super) honor: Honor,
    pub(super) steps: &'a [Relabel],
    pub(super) limits: &'a ScrapeLimits,
}

/// Whose label counts where a sample and its target both have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Honor {
    /// That of the target; the other one is `exported_…`.
    Target,
    /// That of the sample.
    Sample,
}

/// The name of a metric, among its labels.
pub(super) const NAME: &str = "__name__";

impl Labeller<'_> {
    /// The labels of `sample`, its name among them; none where it is dropped.
    ///
    /// # Errors
    /// The limit that it exceeds.
    pub(super) fn labels(&self, sample: &Sample) -> Result<Option<Labels>, String> {
        let mut labels: Labels = sample.labels.iter().cloned().collect();
        for (name, value) in self.target {
            match (labels.remove(name), self.honor) {
                // An empty label wins, too: so a page can say that its samples have none.
                (Some(own), Honor::Sample) => drop(labels.insert(name.clone(), own)),
                (Some(own), Honor::Target) if !own.is_empty() => {
                    let mut exported = format!("exported_{name}");
                    let is_of_target = |name: &str| self.target.iter().any(|(known, _)| known == name);
                    while labels.contains_key(&exported) || is_of_target(&exported) {
                        exported.insert_str(0, "exported_");
                    }
                    labels.insert(exported, own);
                    labels.insert(name.clone(), value.clone());
                }
                (_, _) => drop(labels.insert(name.clone(), value.clone())),
            }
        }
        labels.retain(|_, value| !value.is_empty());
        labels.insert(NAME.to_owned(), sample.name.clone());
        if relabel(self.steps, &mut labels) == Relabelled::Dropped || !labels.contains_key(NAME) {
            return Ok(None);
        }
        self.check(&labels)?;
        self.add_external(&mut labels);
        Ok(Some(labels))
    }

    /// The labels of what is told of the target itself.
    pub(super) fn of_target(&self) -> Labels {
        let mut labels = self.target.iter().cloned().collect();
        self.add_external(&mut labels);
        labels
    }

    /// As in the Collector they win over all others.
    fn add_external(&self, labels: &mut Labels) {
        labels.extend(self.external.iter().filter(|(_, value)| !value.is_empty()).cloned());
    }

    fn check(&self, labels: &Labels) -> Result<(), String> {
        let ScrapeLimits { labels: most, label_name, label_value, .. } = self.limits;
        let exceeds = |length: usize, limit: &Option<u64>| limit.is_some_and(|limit| limit < length as u64);
        let of = || labels.get(NAME).map(String::as_str).unwrap_or_default();
        if exceeds(labels.len(), most) {
            return Err(format!("label_limit: a sample of {} has {} labels", of(), labels.len()));
        }
        if let Some((name, _)) = labels.iter().find(|(name, _)| exceeds(name.len(), label_name)) {
            return Err(format!("label_name_length_limit: a sample of {} has a name of {} bytes", of(), name.len()));
        }
        if let Some((name, value)) = labels.iter().find(|(_, value)| exceeds(value.len(), label_value)) {
            return Err(format!("label_value_length_limit: {name} of {} has {} bytes", of(), value.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(honor: Honor, own: &[(&str, &str)], expected: &[(&str, &str)]) {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let target = owned(&[("instance", "h:1"), ("job", "j")]);
        let external = owned(&[("e", "1"), ("a", "x")]);
        let limits = ScrapeLimits { label_value: Some(5), ..ScrapeLimits::default() };
        let labeller = Labeller { target: &target, external: &external, honor, steps: &[], limits: &limits };
        let sample = Sample { name: "m".to_owned(), labels: owned(own), ..Sample::default() };
        let labels: Vec<_> = labeller.labels(&sample).unwrap().unwrap().into_iter().collect();
        assert_eq!(labels, owned(expected));
    }

    #[test]
    fn labels_of_the_target_win_unless_those_of_the_sample_are_honoured() {
        let own = [("job", "mine"), ("empty", ""), ("a", "b")];
        let fixed = [("__name__", "m"), ("a", "x"), ("e", "1")];
        check(
            Honor::Target,
            &own,
            &[&fixed[..], &[("exported_job", "mine"), ("instance", "h:1"), ("job", "j")]].concat(),
        );
        check(Honor::Sample, &own, &[&fixed[..], &[("instance", "h:1"), ("job", "mine")]].concat());
        check(Honor::Sample, &[("job", "")], &[&fixed[..], &[("instance", "h:1")]].concat());
        check(Honor::Target, &[("job", "")], &[&fixed[..], &[("instance", "h:1"), ("job", "j")]].concat());
    }
}
