//! `static_configs`: the targets of a job, as `relabel_configs` leaves them.

use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::access::Proxied;
use crate::config::decode::address::{self, Address, shown};
use crate::config::decode::prometheus;
use crate::config::duration;
use crate::config::model::{ClientTls, Endpoint, Labels, Relabel, Relabelled, ScrapeTarget, relabel};
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::Section;

/// What the targets of a job have in common.
pub(super) struct Job<'a> {
    pub name: &'a str,
    pub interval: Duration,
    pub timeout: Duration,
    pub tls: ClientTls,
    pub proxied: &'a Proxied,
    pub relabel: &'a [Relabel],
}

/// Everything that a target begins with.
struct Base {
    labels: Labels,
    params: Vec<(String, Vec<String>)>,
}

/// Reads `static_configs`, with the keys that say what is asked of each target.
pub(super) fn read(section: &mut Section<'_>, job: &Job<'_>) -> Vec<ScrapeTarget> {
    let base = base(section, job);
    let mut targets = Vec::new();
    for group in section.value("static_configs").map(|list| list.items()).unwrap_or_default() {
        let Some(mut group) = group.section() else { continue };
        let own = prometheus::labels(&mut group, "labels");
        for (address, at) in group.value("targets").map(|list| list.words()).unwrap_or_default() {
            let mut labels = base.labels.clone();
            labels.extend(own.iter().cloned());
            labels.insert("__address__".to_owned(), address);
            if relabel(job.relabel, &mut labels) == Relabelled::Dropped {
                continue;
            }
            match target(labels, &base, job) {
                Ok(target) => targets.push(target),
                Err(problem) => at.refuse(placed(&at, problem)),
            }
        }
        group.finish();
    }
    targets
}

/// With the variables that the value comes from.
fn placed(at: &Reading<'_>, problem: Problem) -> Problem {
    let mut named = at.fault(problem.what);
    named.hint = problem.hint;
    if named.mistake == Mistake::Invalid { named.is(problem.mistake) } else { named }
}

fn base(section: &mut Section<'_>, job: &Job<'_>) -> Base {
    let path =
        section.text_value("metrics_path").and_then(|value| value.text()).unwrap_or_else(|| "/metrics".to_owned());
    let scheme = section.value("scheme").and_then(|value| value.choice(&[("http", "http"), ("https", "https")]));
    let mut params = Vec::new();
    let written = section.value("params").and_then(|value| value.section());
    for (entry, values) in written.into_iter().flat_map(Section::into_entries) {
        let values: Vec<String> = values.items().iter().filter_map(Reading::text).collect();
        params.push((entry.key.clone(), values));
    }
    let mut labels = Labels::new();
    let mut put = |name: &str, value: String| drop(labels.insert(name.to_owned(), value));
    put("job", job.name.to_owned());
    put("__scheme__", scheme.unwrap_or("http").to_owned());
    put("__metrics_path__", path);
    put("__scrape_interval__", format!("{}ms", job.interval.as_millis()));
    put("__scrape_timeout__", format!("{}ms", job.timeout.as_millis()));
    for (name, values) in &params {
        if let Some(first) = values.first() {
            put(&format!("__param_{name}"), first.clone());
        }
    }
    Base { labels, params }
}

fn target(mut labels: Labels, base: &Base, job: &Job<'_>) -> Result<ScrapeTarget, Problem> {
    let mut take = |name: &str| labels.remove(name).unwrap_or_default();
    let (address, scheme, path) = (take("__address__"), take("__scheme__"), take("__metrics_path__"));
    let times = [take("__scrape_interval__"), take("__scrape_timeout__")].map(|text| duration::parse_prometheus(&text));
    let [interval, timeout] = times;
    let (interval, timeout) = (interval.unwrap_or(job.interval), timeout.unwrap_or(job.timeout));
    let query = query(&labels, base);
    labels.retain(|name, _| !name.starts_with("__"));
    if !labels.contains_key(INSTANCE) {
        labels.insert(INSTANCE.to_owned(), address.clone());
    }
    labels.retain(|_, value| !value.is_empty());
    let (tls, usual_port) = match scheme.as_str() {
        "http" => (None, 80),
        "https" => (Some(job.tls.clone()), 443),
        other => return Err(invalid(format!("the scheme {other:?} of a target is neither http nor https"))),
    };
    let (host, port) = host_and_port(&address)?;
    let path = format!("{}{path}", if path.starts_with('/') { "" } else { "/" });
    let authority = if port.is_some() { address.clone() } else { bracketed(&host) };
    let text = format!("{scheme}://{authority}{path}");
    if text.parse::<http::Uri>().is_err() {
        return Err(invalid(format!("{} is no valid URL", shown(&text))));
    }
    let endpoint = Endpoint { text, host, port: port.unwrap_or(usual_port) };
    let proxy = job.proxied.proxy(&endpoint.host, endpoint.port);
    let path = format!("{path}{query}");
    Ok(ScrapeTarget { endpoint, tls, proxy, path, interval, timeout, labels: labels.into_iter().collect() })
}

/// `params`, of which relabelling may have changed the first value of each.
fn query(labels: &Labels, base: &Base) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (label, value) in labels {
        if let Some(name) = label.strip_prefix("__param_") {
            pairs.push((name, value));
            let written = base.params.iter().find(|(known, _)| known == name);
            let rest = written.into_iter().flat_map(|(_, values)| values.iter().skip(1));
            pairs.extend(rest.map(|value| (name, value.as_str())));
        }
    }
    let encoded = |text| utf8_percent_encode(text, NOT_IN_A_QUERY).to_string();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Problem> {
    let Address { scheme, host, port, path } = address::parse(text)?;
    if let Some(scheme) = scheme {
        let what = format!("a target is host:port, and no URL ({scheme}://)");
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        let hint = format!("write {}{port}, scheme: {scheme} and metrics_path", bracketed(&host));
        return Err(invalid(what).hint(hint));
    }
    if !path.is_empty() {
        let what = format!("{} is not a valid hostname: it has a path", shown(text));
        return Err(invalid(what).hint(format!("write the path as metrics_path: {path}")));
    }
    if host.is_empty() {
        return Err(invalid("a target needs a host".to_owned()).hint("write host:port"));
    }
    Ok((host, port))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn invalid(what: String) -> Problem {
    Problem::new(None, "", what).is(Mistake::InvalidEndpoint)
}

const INSTANCE: &str = "instance";

const NOT_IN_A_QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'=').add(b'>').add(b'?');
