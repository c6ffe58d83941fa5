//! What a file is that holds a configuration, or belongs to one, and is none: a manifest, a chart's values, a compose file.

use std::collections::BTreeSet;

use super::problem::{Place, Problem};
use super::source::Source;
use super::yaml::{Entry, Node, Value};

/// What is to be said of `root`, read from `source`, where it is no configuration but something around one. None where any
/// section of a configuration is in it, or nothing is known of it.
pub(super) fn around(root: &Node, source: &Source) -> Option<Problem> {
    let Value::Map(entries) = &root.value else { return None };
    if entries.iter().any(is_section) {
        return None;
    }
    let inside = find(source);
    let what = match (known(entries), &inside) {
        (Some(known), _) => known,
        (None, Some(_)) => "a file around a configuration, such as the values of a Helm chart".to_owned(),
        (None, None) => return None,
    };
    let problem = |place| Problem::new(Some(place), "", format!("this is {what}, which otlp-relay does not read"));
    Some(match inside {
        Some(Inside { place, below }) => problem(place).hint(format!(
            "the configuration begins here, below \"{below}\": save it in a file of its own, and give that"
        )),
        None => problem(root.place.clone()).hint(
            "give the file that is mounted into the Collector's container, or where there is none its configuration",
        ),
    })
}

/// Whether this belongs to a configuration. The values of a chart have a `service` of Kubernetes.
fn is_section(entry: &Entry) -> bool {
    let of_collector = |inner: &Entry| ["pipelines", "telemetry", "extensions"].contains(&inner.key.as_str());
    match (entry.key.as_str(), &entry.value.value) {
        ("service", Value::Map(inner)) => inner.is_empty() || inner.iter().any(of_collector),
        (key, _) => SECTIONS.contains(&key),
    }
}

/// What the file is, by its keys.
fn known(entries: &[Entry]) -> Option<String> {
    let value = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value.value);
    if let (Some(Value::Scalar(kind)), Some(_)) = (value("kind"), value("apiVersion")) {
        return Some(format!("a Kubernetes {}", kind.text));
    }
    let Some(Value::Map(services)) = value("services") else { return None };
    let is_service = |service: &Entry| matches!(&service.value.value, Value::Map(keys) if keys.iter().any(runs));
    services.iter().any(is_service).then(|| "a docker-compose file".to_owned())
}

fn runs(entry: &Entry) -> bool {
    ["image", "build", "extends"].contains(&entry.key.as_str())
}

/// A configuration inside of a text.
struct Inside {
    /// Of its receivers.
    place: Place,
    /// The key that it is below.
    below: String,
}

/// Looks for the lines of a configuration that is indented: they are found in a block of text and behind the first document
/// as well.
fn find(source: &Source) -> Option<Inside> {
    let lines: Vec<(usize, &str)> = source.text.lines().map(indented).collect();
    let is = |section: &str, line: &str| line.strip_prefix(section).is_some_and(|rest| rest.starts_with(':'));
    let exporters: BTreeSet<usize> =
        lines.iter().filter(|(_, line)| is("exporters", line)).map(|(indent, _)| *indent).collect();
    let (at, (indent, _)) = lines
        .iter()
        .enumerate()
        .find(|(_, (indent, line))| *indent != 0 && is("receivers", line) && exporters.contains(indent))?;
    let (_, outer) = lines[..at].iter().rev().find(|(outer, line)| outer < indent && is_text(line))?;
    // The key alone: what stands behind it is nobody's to show.
    let key = outer.split(':').next().unwrap_or_default().trim_start_matches("- ");
    let below = key.trim_matches(['"', '\'', ' ', '\r']).to_owned();
    Some(Inside { place: Place { source: source.name.clone(), line: at + 1, column: indent + 1 }, below })
}

/// How many blanks a line begins with, and the rest of it.
fn indented(line: &str) -> (usize, &str) {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len(), rest)
}

fn is_text(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

const SECTIONS: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn said(text: &str) -> Option<String> {
        let source = Source { name: "f.yaml".into(), text: text.to_owned() };
        let root = source.document().unwrap().root.unwrap();
        around(&root, &source).map(|problem| problem.to_string())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let said = said(text).unwrap();
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    }

    const INNER: &str = "    receivers:\n      otlp:\n    exporters:\n      debug:\n";

    #[test]
    fn a_file_around_a_configuration_is_named_with_the_place_inside() {
        check(
            &format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  relay.yaml: |-\n{INNER}"),
            &["f.yaml:5:5: this is a Kubernetes ConfigMap,", "begins here, below \"relay.yaml\": save it"],
        );
        check(
            &format!("apiVersion: v1\nkind: Namespace\n---\nkind: ConfigMap\ndata:\n  # the relay's\n{INNER}"),
            &["f.yaml:7:5: this is a Kubernetes Namespace,", "below \"data\":"],
        );
        check(
            &format!("mode: deployment\nconfig:\n{INNER}service:\n  type: ClusterIP\n"),
            &[
                "f.yaml:3:5: this is a file around a configuration, such as the values of a Helm chart",
                "below \"config\":",
            ],
        );
        check(
            &format!("services:\n  collector: {{image: x}}\nconfigs:\n  relay:\n   content: |\n{INNER}"),
            &["f.yaml:6:5: this is a docker-compose file,", "below \"content\":"],
        );
    }

    #[test]
    fn without_one_inside_the_file_that_is_mounted_is_asked_for() {
        check("services:\n  app: {build: .}\n", &["f.yaml:1:1: this is a docker-compose file", "mounted"]);
        check("apiVersion: v1\nkind: Pod\nspec: {}\n", &["f.yaml:1:1: this is a Kubernetes Pod,", "mounted"]);
    }

    #[test]
    fn configurations_and_files_of_other_kinds_are_left_alone() {
        for text in [
            "receivers: {}\n",
            &format!("extensions:\n{INNER}"),
            "service: {pipelines: {}}\n",
            "service:\n",
            "services: {telemetry: }\n",
            "global: {scrape_interval: 1s}\n",
            "distributor:\n  receivers:\n    otlp:\n",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
