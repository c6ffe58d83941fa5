//! One of `scrape_configs`.

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::{GLOBAL_REST, Global, NOT_YET, limits, relabel, target, time};
use crate::config::decode::{authenticators, headers, tls_terms};
use crate::config::describe::Unread;
use crate::config::model::{
    BasicClient, BearerToken, ClientAuth, ClientMeans, ClientTls, PemSource, ScrapeJob, Secret, TextSource, Tokens,
};
use crate::config::section::{Rule, Section};
use crate::ident::ComponentId;

/// Reads the job at `key` of its receiver.
pub(super) fn read(mut section: Section<'_>, key: String, global: &Global) -> Option<ScrapeJob> {
    let name = section.text("job_name").filter(|name| !name.is_empty());
    if name.is_none() {
        section.whole().refuse(section.whole().fault("job_name is empty").hint("write job_name: app"));
    }
    let interval = time(&mut section, "scrape_interval").unwrap_or(global.interval);
    let timeout = time(&mut section, "scrape_timeout");
    if timeout.is_some_and(|timeout| interval < timeout) {
        let what = "scrape timeout greater than scrape interval for scrape config with job name";
        section.whole().wrong(format!("{what} \"{}\"", name.clone().unwrap_or_default()));
    }
    let timeout = timeout.unwrap_or(global.timeout.min(interval));
    let limits = limits(&mut section, &global.limits);
    let honor_labels = section.boolean("honor_labels").unwrap_or(false);
    let honor_timestamps = section.boolean("honor_timestamps").unwrap_or(true);
    let follow_redirects = section.boolean("follow_redirects").unwrap_or(true);
    let auth = auth(&mut section);
    let sent = section.value("http_headers").and_then(|value| value.section()).map(http_headers).unwrap_or_default();
    let tls = section.value("tls_config").and_then(|value| value.section()).map(tls);
    let steps = relabel::read(&mut section, "relabel_configs");
    let metric_steps = relabel::read(&mut section, "metric_relabel_configs");
    let name = name.unwrap_or_default();
    let job = target::Job { name: &name, interval, timeout, tls: tls.unwrap_or_default(), relabel: &steps };
    let targets = target::read(&mut section, &job);
    discoveries(&mut section);
    section.rest(JOB_REST);
    section.rest(GLOBAL_REST);
    section.finish();
    Some(ScrapeJob {
        key,
        name,
        targets,
        honor_labels,
        honor_timestamps,
        follow_redirects,
        relabel: metric_steps,
        external_labels: global.labels.clone(),
        auth,
        headers: sent,
        limits,
    })
}

/// Everything that looks for targets by itself.
fn discoveries(section: &mut Section<'_>) {
    for key in DISCOVERIES.iter().copied() {
        section.whole().leave(key, Unread::Refused);
        let Some(value) = section.value(key).filter(|value| !value.asks_for_nothing()) else { continue };
        let what = format!("service discovery by {key} is not supported by otlp-relay yet");
        let hint = "write the targets down: static_configs: [{targets: ['host:port']}]";
        value.refuse(value.fault(what).hint(hint).is(NOT_YET));
    }
}

/// How a target is told who asks: by one of three ways.
fn auth(section: &mut Section<'_>) -> Option<ClientAuth> {
    let basic = section.value("basic_auth").and_then(|value| value.section()).and_then(basic);
    let bearer = section.value("authorization").and_then(|value| value.section()).and_then(authorization);
    let token = authenticators::text_source(section, "bearer_token", "bearer_token_file");
    let token = token.map(|token| ClientMeans::Bearer(of_token("Bearer".to_owned(), token)));
    let found: Vec<ClientMeans> = [basic, bearer, token].into_iter().flatten().collect();
    if 1 < found.len() {
        section.whole().wrong("at most one of basic_auth, authorization & bearer_token must be configured");
    }
    let id = ComponentId::parse("prometheus").ok()?;
    found.into_iter().next().map(|means| ClientAuth { id, means })
}

fn basic(mut section: Section<'_>) -> Option<ClientMeans> {
    let nobody = || TextSource::Written(Secret::default());
    let username = authenticators::text_source(&mut section, "username", "username_file").unwrap_or_else(nobody);
    let password = authenticators::text_source(&mut section, "password", "password_file").unwrap_or_else(nobody);
    section.rest(&[("username_ref", Rule::NotYet), ("password_ref", Rule::NotYet)]);
    section.finish();
    Some(ClientMeans::Basic(BasicClient { username, password }))
}

fn authorization(mut section: Section<'_>) -> Option<ClientMeans> {
    let scheme = section.text_value("type").and_then(|value| value.text()).unwrap_or_else(|| "Bearer".to_owned());
    let credentials = authenticators::text_source(&mut section, "credentials", "credentials_file");
    section.rest(&[("credentials_ref", Rule::NotYet)]);
    if scheme.trim().eq_ignore_ascii_case("basic") {
        let fault = section.whole().fault("authorization type cannot be set to \"basic\"");
        section.whole().refuse(fault.hint("write basic_auth instead"));
    }
    section.finish();
    Some(ClientMeans::Bearer(of_token(scheme.trim().to_owned(), credentials?)))
}

fn of_token(scheme: String, token: TextSource) -> BearerToken {
    let tokens = match token {
        TextSource::Written(token) => Tokens::Written(vec![token]),
        TextSource::File(path) => Tokens::File(path),
    };
    BearerToken { header: AUTHORIZATION, scheme, tokens }
}

/// `http_headers`: each name has `values`, or `secrets`.
fn http_headers(section: Section<'_>) -> Vec<(HeaderName, Secret)> {
    let mut read = Vec::new();
    for (entry, value) in section.into_entries() {
        let Some(mut header) = value.clone().section() else { continue };
        let Some(name) = headers::name(&entry.key, &value) else { continue };
        for key in ["values", "secrets"] {
            for item in header.value(key).map(|list| list.items()).unwrap_or_default() {
                let Some(secret) = item.secret() else { continue };
                headers::check_value(name.as_str(), secret.reveal(), &item);
                read.push((name.clone(), secret));
            }
        }
        header.rest(&[("files", Rule::NotYet)]);
        header.finish();
    }
    read
}

/// `tls_config`, with Prometheus' names for what the Collector calls `tls`.
fn tls(mut section: Section<'_>) -> ClientTls {
    let mut pem = |file, inline| tls_terms::pem(&mut section, file, inline, "at most one of both may be configured");
    let (ca, cert, key): (Option<PemSource>, _, _) =
        (pem("ca_file", "ca"), pem("cert_file", "cert"), pem("key_file", "key"));
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            section.whole().wrong("exactly one of key or key_file must be configured when a client certificate is");
            None
        }
    };
    let settings = ClientTls {
        ca,
        identity,
        server_name: section.text("server_name").filter(|name| !name.is_empty()),
        skip_verify: section.boolean("insecure_skip_verify").unwrap_or(false),
        ..ClientTls::default()
    };
    section.rest(&[
        ("min_version", Rule::Only(&["TLS12", "TLS11", "TLS10"])),
        ("max_version", Rule::Only(&["TLS13"])),
        ("ca_ref", Rule::NotYet),
        ("cert_ref", Rule::NotYet),
        ("key_ref", Rule::NotYet),
    ]);
    section.finish();
    settings
}

const JOB_REST: &[(&str, Rule)] = &[
    ("fallback_scrape_protocol", Rule::NoEffect("what says no format is read as Prometheus' text")),
    ("track_timestamps_staleness", Rule::NotYet),
    ("enable_compression", Rule::NoEffect("targets are asked for plain text")),
    ("native_histogram_bucket_limit", Rule::NoEffect("text has no native histograms")),
    ("native_histogram_min_bucket_factor", Rule::NoEffect("text has no native histograms")),
    ("enable_http2", Rule::NoEffect("a server that prefers HTTP/2 over TLS gets it")),
    ("oauth2", Rule::NotYet),
    ("proxy_url", Rule::NotYet),
    ("no_proxy", Rule::NotYet),
    ("proxy_from_environment", Rule::NotYet),
    ("proxy_connect_header", Rule::NotYet),
];

/// Prometheus' service discoveries.
const DISCOVERIES: &[&str] = &[
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "eureka_sd_configs",
    "file_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];
