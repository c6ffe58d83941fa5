//! Where data and visitors come in: whether each address can be listened on, by whom it is taken, and who reaches it.

use super::machine::Machine;
use super::report::{Check, Part, Section, Trouble};
use super::way::{aged, describe};
use crate::config::{Config, Exporter, Extension, ListenAddress, MetricsLevel, MetricsReader, ServerTls};
use crate::ident::ComponentId;
use crate::pipeline::Plan;
use crate::transport::server::{BindError, BindProblem, Holder, Listener, TlsServer};
use crate::transport::tls::inspect;

/// A section for each receiver in use.
pub(super) async fn receivers(config: &Config, plan: &Plan, machine: &Machine) -> Vec<Section> {
    // Held to the end, so that an address that two of them want is noticed.
    let mut held = Vec::new();
    let mut sections = Vec::new();
    for receiver in &plan.receivers {
        let mut checks = Vec::new();
        for listen in &receiver.listens {
            let path = format!("receivers::{}::protocols::{}", receiver.id, listen.sign.protocol());
            let place = Place { path: &path, address: &listen.address, machine, door: Door::Receiver };
            checks.push(place.check(&mut held).await);
            if let Some(tls) = &listen.tls {
                checks.extend(certificate(config, &format!("{path}::tls"), tls));
            }
        }
        sections.push(Section::new(Part::Receivers, format!("receivers::{}", receiver.id), checks));
    }
    sections
}

/// A section for health checks, zpages and metrics.
pub(super) async fn admin(config: &Config, machine: &Machine) -> Vec<Section> {
    let started = config.started_extensions.iter().filter_map(|id| Some((id, config.extensions.get(id)?)));
    let extensions = started.filter_map(|(id, extension)| match extension {
        Extension::HealthCheck(check) => Some((format!("extensions::{id}"), &check.listen)),
        Extension::Zpages(zpages) => Some((format!("extensions::{id}"), &zpages.listen)),
        _ => None,
    });
    let metrics = &config.telemetry.metrics;
    let readers = metrics.readers.iter().filter(|_| metrics.level != MetricsLevel::None).enumerate();
    let readers = readers.filter_map(|(index, reader)| match reader {
        MetricsReader::Prometheus(reader) => {
            Some((format!("service::telemetry::metrics::readers::{index}"), &reader.listen))
        }
        MetricsReader::Periodic(_) => None,
    });
    let in_use = |id: &ComponentId| config.pipelines.values().any(|pipeline| pipeline.exporters.contains(id));
    let scraped = config.exporters.iter().filter_map(|(id, exporter)| match exporter {
        Exporter::Prometheus(asked) if in_use(id) => Some((format!("exporters::{id}"), &asked.listen)),
        _ => None,
    });
    let mut held = Vec::new();
    let mut checks = Vec::new();
    for (path, address) in extensions.chain(readers).chain(scraped) {
        let place = Place { path: &path, address, machine, door: Door::Admin };
        checks.push(place.check(&mut held).await);
    }
    if checks.is_empty() {
        return Vec::new();
    }
    vec![Section::new(Part::Admin, "health checks, zpages and metrics", checks)]
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Receiver,
    Admin,
}

struct Place<'a> {
    path: &'a str,
    address: &'a ListenAddress,
    machine: &'a Machine,
    door: Door,
}

impl Place<'_> {
    async fn check(&self, held: &mut Vec<Listener>) -> Check {
        let address = self.address;
        match Listener::bind(address).await {
            Ok(listener) => {
                held.push(listener);
                self.free()
            }
            Err(error) => self.taken(&error),
        }
    }

    fn free(&self) -> Check {
        let address = self.address;
        let reach = match (address.socket(), address.is_loopback()) {
            (Some(_), _) => "a unix socket of this machine",
            (None, true) => "from this machine only",
            (None, false) => "from other machines too",
        };
        let check = Check::ok("listen", self.path, format!("{address} is free; it will be reached {reach}"));
        let container = self
            .machine
            .container
            .filter(|_| self.door == Door::Receiver && address.is_loopback() && address.socket().is_none());
        let Some(container) = container else { return check };
        if address.host != "localhost" {
            // Who writes an address has most likely meant it.
            let description = format!("{}: it is inside a {container}", check.description);
            return Check { description, ..check };
        }
        let cause = format!("{address} is reached from inside this {container} only");
        let edit = format!("endpoint: {address}  →  endpoint: 0.0.0.0:{}", address.port);
        let remedy = "listen on all addresses; who may come in is decided by the ports that the container publishes";
        let check = Check { description: format!("{address} is free"), ..check };
        check.but(Trouble {
            class: Some("bind_loopback_only"),
            family: Some("listen"),
            phase: Some("listen"),
            edit: Some(edit),
            ..Trouble::new(cause, remedy)
        })
    }

    /// An address that a relay or Collector holds is only a warning: it is most often this very configuration, which
    /// runs already.
    fn taken(&self, error: &BindError) -> Check {
        let address = self.address;
        let check = Check::ok("listen", self.path, format!("listening on {address}"));
        let mut trouble = Trouble::of_class(error.problem.class(), error.source.to_string());
        if error.problem != BindProblem::InUse {
            trouble.cause = format!("{address}: {}", error.source);
            return check.fails(trouble);
        }
        let found = &error.holders;
        let told: Vec<String> = found.iter().map(Holder::to_string).collect();
        if found.iter().any(Holder::is_this_process) {
            trouble.cause = format!("{address} is wanted twice in this configuration");
            trouble.remedy = "give each its own port".to_owned();
            return check.fails(trouble);
        }
        if told.is_empty() && address.socket().is_some() {
            trouble.cause = format!("{address} is in use by another process");
            return check.fails(trouble);
        }
        if told.is_empty() {
            trouble.cause = format!("{address} is in use by a process that this user cannot see");
            trouble.remedy =
                format!("find it as root: ss -ltnp 'sport = :{}'; stop it, or choose another port", address.port);
            return check.fails(trouble);
        }
        trouble.cause = format!("{address} is in use by {}", told.join(", "));
        if found.iter().all(Holder::is_of_our_kind) {
            trouble.remedy =
                "nothing, if that is the relay that runs with this configuration; else stop it, or choose \
                              another port"
                    .to_owned();
            return check.but(trouble);
        }
        let pids: Vec<String> = found.iter().map(|holder| holder.pid.to_string()).collect();
        trouble.remedy = format!("stop it (kill {}), or choose another port", pids.join(" "));
        check.fails(trouble)
    }
}

/// The files of `tls`: whether they can be used together, and how long.
fn certificate(config: &Config, path: &str, tls: &ServerTls) -> Vec<Check> {
    let check = Check::ok("certificate", path, "certificate and key");
    let trouble = |problem: &crate::transport::tls::TlsProblem| {
        let at = if problem.key.is_empty() { path.to_owned() } else { format!("{path}::{}", problem.key) };
        Trouble::mistake(problem.mistake, &config.places, &at, &problem.what)
    };
    if let Err(problem) = TlsServer::load(tls, path.to_owned()) {
        return vec![check.fails(trouble(&problem))];
    }
    let chain = match inspect(&tls.certificate) {
        Ok(chain) => chain,
        Err(problem) => return vec![check.fails(trouble(&problem))],
    };
    let Some(leaf) = chain.first() else { return vec![check] };
    let now = std::time::SystemTime::now();
    let lines = chain.iter().enumerate().map(|(depth, facts)| format!("certificate {depth}: {}", describe(facts, now)));
    let check = check.with(lines.collect::<Vec<_>>());
    if leaf.time_left(now).is_none() || now < leaf.not_before {
        let cause = format!("the certificate is not valid today: {}", describe(leaf, now));
        let remedy = "renew the certificate: every client refuses it";
        return vec![check.fails(Trouble::new(cause, remedy))];
    }
    vec![aged(check, leaf, "the receiver's certificate", "renew the certificate before it expires")]
}
