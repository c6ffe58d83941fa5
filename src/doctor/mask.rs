//! Keeps secrets out of a report, whoever put them there: a backend may say back what it was sent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::report::{Check, Report};
use crate::config::{ClientAuth, ClientMeans, Config, Exporter, MetricsReader, Proxy, Secret, TextSource};

/// The secrets of a configuration, longest first, so that a part of one never saves the rest.
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Of every header and every proxy of the exporters.
    pub(super) fn of(config: &Config) -> Mask {
        let reports = config.telemetry.metrics.readers.iter().filter_map(|reader| match reader {
            MetricsReader::Periodic(periodic) => Some(&periodic.exporter),
            MetricsReader::Prometheus(_) => None,
        });
        Mask::over(config.exporters.values().chain(reports).flat_map(secrets_of))
    }

    /// Of these.
    pub(super) fn over<'a>(found: impl IntoIterator<Item = &'a Secret>) -> Mask {
        let mut secrets = Vec::new();
        found.into_iter().for_each(|secret| add(&mut secrets, secret.reveal()));
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Mask(secrets)
    }

    /// Takes the secrets out of every text of `report`.
    pub(super) fn apply(&self, report: &mut Report) {
        for section in &mut report.sections {
            self.clean(&mut section.title);
            section.checks.iter_mut().for_each(|check| self.hide_in(check));
        }
    }

    /// Takes the secrets out of every text of `check`.
    pub(super) fn hide_in(&self, check: &mut Check) {
        self.clean(&mut check.description);
        check.evidence.iter_mut().for_each(|text| self.clean(text));
        if let Some(trouble) = &mut check.trouble {
            self.clean(&mut trouble.cause);
            self.clean(&mut trouble.remedy);
            trouble.edit.iter_mut().for_each(|text| self.clean(text));
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
            let proxy = grpc.link.proxy.iter().flat_map(Proxy::secrets);
            let auth = grpc.auth.iter().flat_map(of_login);
            grpc.headers.iter().map(|(_, value)| value).chain(proxy).chain(auth).collect()
        }
        Exporter::OtlpHttp(http) => {
            let proxies = http.targets.values().filter_map(|target| target.proxy.as_ref()).flat_map(Proxy::secrets);
            let auth = http.auth.iter().flat_map(of_login);
            http.headers.iter().map(|(_, value)| value).chain(proxies).chain(auth).collect()
        }
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => Vec::new(),
    }
}

/// What a token server is shown. The headers of requests are known when they are sent.
fn of_login(auth: &ClientAuth) -> Vec<&Secret> {
    let ClientMeans::Oauth2(oauth2) = &auth.means else { return Vec::new() };
    let secret = match &oauth2.client_secret {
        TextSource::Written(secret) => Some(secret),
        TextSource::File(_) => None,
    };
    oauth2.params.iter().map(|(_, value)| value).chain(secret).collect()
}

/// The whole value, and each word of it: `Bearer` is none, the token behind it is.
fn add(secrets: &mut Vec<String>, value: &str) {
    let words = value.split_whitespace().filter(|word| SHORTEST <= word.len() && !is_scheme(word));
    secrets.extend(words.map(str::to_owned));
    if SHORTEST <= value.len() {
        secrets.push(value.to_owned());
    }
    // A login (RFC 7617): the password without its coding.
    let login = value.strip_prefix("Basic ").and_then(|code| BASE64_STANDARD.decode(code).ok());
    let login = login.and_then(|login| String::from_utf8(login).ok());
    if let Some((_, password)) = login.as_deref().and_then(|login| login.split_once(':'))
        && SHORTEST <= password.len()
    {
        secrets.push(password.to_owned());
    }
}

fn is_scheme(word: &str) -> bool {
    ["basic", "bearer", "digest", "api-key", "apikey", "token"].contains(&word.to_ascii_lowercase().as_str())
}

const HIDDEN: &str = "[REDACTED]";
/// Shorter values are words that occur anywhere: a tenant called `eu`.
const SHORTEST: usize = 6;
