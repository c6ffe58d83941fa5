//! How a section of components is read: identifiers, types, and what to say of a type that is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::{Connector, Exporter, Extension, Processor, Receiver};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::config::suggest;
use crate::config::yaml::Entry;
use crate::ident::ComponentId;

use super::{
    attributes, authenticators, connectors, dialects, directories, exporters, extensions, file, processors, prometheus,
    receivers, scrape, storage, upstream,
};

/// A type of component and how it is read.
pub(super) struct Kind<T: 'static> {
    name: &'static str,
    alias: Option<Alias>,
    read: fn(&mut Section<'_>) -> Option<T>,
}

/// Another name of a type.
#[derive(Clone, Copy)]
enum Alias {
    /// One that the Collector would have replaced, and what it says of it.
    Old(&'static str, &'static str),
    /// One that the newest Collectors have for it.
    New(&'static str),
}

/// The components of one section.
#[derive(Debug)]
pub(super) struct Components<T> {
    /// Those that could be read.
    pub read: BTreeMap<ComponentId, T>,
    /// All that are written, since a broken component is no missing one.
    pub written: BTreeSet<ComponentId>,
}

/// Reads the section `name` of the configuration.
pub(super) fn read<T>(top: &mut Section<'_>, name: &'static str, kinds: &[Kind<T>]) -> Components<T> {
    let mut components = Components { read: BTreeMap::new(), written: BTreeSet::new() };
    let section = top.entry(name).and_then(Reading::section);
    for (entry, value) in section.into_iter().flat_map(Section::into_entries) {
        let Some(id) = identifier(entry, &value) else { continue };
        if !components.written.insert(id.clone()) {
            value.refuse(at_key(entry, value.fault(format!("duplicate name {id}"))));
        }
        let Some(kind) = find(name, kinds, &id, entry, &value) else { continue };
        let Some(mut section) = value.section() else { continue };
        let component = (kind.read)(&mut section);
        section.finish();
        components.read.extend(component.map(|component| (id, component)));
    }
    components
}

fn identifier(entry: &Entry, value: &Reading<'_>) -> Option<ComponentId> {
    match ComponentId::parse(&entry.key) {
        Ok(id) => Some(id),
        Err(bad) => {
            value.refuse(at_key(entry, value.fault(bad.to_string())));
            None
        }
    }
}

fn find<'k, T>(
    section: &str,
    kinds: &'k [Kind<T>],
    id: &ComponentId,
    entry: &Entry,
    value: &Reading<'_>,
) -> Option<&'k Kind<T>> {
    if let Some(kind) = kinds.iter().find(|kind| kind.name == id.kind()) {
        return Some(kind);
    }
    for kind in kinds {
        match kind.alias {
            Some(Alias::Old(name, warning)) if name == id.kind() => {
                value.warn_of(at_key(entry, Problem::new(None, "", warning).advice()));
                return Some(kind);
            }
            Some(Alias::New(name)) if name == id.kind() => return Some(kind),
            _ => {}
        }
    }
    let problem = upstream::lacking(section, id, value).unwrap_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        let what = format!("unknown type: \"{}\" for id: \"{id}\" (valid values: [{}])", id.kind(), names.join(" "));
        let problem = value.fault(what);
        match suggest::nearest(id.kind(), names) {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None => problem,
        }
    });
    value.refuse(at_key(entry, problem));
    None
}

fn at_key(entry: &Entry, mut problem: Problem) -> Problem {
    problem.place = Some(entry.place.clone());
    problem
}

pub(super) const RECEIVERS: &[Kind<Receiver>] = &[
    Kind { name: "nop", alias: None, read: receivers::nop },
    Kind { name: "otlp", alias: None, read: receivers::otlp },
    Kind { name: "prometheus", alias: None, read: scrape::prometheus },
];

pub(super) const PROCESSORS: &[Kind<Processor>] = &[
    Kind { name: "attributes", alias: None, read: attributes::attributes },
    Kind { name: "batch", alias: None, read: processors::batch },
    Kind { name: "memory_limiter", alias: None, read: processors::memory_limiter },
    Kind { name: "resource", alias: None, read: attributes::resource },
];

pub(super) const EXPORTERS: &[Kind<Exporter>] = &[
    Kind {
        name: "debug",
        alias: Some(Alias::Old("logging", "the logging exporter has been deprecated, use the debug exporter instead")),
        read: exporters::debug,
    },
    Kind { name: "file", alias: None, read: file::file },
    Kind { name: "nop", alias: None, read: exporters::nop },
    Kind {
        name: "otlp_grpc",
        alias: Some(Alias::Old("otlp", "\"otlp\" alias is deprecated; use \"otlp_grpc\" instead")),
        read: exporters::otlp_grpc,
    },
    Kind {
        name: "otlp_http",
        alias: Some(Alias::Old("otlphttp", "\"otlphttp\" alias is deprecated; use \"otlp_http\" instead")),
        read: exporters::otlp_http,
    },
    Kind { name: "prometheus", alias: None, read: prometheus::prometheus },
    Kind {
        name: "prometheusremotewrite",
        alias: Some(Alias::New("prometheus_remote_write")),
        read: dialects::remote_write,
    },
    Kind { name: "zipkin", alias: None, read: dialects::zipkin },
];

pub(super) const CONNECTORS: &[Kind<Connector>] = &[
    Kind { name: "failover", alias: None, read: connectors::failover },
    Kind { name: "forward", alias: None, read: connectors::forward },
];

pub(super) const EXTENSIONS: &[Kind<Extension>] = &[
    Kind { name: "basicauth", alias: Some(Alias::New("basic_auth")), read: authenticators::basic_auth },
    Kind { name: "bearertokenauth", alias: Some(Alias::New("bearer_token_auth")), read: authenticators::bearer_token },
    Kind { name: "debug_dump", alias: None, read: directories::debug_dump },
    Kind { name: "file_storage", alias: None, read: storage::file_storage },
    Kind { name: "headers_setter", alias: None, read: authenticators::headers_setter },
    Kind { name: "health_check", alias: None, read: extensions::health_check },
    Kind { name: "memory_ballast", alias: None, read: extensions::memory_ballast },
    Kind { name: "oauth2client", alias: None, read: authenticators::oauth2 },
    Kind { name: "pprof", alias: None, read: extensions::pprof },
    Kind { name: "zpages", alias: None, read: extensions::zpages },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::component_types;

    #[track_caller]
    fn check<T>(section: &str, kinds: &[Kind<T>]) {
        let listed: Vec<(&str, Vec<&str>)> = component_types()
            .iter()
            .filter(|kind| kind.section == section)
            .map(|kind| (kind.name, kind.aliases.to_vec()))
            .collect();
        let read: Vec<(&str, Vec<&str>)> = kinds
            .iter()
            .map(|kind| (kind.name, kind.alias.iter().map(|(Alias::Old(name, _) | Alias::New(name))| *name).collect()))
            .collect();
        assert_eq!(listed, read);
    }

    #[test]
    fn every_listed_type_can_be_read() {
        check("receivers", RECEIVERS);
        check("processors", PROCESSORS);
        check("exporters", EXPORTERS);
        check("extensions", EXTENSIONS);
        check("connectors", CONNECTORS);
    }
}
