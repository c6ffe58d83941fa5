//! Which authenticator each exporter shows its credentials by, and each receiver asks for them: `auth` leads to an
//! extension, which has to be there, to run, and to be for that side.

use crate::config::model::{
    BasicAuth, ClientAuth, ClientMeans, Config, Exporter, Extension, HeaderSource, HeadersSetter, Receiver, ServerAuth,
    ServerMeans,
};
use crate::config::problem::Problem;
use crate::config::reading::{Reading, Report};
use crate::config::section::{Rule, Section};
use crate::config::yaml::Node;
use crate::ident::ComponentId;

/// Reads every `auth` below `root`, now that the extensions of `config` are known.
pub(super) fn attach(root: &Node, config: &mut Config, report: &Report) {
    let Some(mut top) = Section::open(Reading::root(report, root)) else { return };
    for (id, mut section) in components(&mut top, "exporters") {
        // Where an exporter has its client's keys in a map of their own, that is where it stands.
        let own = section.entry("http").filter(Reading::is_map).and_then(Reading::section);
        let section = own.unwrap_or(section);
        let Some(auth) = read(section, &id, config, Side::Client) else { continue };
        let found = client(&auth.id, config, &mut Vec::new());
        let found = found.map_err(|problem| auth.place.refuse(problem)).ok();
        let cleartext = matches!(config.exporters.get(&id), Some(Exporter::OtlpGrpc(grpc)) if grpc.tls.is_none()
            && !is_near(&grpc.endpoint.host));
        if cleartext && found.as_ref().is_some_and(shows_a_credential) {
            auth.place.warn("the credentials travel in plaintext, which the Collector refuses over gRPC; use TLS");
        }
        match config.exporters.get_mut(&id) {
            Some(Exporter::OtlpGrpc(exporter)) => exporter.auth = found,
            Some(Exporter::OtlpHttp(exporter)) => exporter.auth = found,
            _ => {}
        }
    }
    for (id, section) in components(&mut top, "receivers") {
        if config.receivers.contains_key(&id) {
            receiver(&id, section, config);
        }
    }
}

fn receiver(id: &ComponentId, mut section: Section<'_>, config: &mut Config) {
    let Some(mut protocols) = section.entry("protocols").and_then(Reading::section) else { return };
    let mut of = |key| protocols.optional(key).and_then(|section| read(section, id, config, Side::Server));
    let (grpc, http) = (of("grpc"), of("http"));
    let resolve = |auth: Auth<'_>| server(&auth.id, config).map_err(|problem| auth.place.refuse(problem)).ok();
    let (grpc, http) = (grpc.and_then(resolve), http.and_then(resolve));
    let Some(Receiver::Otlp(otlp)) = config.receivers.get_mut(id) else { return };
    otlp.grpc.iter_mut().for_each(|server| server.auth.clone_from(&grpc));
    otlp.http.iter_mut().for_each(|server| server.auth.clone_from(&http));
}

/// The components that could be read, by the name of their section.
fn components<'a>(top: &mut Section<'a>, name: &'static str) -> Vec<(ComponentId, Section<'a>)> {
    let section = top.entry(name).filter(|value| value.is_map()).and_then(Reading::section);
    let entries = section.into_iter().flat_map(Section::into_entries);
    let known = |(entry, value): (&_, Reading<'a>)| {
        let entry: &crate::config::yaml::Entry = entry;
        Some((ComponentId::parse(&entry.key).ok()?, Some(value).filter(Reading::is_map)?.section()?))
    };
    entries.filter_map(known).collect()
}

/// A reference to an authenticator.
struct Auth<'a> {
    id: ComponentId,
    place: Reading<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// The `auth` of `section`, which belongs to the component `owner`.
fn read<'a>(mut section: Section<'a>, owner: &ComponentId, config: &Config, side: Side) -> Option<Auth<'a>> {
    let mut auth = section.optional("auth")?;
    if auth.is_empty() {
        return None;
    }
    let place = auth.text_value("authenticator");
    if side == Side::Server {
        auth.rest(&[("request_params", Rule::NotYet)]);
    }
    let Some(place) = place else {
        auth.whole().wrong("auth needs an authenticator: the id of an extension");
        return None;
    };
    auth.finish();
    let text = place.text()?;
    let id = ComponentId::parse(&text).map_err(|bad| place.wrong(bad.to_string())).ok()?;
    let in_use = config.pipelines.values().any(|pipeline| match side {
        Side::Client => pipeline.exporters.contains(owner),
        Side::Server => pipeline.receivers.contains(owner),
    });
    if in_use && !config.started_extensions.contains(&id) {
        let what = format!("failed to resolve authenticator \"{id}\": authenticator not found");
        let hint = match config.extensions.contains_key(&id) {
            true => format!("write \"{id}\" into service::extensions, too"),
            false => format!("write \"{id}:\" under extensions, and \"{id}\" into service::extensions"),
        };
        place.refuse(place.fault(what).hint(hint));
        return None;
    }
    Some(Auth { id, place })
}

/// What `id` has for an exporter. `trail` are the authenticators that lead here.
fn client(id: &ComponentId, config: &Config, trail: &mut Vec<ComponentId>) -> Result<ClientAuth, Problem> {
    if trail.contains(id) {
        return Err(problem(format!("the authenticator \"{id}\" leads back to itself by additional_auth")));
    }
    trail.push(id.clone());
    let means = match config.extensions.get(id) {
        Some(Extension::BearerToken(bearer)) => ClientMeans::Bearer(bearer.clone()),
        Some(Extension::BasicAuth(BasicAuth::Client(basic))) => ClientMeans::Basic(basic.clone()),
        Some(Extension::HeadersSetter(rules, additional)) => {
            let additional = additional.as_ref().map(|other| client(other, config, trail)).transpose()?.map(Box::new);
            ClientMeans::Headers(HeadersSetter { rules: rules.clone(), additional })
        }
        Some(Extension::Oauth2(oauth2)) => ClientMeans::Oauth2(oauth2.clone()),
        Some(Extension::BasicAuth(BasicAuth::Server(_))) => {
            return Err(problem(format!("\"{id}\" has htpasswd, which is for receivers")).hint("give it client_auth"));
        }
        other => return Err(unfit(id, other)),
    };
    Ok(ClientAuth { id: id.clone(), means })
}

/// What `id` has for a receiver.
fn server(id: &ComponentId, config: &Config) -> Result<ServerAuth, Problem> {
    let means = match config.extensions.get(id) {
        Some(Extension::BearerToken(bearer)) => ServerMeans::Bearer(bearer.clone()),
        Some(Extension::BasicAuth(BasicAuth::Server(htpasswd))) => ServerMeans::Basic(htpasswd.clone()),
        Some(Extension::BasicAuth(BasicAuth::Client(_))) => {
            return Err(problem(format!("\"{id}\" has client_auth, which is for exporters")).hint("give it htpasswd"));
        }
        Some(Extension::HeadersSetter(..) | Extension::Oauth2(_)) => {
            let hint = "receivers take bearertokenauth or basicauth";
            return Err(problem(format!("\"{id}\" is not a server authenticator")).hint(hint));
        }
        other => return Err(unfit(id, other)),
    };
    Ok(ServerAuth { id: id.clone(), means })
}

fn unfit(id: &ComponentId, found: Option<&Extension>) -> Problem {
    match found {
        Some(_) => problem(format!("the extension \"{id}\" is no authenticator")),
        None => problem(format!("failed to resolve authenticator \"{id}\": authenticator not found")),
    }
}

fn problem(what: String) -> Problem {
    Problem::new(None, "", what)
}

/// Whether something secret goes with each request.
fn shows_a_credential(auth: &ClientAuth) -> bool {
    match &auth.means {
        ClientMeans::Bearer(_) | ClientMeans::Basic(_) | ClientMeans::Oauth2(_) => true,
        ClientMeans::Headers(setter) => {
            setter.additional.as_deref().is_some_and(shows_a_credential)
                || setter.rules.iter().any(|rule| {
                    rule.name == http::header::AUTHORIZATION && matches!(rule.value, Some(HeaderSource::Text(_)))
                })
        }
    }
}

/// Whether what is sent to `host` stays on this machine.
fn is_near(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.starts_with('/')
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
