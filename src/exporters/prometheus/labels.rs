//! Which labels a series has: those of its target and scope, of the configuration, and of its point.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};

use crate::config::ResourceLabels;
use crate::exporters::debug::value::Plain;

use super::name::Namer;
use super::store::{Kind, Labels, Target};

/// Makes labels as one exporter does.
#[derive(Debug)]
pub(super) struct Labeller {
    namer: Namer,
    constant: Vec<(String, String)>,
    /// Labels of series and targets that have none of these names.
    otherwise: Vec<(String, String)>,
    scope: ScopeLabels,
    included: Vec<String>,
    excluded: Vec<String>,
}

/// What series say of the scope that they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeLabels {
    Whole,
    /// All but the URL of its schema, as the Collector writes them.
    WithoutSchema,
    Left,
}

/// What all series of one resource have in common.
#[derive(Debug, Default)]
pub(super) struct OfResource {
    job: Option<String>,
    instance: Option<String>,
    /// Attributes that are labels of every series.
    attributes: Vec<(String, String)>,
}

/// What all series of one scope have in common: names of attributes with their values, and labels that are known.
#[derive(Debug, Default)]
pub(super) struct OfScope {
    attributes: Vec<(String, String)>,
    fixed: Vec<(String, String)>,
}

impl Labeller {
    pub(super) fn new(
        namer: Namer,
        constant: &[(String, String)],
        resource: &ResourceLabels,
        scope: ScopeLabels,
    ) -> Labeller {
        let named = |(key, value): &(String, String)| Some((namer.label(key)?, value.clone()));
        let constant = constant.iter().filter_map(named).collect();
        let (included, mut excluded) = (resource.included.clone(), resource.excluded.clone());
        if included.is_empty() && excluded.is_empty() {
            excluded.push("*".to_owned());
        }
        Labeller { namer, constant, otherwise: Vec::new(), scope, included, excluded }
    }

    /// With labels for series and targets that have none of these names.
    pub(super) fn or(mut self, otherwise: &[(String, String)]) -> Labeller {
        let named = |(key, value): &(String, String)| Some((self.namer.label(key)?, value.clone()));
        self.otherwise = otherwise.iter().filter_map(named).collect();
        self
    }

    /// What the resource with these `attributes` gives to its series.
    pub(super) fn resource(&self, attributes: &[KeyValue]) -> OfResource {
        let (job, instance) = (job(attributes), text_of(attributes, INSTANCE));
        let kept = attributes.iter().filter(|pair| self.keeps(&pair.key)).map(pair);
        OfResource { job, instance, attributes: kept.collect() }
    }

    fn keeps(&self, key: &str) -> bool {
        let is_one_of = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, key));
        (self.included.is_empty() || is_one_of(&self.included)) && !is_one_of(&self.excluded)
    }

    /// The target that a resource is; none where nothing tells it from others.
    pub(super) fn target(&self, of: &OfResource, attributes: &[KeyValue]) -> Option<Target> {
        if of.job.is_none() && of.instance.is_none() {
            return None;
        }
        let rest = attributes.iter().filter(|pair| ![NAME, NAMESPACE, INSTANCE].contains(&pair.key.as_str()));
        let labels = self.joined(of.target_labels().collect(), rest.map(pair).collect(), &[METRIC]);
        Some(Target { job: of.job.clone(), instance: of.instance.clone(), labels })
    }

    /// Whether `target` says more than who it is.
    pub(super) fn describes(&self, target: &Target) -> bool {
        let is_general = |label: &str| self.otherwise.iter().any(|(name, _)| name == label);
        target.labels.iter().any(|(name, _)| !["job", "instance"].contains(&&**name) && !is_general(name))
    }

    /// What a scope gives to the series of its metrics.
    pub(super) fn scope(&self, of: &OfResource, scope: Option<&InstrumentationScope>, schema_url: &str) -> OfScope {
        let mut fixed: Vec<(String, String)> = self.constant.clone();
        fixed.extend(of.target_labels());
        let mut attributes = of.attributes.clone();
        if self.scope != ScopeLabels::Left {
            let (name, version) = scope.map_or(("", ""), |scope| (scope.name.as_str(), scope.version.as_str()));
            let schema_url = if self.scope == ScopeLabels::Whole { schema_url } else { "" };
            let known = [("name", name), ("version", version), ("schema_url", schema_url)];
            fixed.extend(known.map(|(key, value)| (format!("otel_scope_{key}"), value.to_owned())));
            let own = scope.into_iter().flat_map(|scope| &scope.attributes).map(pair);
            attributes.extend(own.map(|(key, value)| (format!("otel_scope_{key}"), value)));
        }
        OfScope { attributes, fixed }
    }

    /// The labels of a point of a family of this `kind`.
    pub(super) fn point(&self, scope: &OfScope, attributes: &[KeyValue], kind: Kind) -> Labels {
        // What the resource says is preferred, as in the Collector.
        let is_free = |pair: &&KeyValue| !scope.attributes.iter().any(|(key, _)| *key == pair.key);
        let own = attributes.iter().filter(is_free).map(pair);
        let reserved: &[&str] = match kind {
            Kind::Histogram => &[METRIC, "le"],
            Kind::Summary => &[METRIC, "quantile"],
            Kind::Counter | Kind::Gauge | Kind::Unknown => &[METRIC],
        };
        self.joined(scope.fixed.clone(), own.chain(scope.attributes.iter().cloned()).collect(), reserved)
    }

    /// Labels that are known, and those of `attributes`: values of names that become one are joined, in the order of the
    /// names; a name that is taken gets the prefix that Prometheus itself gives to such a one.
    fn joined(&self, fixed: Vec<(String, String)>, mut attributes: Vec<(String, String)>, reserved: &[&str]) -> Labels {
        let mut labels: BTreeMap<String, String> = fixed.into_iter().collect();
        // In a stable sort the last of equal keys stays last, and counts, as in the Collector's maps.
        attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut own: BTreeMap<String, String> = BTreeMap::new();
        for (index, (key, value)) in attributes.iter().enumerate() {
            if attributes.get(index + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            let Some(mut label) = self.namer.label(key) else { continue };
            while labels.contains_key(&label) || reserved.contains(&label.as_str()) {
                label.insert_str(0, EXPORTED);
            }
            own.entry(label).and_modify(|known| *known = format!("{known};{value}")).or_insert_with(|| value.clone());
        }
        labels.extend(own);
        for (name, value) in &self.otherwise {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

impl OfResource {
    fn target_labels(&self) -> impl Iterator<Item = (String, String)> {
        let job = self.job.clone().map(|job| ("job".to_owned(), job));
        job.into_iter().chain(self.instance.clone().map(|instance| ("instance".to_owned(), instance)))
    }
}

/// `service.namespace/service.name`
fn job(attributes: &[KeyValue]) -> Option<String> {
    let name = text_of(attributes, NAME)?;
    match text_of(attributes, NAMESPACE).filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => Some(format!("{namespace}/{name}")),
        None => Some(name),
    }
}

fn text_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().rev().find(|pair| pair.key == key).map(|found| pair(found).1)
}

/// An attribute in text.
pub(super) fn pair(pair: &KeyValue) -> (String, String) {
    (pair.key.clone(), Plain(pair.value.as_ref()).to_string())
}

/// Whether `text` is what `pattern` says: `*` stands for anything, `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The name of a series, among its labels.
const METRIC: &str = "__name__";

const NAME: &str = "service.name";
const NAMESPACE: &str = "service.namespace";
const INSTANCE: &str = "service.instance.id";

/// As Prometheus calls what a target says under a name that it needs itself.
const EXPORTED: &str = "exported_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a.b", true),
            ("k8s.*.name", "k8s.pod.name", true),
            ("k8s.*.name", "k8s.pod.names", false),
            ("a*b*c", "axxbyybzc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
