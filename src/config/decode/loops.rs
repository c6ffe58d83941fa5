//! Whether an exporter sends to a receiver of this very relay, as far as the text of both addresses says.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::model::{Config, Endpoint, Exporter, ListenAddress, Receiver};
use crate::config::problem::{Mistake, Places, Problem};
use crate::ident::ComponentId;

use super::uses;

/// A problem for each exporter in use that sends to a receiver in use.
pub(super) fn find(config: &Config, places: &Places) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, exporter) in &config.exporters {
        for (key, endpoint) in destinations(config, id, exporter) {
            for (receiver, listen) in listeners(config).filter(|(_, listen)| leads_to(endpoint, listen)) {
                let what = format!("this sends to the relay's own receiver {receiver}, which listens on {listen}");
                let problem = places.problem(format!("exporters::{id}::{key}"), what);
                let hint = "write the backend's address, or give the receiver another port";
                found.push(problem.hint(hint).is(Mistake::ExportLoop));
            }
        }
    }
    found
}

/// Where an exporter sends the signals that reach it, if only as a fallback, each destination once, with its key.
fn destinations<'c>(
    config: &'c Config,
    id: &ComponentId,
    exporter: &'c Exporter,
) -> BTreeSet<(&'static str, &'c Endpoint)> {
    let signals = uses::signals_of(config, id).into_iter();
    match exporter {
        Exporter::OtlpGrpc(exporter) => signals.map(|_| ("endpoint", &exporter.endpoint)).collect(),
        Exporter::OtlpHttp(exporter) => {
            let targets = signals.filter_map(|signal| exporter.targets.get(&signal));
            targets.map(|target| (target.key, &target.endpoint)).collect()
        }
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => BTreeSet::new(),
    }
}

/// The addresses that receivers in use listen on.
fn listeners(config: &Config) -> impl Iterator<Item = (String, &ListenAddress)> {
    let in_use = |(id, _): &(&_, &_)| config.pipelines.values().any(|pipeline| pipeline.receivers.contains(id));
    config.receivers.iter().filter(in_use).flat_map(|(id, receiver)| {
        let (grpc, http) = match receiver {
            Receiver::Otlp(otlp) => {
                (otlp.grpc.as_ref().map(|grpc| &grpc.listen), otlp.http.as_ref().map(|http| &http.listen))
            }
            Receiver::Prometheus(_) | Receiver::Nop => (None, None),
        };
        grpc.into_iter().chain(http).map(move |listen| (id.to_string(), listen))
    })
}

fn leads_to(endpoint: &Endpoint, listen: &ListenAddress) -> bool {
    if endpoint.socket().is_some() || listen.socket().is_some() {
        return endpoint.socket() == listen.socket();
    }
    if endpoint.port != listen.port || listen.port == 0 {
        return false;
    }
    let here = reach(&endpoint.host);
    match (here, reach(&listen.host)) {
        (Reach::Loopback | Reach::Everywhere, Reach::Loopback | Reach::Everywhere) => true,
        (Reach::Other, Reach::Other) => endpoint.host.eq_ignore_ascii_case(&listen.host),
        _ => false,
    }
}

#[derive(Clone, Copy)]
enum Reach {
    Loopback,
    Everywhere,
    Other,
}

fn reach(host: &str) -> Reach {
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => Reach::Loopback,
        Ok(ip) if ip.is_unspecified() => Reach::Everywhere,
        Ok(_) => Reach::Other,
        Err(_) if host.eq_ignore_ascii_case("localhost") => Reach::Loopback,
        Err(_) if host.is_empty() => Reach::Everywhere,
        Err(_) => Reach::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(to: &str, on: &str, expected: bool) {
        let endpoint = Endpoint { text: to.to_owned(), host: to.to_owned(), port: 4317 };
        let listen = ListenAddress { host: on.to_owned(), port: 4317 };
        assert_eq!(leads_to(&endpoint, &listen), expected, "{to} -> {on}");
    }

    #[test]
    fn loopback_and_wildcard_addresses_are_this_relay() {
        check("localhost", "0.0.0.0", true);
        check("127.0.0.1", "", true);
        check("::1", "localhost", true);
        check("0.0.0.0", "127.0.0.1", true);
        check("10.0.0.1", "10.0.0.1", true);
        check("backend", "0.0.0.0", false);
        check("localhost", "10.0.0.1", false);
    }
}
