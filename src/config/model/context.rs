//! What the relay knows of a sender beside the headers of its request.

use super::{Config, Extension, HeaderSource, Processor};

/// One thing that is known of a sender (the Collector's `client.Info`, without its metadata).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextFact {
    /// `client.address`: the address, without the port, that its connection comes from.
    ClientAddress,
    /// `auth.username`: as whom `basicauth` let it in.
    UserName,
}

impl ContextFact {
    /// Every one.
    pub const ALL: [ContextFact; 2] = [ContextFact::ClientAddress, ContextFact::UserName];

    /// Its name in `from_context`.
    pub fn name(self) -> &'static str {
        match self {
            ContextFact::ClientAddress => "client.address",
            ContextFact::UserName => "auth.username",
        }
    }

    /// Its name among the metadata of a payload: one that no header can have.
    pub fn metadata_name(self) -> &'static str {
        match self {
            ContextFact::ClientAddress => ":client.address",
            ContextFact::UserName => ":auth.username",
        }
    }
}

impl Config {
    /// What its processors and authenticators want to know of senders, each once.
    pub fn context_facts(&self) -> Vec<ContextFact> {
        let of_processors = self.processors.values().flat_map(|processor| match processor {
            Processor::Attributes(attributes) => attributes.facts().collect(),
            _ => Vec::new(),
        });
        let of_extensions = self.extensions.values().flat_map(|extension| match extension {
            Extension::HeadersSetter(rules, _) => rules.iter().filter_map(|rule| fact(rule.value.as_ref()?)).collect(),
            _ => Vec::new(),
        });
        let mut facts: Vec<ContextFact> = of_processors.chain(of_extensions).collect();
        facts.sort();
        facts.dedup();
        facts
    }
}

fn fact(source: &HeaderSource) -> Option<ContextFact> {
    match source {
        HeaderSource::Fact { fact, .. } => Some(*fact),
        HeaderSource::Text(_) | HeaderSource::Context { .. } => None,
    }
}
