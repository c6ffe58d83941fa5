//! Headers that are set by rules, some of them from the request that the data came in: the Collector's `headers_setter`.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::AuthProblem;
use super::watched::Text;
use crate::config::{HeaderAction, HeaderRule, HeaderSource, Secret};
use crate::ident::ComponentId;
use crate::payload::Metadata;

/// One header and where its value comes from.
pub(super) struct Rule {
    name: HeaderName,
    action: HeaderAction,
    value: Source,
}

enum Source {
    Nothing,
    Text(Text),
    Context { key: String, otherwise: Option<Secret> },
}

impl Rule {
    pub(super) fn load(id: &ComponentId, config: &HeaderRule) -> Result<Rule, AuthProblem> {
        let HeaderRule { name, action, value } = config;
        let value = match value {
            None => Source::Nothing,
            Some(HeaderSource::Text(text)) => Source::Text(
                Text::load(text)
                    .map_err(|what| AuthProblem::of(id, "headers", format!("the header {name}: {what}")))?,
            ),
            Some(HeaderSource::Context { key, otherwise }) => {
                Source::Context { key: key.clone(), otherwise: otherwise.clone() }
            }
            Some(HeaderSource::Fact { fact, otherwise }) => {
                Source::Context { key: fact.metadata_name().to_owned(), otherwise: otherwise.clone() }
            }
        };
        Ok(Rule { name: name.clone(), action: *action, value })
    }

    /// Does to `headers` what the rule says; data that came with `metadata` brings what it takes from there.
    pub(super) fn apply(&self, headers: &mut HeaderMap, metadata: Option<&Metadata>) {
        if self.action == HeaderAction::Delete {
            headers.remove(&self.name);
            return;
        }
        let Some(value) = self.value(metadata) else { return };
        match (headers.entry(self.name.clone()), self.action) {
            (Entry::Occupied(_), HeaderAction::Insert) | (Entry::Vacant(_), HeaderAction::Update) => {}
            (Entry::Occupied(mut there), _) => drop(there.insert(value)),
            (Entry::Vacant(free), _) => drop(free.insert(value)),
        }
    }

    /// Nothing where the context has no such header, or its value cannot be sent.
    fn value(&self, metadata: Option<&Metadata>) -> Option<HeaderValue> {
        let value = match &self.value {
            Source::Nothing => None,
            Source::Text(text) => HeaderValue::from_str(text.current().reveal()).ok(),
            Source::Context { key, otherwise } => {
                let found = metadata.and_then(|metadata| metadata.get(key).next());
                let found = found.filter(|value| !value.is_empty()).or(otherwise.as_ref().map(Secret::reveal));
                found.and_then(|value| HeaderValue::from_str(value).ok())
            }
        };
        value.map(|mut value| {
            value.set_sensitive(true);
            value
        })
    }
}
