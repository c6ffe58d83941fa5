//! Keeps secrets out of a report, whoever put them there: a backend may say back what it was sent.

use super::report::Report;
use crate::config::{Config, Exporter, MetricsReader, Secret};

/// The secrets of a configuration, longest first, so that a part of one never saves the rest.
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Of every header and every proxy of the exporters.
    pub(super) fn of(config: &Config) -> Mask {
        let reports = config.telemetry.metrics.readers.iter().filter_map(|reader| match reader {
            MetricsReader::Periodic(periodic) => Some(&periodic.exporter),
            MetricsReader::Prometheus(_) => None,
        });
        let mut secrets = Vec::new();
        for exporter in config.exporters.values().chain(reports) {
            for secret in secrets_of(exporter) {
                add(&mut secrets, secret.reveal());
            }
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Mask(secrets)
    }

    /// Takes the secrets out of every text of `report`.
    pub(super) fn apply(&self, report: &mut Report) {
        for section in &mut report.sections {
            self.clean(&mut section.title);
            for check in &mut section.checks {
                self.clean(&mut check.description);
                check.evidence.iter_mut().for_each(|text| self.clean(text));
                if let Some(trouble) = &mut check.trouble {
                    self.clean(&mut trouble.cause);
                    self.clean(&mut trouble.remedy);
                    trouble.edit.iter_mut().for_each(|text| self.clean(text));
                }
            }
        }
    }

    fn clean(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }
}

fn secrets_of(exporter: &Exporter) -> Vec<&Secret> {
    match exporter {
        Exporter::OtlpGrpc(grpc) => {
            let proxy = grpc.link.proxy.iter().filter_map(|proxy| proxy.authorization.as_ref());
            grpc.headers.iter().map(|(_, value)| value).chain(proxy).collect()
        }
        Exporter::OtlpHttp(http) => {
            let proxies = http.targets.values().filter_map(|target| target.proxy.as_ref()?.authorization.as_ref());
            http.headers.iter().map(|(_, value)| value).chain(proxies).collect()
        }
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Nop => Vec::new(),
    }
}

/// The whole value, and each word of it: `Bearer` is none, the token behind it is.
fn add(secrets: &mut Vec<String>, value: &str) {
    let words = value.split_whitespace().filter(|word| SHORTEST <= word.len() && !is_scheme(word));
    secrets.extend(words.map(str::to_owned));
    if SHORTEST <= value.len() {
        secrets.push(value.to_owned());
    }
}

fn is_scheme(word: &str) -> bool {
    ["basic", "bearer", "digest", "api-key", "apikey", "token"].contains(&word.to_ascii_lowercase().as_str())
}

const HIDDEN: &str = "[REDACTED]";
/// Shorter values are words that occur anywhere: a tenant called `eu`.
const SHORTEST: usize = 6;
