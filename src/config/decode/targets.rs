//! Where an HTTP exporter sends each signal: `endpoint`, or `traces_endpoint` and its kin.

use std::collections::BTreeMap;

use crate::config::model::{Config, Dialect, Exporter, HttpTarget, OtlpHttp, Proxy};
use crate::config::problem::{Mistake, Problem};
use crate::config::section::Section;
use crate::signal::Signal;

use super::endpoint;
use super::tls::Wish;

/// Reads the endpoints. Nothing when none of them is written, which is reported.
pub(super) fn read(
    exporter: &mut Section<'_>,
    wish: &Wish,
    proxy: Option<&Proxy>,
) -> Option<BTreeMap<Signal, HttpTarget>> {
    let entry = exporter.entry("endpoint");
    let base = entry.clone().filter(|value| !value.is_null());
    let own = Signal::ALL.map(|signal| (signal, exporter.text_value(signal.facts().endpoint_key)));
    if base.is_none() && own.iter().all(|(_, value)| value.is_none()) {
        let at = entry.as_ref().unwrap_or(exporter.whole());
        at.refuse(at.fault("at least one endpoint must be specified").hint("write endpoint: http://host:4318"));
        return None;
    }
    let mut targets = BTreeMap::new();
    if let Some(value) = &base
        && let Some(target) = endpoint::http(value)
    {
        let tls = wish.clone().for_http(target.scheme, value);
        for signal in Signal::ALL {
            let path = format!("{}{}", target.path, signal.facts().http_path);
            let (endpoint, tls, proxy) = (target.endpoint.clone(), tls.clone(), proxy.cloned());
            targets.insert(signal, HttpTarget { key: "endpoint", endpoint, path, tls, proxy });
        }
    }
    for (signal, value) in own {
        let Some(value) = value else { continue };
        let key = signal.facts().endpoint_key;
        if let Some(target) = endpoint::http_of_signal(&value, key) {
            let tls = wish.clone().for_http(target.scheme, &value);
            let proxy = proxy.cloned();
            targets.insert(signal, HttpTarget { key, endpoint: target.endpoint, path: target.path, tls, proxy });
        }
    }
    (!targets.is_empty()).then_some(targets)
}

/// A problem for each pipeline whose signal an HTTP exporter has no endpoint for.
pub(super) fn missing(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, exporter) in &config.exporters {
        let Exporter::OtlpHttp(http @ OtlpHttp { dialect: Dialect::Otlp, .. }) = exporter else { continue };
        let without = |signal: &Signal| {
            let is_sent = |(pipeline, ends): (&crate::ident::PipelineId, &crate::config::Pipeline)| {
                pipeline.signal == *signal && ends.exporters.contains(id)
            };
            !http.targets.contains_key(signal) && config.pipelines.iter().any(is_sent)
        };
        for signal in Signal::ALL.into_iter().filter(without) {
            let key = signal.facts().endpoint_key;
            let what = format!("either endpoint or {key} must be specified");
            let problem = config.places.problem(format!("exporters::{id}"), what);
            let hint = format!("write {key}, or take the exporter out of the pipelines for {signal}");
            found.push(problem.hint(hint).is(Mistake::InvalidEndpoint));
        }
    }
    found
}
