//! How a target is reached, and what it is shown: `tls_config`, logins, tokens, headers and proxies.

use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::config::decode::endpoint::{self, Scheme};
use crate::config::decode::{authenticators, headers, proxies, tls_terms};
use crate::config::model::{
    BasicClient, BearerToken, ClientAuth, ClientMeans, ClientTls, Oauth2, PemSource, Proxy, Secret, TextSource, Tokens,
};
use crate::config::no_proxy::NoProxy;
use crate::config::section::{Rule, Section};
use crate::ident::ComponentId;

/// How a target is told who asks: by one of four ways.
pub(super) fn auth(section: &mut Section<'_>) -> Option<ClientAuth> {
    let basic = section.value("basic_auth").and_then(|value| value.section()).and_then(basic);
    let bearer = section.value("authorization").and_then(|value| value.section()).and_then(authorization);
    let token = authenticators::text_source(section, "bearer_token", "bearer_token_file");
    let token = token.map(|token| ClientMeans::Bearer(of_token("Bearer".to_owned(), token)));
    let tokens = section.value("oauth2").and_then(|value| value.section()).and_then(oauth2);
    let found: Vec<ClientMeans> = [basic, bearer, token, tokens].into_iter().flatten().collect();
    if 1 < found.len() {
        section.whole().wrong("at most one of basic_auth, oauth2, authorization & bearer_token must be configured");
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

/// `oauth2`, with Prometheus' names for what the Collector's `oauth2client` has.
fn oauth2(mut section: Section<'_>) -> Option<ClientMeans> {
    let client_id = section.text_value("client_id").and_then(|value| value.secret()).map(TextSource::Written);
    let client_secret = authenticators::text_source(&mut section, "client_secret", "client_secret_file");
    let url = section.text_value("token_url");
    for (there, what) in [
        (client_id.is_some(), "oauth2 client_id must be configured"),
        (client_secret.is_some(), "either oauth2 client_secret or client_secret_file must be configured"),
        (url.is_some(), "oauth2 token_url must be configured"),
    ] {
        if !there {
            section.whole().wrong(what);
        }
    }
    let settings = section.value("tls_config").and_then(|value| value.section()).map(tls).unwrap_or_default();
    let target = url.and_then(|url| endpoint::http_of_anything(&url, "token_url"));
    let scopes = section.value("scopes").map(|value| value.words()).unwrap_or_default();
    let params = section.value("endpoint_params").and_then(|value| value.section());
    let params = params.into_iter().flat_map(Section::into_entries);
    let params = params.filter_map(|(entry, value)| Some((entry.key.clone(), value.secret()?))).collect();
    section.rest(OAUTH2_REST);
    section.finish();
    let target = target?;
    Some(ClientMeans::Oauth2(Box::new(Oauth2 {
        client_id: client_id?,
        client_secret: client_secret?,
        tls: (target.scheme == Scheme::Https).then_some(settings),
        endpoint: target.endpoint,
        path: target.path,
        scopes: scopes.into_iter().map(|(scope, _)| scope).collect(),
        params,
        timeout: None,
        expiry_buffer: EXPIRY_BUFFER,
    })))
}

fn of_token(scheme: String, token: TextSource) -> BearerToken {
    let tokens = match token {
        TextSource::Written(token) => Tokens::Written(vec![token]),
        TextSource::File(path) => Tokens::File(path),
    };
    BearerToken { header: AUTHORIZATION, scheme, tokens }
}

/// `http_headers`: each name has `values`, or `secrets`.
pub(super) fn http_headers(section: Section<'_>) -> Vec<(HeaderName, Secret)> {
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
pub(super) fn tls(mut section: Section<'_>) -> ClientTls {
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

/// What stands in front of targets.
#[derive(Default)]
pub(super) struct Proxied {
    proxy: Option<Proxy>,
    exceptions: Option<NoProxy>,
    /// `proxy_from_environment`
    pub(super) by_environment: bool,
}

/// `proxy_url`, `no_proxy` and `proxy_from_environment`.
pub(super) fn proxied(section: &mut Section<'_>) -> Proxied {
    let proxy = proxies::configured(section);
    let exceptions = section.text("no_proxy").filter(|text| !text.is_empty());
    let by_environment = section.boolean("proxy_from_environment").unwrap_or(false);
    if by_environment && (proxy.is_some() || exceptions.is_some()) {
        section.whole().wrong("if proxy_from_environment is configured, proxy_url and no_proxy must not be configured");
    } else if exceptions.is_some() && !section.has("proxy_url") {
        section.whole().wrong("if no_proxy is configured, proxy_url must also be configured");
    }
    section.rest(&[("proxy_connect_header", Rule::NotYet)]);
    Proxied { proxy, exceptions: exceptions.map(|text| NoProxy::parse(&text)), by_environment }
}

impl Proxied {
    /// What stands in front of this one.
    pub(super) fn proxy(&self, host: &str, port: u16) -> Option<Proxy> {
        let is_exempt = self.exceptions.as_ref().is_some_and(|exceptions| exceptions.exempts(host, port));
        self.proxy.clone().filter(|_| !is_exempt)
    }
}

/// As Go's client of OAuth 2 has it.
const EXPIRY_BUFFER: Duration = Duration::from_secs(10);

const OAUTH2_REST: &[(&str, Rule)] = &[
    ("grant_type", Rule::Only(&["client_credentials"])),
    ("client_secret_ref", Rule::NotYet),
    ("client_certificate_key", Rule::NotYet),
    ("client_certificate_key_file", Rule::NotYet),
    ("client_certificate_key_ref", Rule::NotYet),
    ("client_certificate_key_id", Rule::NotYet),
    ("signature_algorithm", Rule::NotYet),
    ("audience", Rule::NotYet),
    ("iss", Rule::NotYet),
    ("claims", Rule::NotYet),
    ("proxy_url", Rule::NotYet),
    ("no_proxy", Rule::NotYet),
    ("proxy_from_environment", Rule::NotYet),
    ("proxy_connect_header", Rule::NotYet),
];
