//! Which component types the Collector has, so that one which this relay lacks is not taken for a slip of the pen: what it
//! is for, and the nearest thing that the relay has.

mod groups;

use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::ident::ComponentId;

use super::address::{self, Address};
use groups::{GROUPS, Group, When};

/// What is to be said of a component of a type that the Collector or its contrib distribution has, and the relay has not.
/// None for a type that nobody has. `value` are its settings.
pub(super) fn lacking(section: &str, id: &ComponentId, value: &Reading<'_>) -> Option<Problem> {
    let group = find(section, id.kind())?;
    let singular = section.trim_end_matches('s');
    let (named, what) = (format!("the Collector's {singular} {}, which {},", id.kind(), group.what), group.instead);
    let (told, hint) = match group.when {
        When::Later => (format!("{named} is a later step of otlp-relay"), format!("until then: {what}")),
        When::Unknown => (format!("{named} is not in otlp-relay yet"), format!("the nearest thing is {what}")),
        When::Removed => {
            (format!("{named} is not in otlp-relay"), edit(id, value).unwrap_or_else(|| format!("use {what}")))
        }
    };
    Some(value.fault(told).hint(hint).is(Mistake::NotSupportedYet))
}

fn find(section: &str, name: &str) -> Option<&'static Group> {
    GROUPS
        .iter()
        .find(|group| group.section == section && group.names.split_ascii_whitespace().any(|known| known == name))
}

/// What to write instead of an exporter that the Collector has no more: the product takes OTLP today.
fn edit(id: &ComponentId, value: &Reading<'_>) -> Option<String> {
    let (_, from, to, settings) = EDITS.iter().find(|(kind, ..)| *kind == id.kind())?;
    let host = endpoint(value).unwrap_or_else(|| (*from).to_owned());
    let settings = settings.replace("HOST", &host);
    let name = format!("{to}/{from}");
    Some(format!("write {name}: {{{settings}}} instead, and {name} for {id} in the pipelines"))
}

/// The host of its endpoint.
fn endpoint(value: &Reading<'_>) -> Option<String> {
    if !value.is_map() {
        return None;
    }
    let text = Section::open(value.clone())?.value("endpoint")?.text()?;
    let Address { host, .. } = address::parse(&text).ok()?;
    Some(host).filter(|host| !host.is_empty())
}

/// The type that is gone, the usual name of its product, the exporter to use, and its settings.
const EDITS: &[(&str, &str, &str, &str)] = &[
    ("jaeger", "jaeger", "otlp_grpc", "endpoint: 'HOST:4317', tls: {insecure: true}"),
    ("jaeger_proto", "jaeger", "otlp_grpc", "endpoint: 'HOST:4317', tls: {insecure: true}"),
    ("jaeger_thrift", "jaeger", "otlp_http", "endpoint: 'http://HOST:4318'"),
    ("jaeger_thrift_http", "jaeger", "otlp_http", "endpoint: 'http://HOST:4318'"),
    ("loki", "loki", "otlp_http", "endpoint: 'http://HOST:3100/otlp'"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_in_its_own_section_only() {
        assert!(find("receivers", "hostmetrics").is_some() && find("extensions", "sigv4auth").is_some());
        assert!(find("extensions", "hostmetrics").is_none() && find("receivers", "").is_none());
        assert!(find("service", "otlp").is_none());
    }

    #[test]
    fn no_type_is_in_two_groups_or_in_the_relay_itself() {
        let mut seen = std::collections::BTreeSet::new();
        for group in GROUPS {
            for name in group.names.split_ascii_whitespace() {
                assert!(seen.insert((group.section, name)), "{name} is there twice");
                let ours = crate::config::component_types().iter().filter(|kind| kind.section == group.section);
                assert!(ours.clone().all(|kind| kind.name != name && !kind.aliases.contains(&name)), "{name} is ours");
            }
        }
    }

    #[test]
    fn texts_are_clauses() {
        for Group { what, instead, .. } in GROUPS {
            for text in [what, instead] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{text}");
            }
        }
    }
}
