//! What each authenticator asks for: bearertokenauth, basicauth, headers_setter and oauth2client.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::config::model::{
    BasicAuth, BasicClient, BearerToken, ContextFact, Extension, HeaderAction, HeaderRule, HeaderSource, Htpasswd,
    Oauth2, Secret, TextSource, Tokens,
};
use crate::config::problem::Mistake;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::config::yaml::Value;
use crate::ident::ComponentId;

use super::{endpoint, headers, tls};

/// `bearertokenauth`
pub(super) fn bearer_token(section: &mut Section<'_>) -> Option<Extension> {
    let header = section.text_value("header").and_then(|value| header_name(&value)).unwrap_or(AUTHORIZATION);
    let scheme = section.text("scheme").unwrap_or_else(|| "Bearer".to_owned());
    let token = section.text_value("token").and_then(|value| sendable(&value, header.as_str()));
    let listed = section.value("tokens").map(|value| value.items());
    let listed: Vec<Secret> =
        listed.unwrap_or_default().iter().filter_map(|token| sendable(token, header.as_str())).collect();
    let file = section.text_value("filename").and_then(|value| value.text());
    section.rest(&[("file_retry", Rule::NoEffect("the file is read again whenever it has changed"))]);
    let tokens = match (file, listed.is_empty(), token) {
        (Some(file), true, None) => Tokens::File(file.into()),
        (Some(file), ..) => {
            section.whole().warn("filename is given, so the tokens that are written here are not used");
            Tokens::File(file.into())
        }
        (None, false, token) => {
            if token.is_some() {
                section.whole().warn("tokens is given, so token is not used");
            }
            Tokens::Written(listed)
        }
        (None, true, Some(token)) => Tokens::Written(vec![token]),
        (None, true, None) => {
            let at = section.whole();
            at.refuse(at.fault("no bearer token provided").hint("write token: ${env:TOKEN}, or filename: /path"));
            return None;
        }
    };
    Some(Extension::BearerToken(BearerToken { header, scheme, tokens }))
}

/// `basicauth`
pub(super) fn basic_auth(section: &mut Section<'_>) -> Option<Extension> {
    let server = section.optional("htpasswd").map(htpasswd);
    let client = section.optional("client_auth").map(basic_client);
    let at = section.whole();
    match (server, client) {
        (Some(_), Some(_)) => at.refuse(
            at.fault("cannot use both `client_auth` and `htpasswd`")
                .hint("make two extensions: basicauth/in, basicauth/out"),
        ),
        (Some(server), None) => return server.map(|server| Extension::BasicAuth(BasicAuth::Server(server))),
        (None, Some(client)) => return client.map(|client| Extension::BasicAuth(BasicAuth::Client(client))),
        (None, None) => at.refuse(
            at.fault("no credential source provided").hint("write htpasswd (to receive) or client_auth (to export)"),
        ),
    }
    None
}

fn htpasswd(mut section: Section<'_>) -> Option<Htpasswd> {
    let file: Option<PathBuf> = section.text_value("file").and_then(|value| value.text()).map(PathBuf::from);
    let inline = section.text_value("inline").and_then(|value| value.secret());
    if file.is_none() && inline.is_none() {
        section.whole().refuse(section.whole().fault("no credential source provided").hint("write file or inline"));
        return None;
    }
    section.finish();
    Some(Htpasswd { file, inline })
}

fn basic_client(mut section: Section<'_>) -> Option<BasicClient> {
    let username = text_source(&mut section, "username", "username_file");
    let password = text_source(&mut section, "password", "password_file");
    for (source, key) in [(&username, "username"), (&password, "password")] {
        if source.is_none() {
            section.whole().wrong(format!("client_auth needs {key} or {key}_file"));
        }
    }
    section.finish();
    Some(BasicClient { username: username?, password: password? })
}

/// `headers_setter`
pub(super) fn headers_setter(section: &mut Section<'_>) -> Option<Extension> {
    let rules: Vec<_> = section.value("headers").map(|value| value.items()).unwrap_or_default();
    if rules.is_empty() {
        section.whole().wrong("missing header configuration: headers must have at least one entry");
    }
    let rules = rules.into_iter().filter_map(|rule| rule.section().and_then(header_rule)).collect();
    let additional = section.text_value("additional_auth").and_then(|value| {
        let text = value.text()?;
        ComponentId::parse(&text).map_err(|bad| value.wrong(bad.to_string())).ok()
    });
    Some(Extension::HeadersSetter(rules, additional))
}

fn header_rule(mut rule: Section<'_>) -> Option<HeaderRule> {
    let Some(key) = rule.text_value("key") else {
        rule.whole().wrong("missing header name: each entry of headers needs a key");
        return None;
    };
    let action = rule.choice("action", ACTIONS).unwrap_or_default();
    let value = text_source(&mut rule, "value", "value_file").map(HeaderSource::Text);
    let context = rule.text_value("from_context").and_then(|value| value.text());
    let otherwise = rule.value("default_value").and_then(|value| value.secret());
    let attribute = rule.text_value("from_attribute");
    rule.rest(&[("default_value_file", Rule::NotYet)]);
    if 1 < usize::from(value.is_some()) + usize::from(context.is_some()) + usize::from(attribute.is_some()) {
        rule.whole().wrong("only one of value, value_file, from_context and from_attribute can be given");
        return None;
    }
    let source = match (context, attribute) {
        (Some(key), _) => Some(HeaderSource::Context { key: key.to_ascii_lowercase(), otherwise }),
        (None, Some(name)) => Some(HeaderSource::Fact { fact: fact_of_auth(&name)?, otherwise }),
        (None, None) => value,
    };
    if source.is_none() && action != HeaderAction::Delete {
        rule.whole().wrong("missing header source: write value, value_file, from_context or from_attribute");
    }
    rule.finish();
    let name = header_name(&key)?;
    (source.is_some() || action == HeaderAction::Delete).then_some(HeaderRule { name, action, value: source })
}

/// What an authenticator of a receiver knows of whom it let in.
fn fact_of_auth(name: &Reading<'_>) -> Option<ContextFact> {
    let text = name.text()?;
    if text == "username" {
        return Some(ContextFact::UserName);
    }
    let fault = name.fault(format!("from_attribute {text:?} is not supported by otlp-relay yet"));
    name.refuse(fault.hint("write username, which basicauth knows").is(Mistake::NotSupportedYet));
    None
}

/// `oauth2client`
pub(super) fn oauth2(section: &mut Section<'_>) -> Option<Extension> {
    let client_id = text_source(section, "client_id", "client_id_file");
    let client_secret = text_source(section, "client_secret", "client_secret_file");
    let url = section.text_value("token_url");
    for (there, what) in [
        (client_id.is_some(), "no ClientID provided in the OAuth2 exporter configuration"),
        (client_secret.is_some(), "no ClientSecret provided in OAuth Client Credentials configuration"),
        (url.is_some(), "no TokenURL provided in OAuth Client Credentials configuration"),
    ] {
        if !there {
            section.whole().wrong(what);
        }
    }
    let wish = tls::wish(section);
    let target = url.as_ref().and_then(|url| endpoint::http_of_anything(url, "token_url"));
    let tls = target.as_ref().zip(url.as_ref()).and_then(|(target, url)| wish.for_http(target.scheme, url));
    let scopes = section.value("scopes").map(|value| value.words()).unwrap_or_default();
    let params = section.value("endpoint_params").and_then(Reading::section).map(parameters).unwrap_or_default();
    let timeout = section.duration("timeout", "'timeout' must be non-negative").filter(|time| !time.is_zero());
    let expiry_buffer = section.duration("expiry_buffer", "'expiry_buffer' must be non-negative");
    section.rest(&[("grant_type", Rule::Only(&["client_credentials"]))]);
    section.rest(&JWT_BEARER.map(|key| (key, Rule::NotYet)));
    let target = target?;
    Some(Extension::Oauth2(Box::new(Oauth2 {
        client_id: client_id?,
        client_secret: client_secret?,
        endpoint: target.endpoint,
        path: target.path,
        tls,
        scopes: scopes.into_iter().map(|(scope, _)| scope).collect(),
        params,
        timeout,
        expiry_buffer: expiry_buffer.unwrap_or(EXPIRY_BUFFER),
    })))
}

/// Each name with its values: one text, or a list of them.
fn parameters(section: Section<'_>) -> Vec<(String, Secret)> {
    let mut found = Vec::new();
    for (entry, value) in section.into_entries() {
        let is_list = matches!(value.node().value, Value::List(_));
        let values = if is_list { value.items() } else { vec![value] };
        let values = values.into_iter().filter_map(|value| value.secret());
        found.extend(values.map(|value| (entry.key.clone(), value)));
    }
    found
}

/// What stands at `key`, or in the file that `file` names.
pub(super) fn text_source(section: &mut Section<'_>, key: &'static str, file: &'static str) -> Option<TextSource> {
    let path = section.text_value(file).and_then(|value| value.text());
    let text = section.text_value(key).and_then(|value| value.secret());
    match (path, text) {
        (Some(path), text) => {
            if text.is_some() {
                section.whole().warn(format!("{file} is given, so {key} is not used"));
            }
            Some(TextSource::File(path.into()))
        }
        (None, text) => text.map(TextSource::Written),
    }
}

/// A secret that can be sent in the header `name`.
fn sendable(value: &Reading<'_>, name: &str) -> Option<Secret> {
    let secret = value.secret()?;
    headers::check_value(name, secret.reveal(), value);
    Some(secret)
}

fn header_name(value: &Reading<'_>) -> Option<HeaderName> {
    let text = value.text()?;
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) => Some(name),
        Err(_) => {
            value.wrong(format!("{text:?} is not the name of a header"));
            None
        }
    }
}

const ACTIONS: &[(&str, HeaderAction)] = &[
    ("", HeaderAction::Upsert),
    ("insert", HeaderAction::Insert),
    ("update", HeaderAction::Update),
    ("upsert", HeaderAction::Upsert),
    ("delete", HeaderAction::Delete),
];

const JWT_BEARER: [&str; 7] = [
    "client_certificate_key",
    "client_certificate_key_file",
    "client_certificate_key_id",
    "signature_algorithm",
    "iss",
    "audience",
    "claims",
];

const EXPIRY_BUFFER: Duration = Duration::from_secs(5 * 60);
