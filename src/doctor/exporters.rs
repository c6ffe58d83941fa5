//! Where data goes: each exporter built as the relay builds it, its way walked, and an empty export for each signal.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;

use super::edit::Site;
use super::machine::Machine;
use super::neighbours;
use super::report::{Check, Part, Section, Trouble};
use super::roles::roles;
use super::way::{Signpost, times, walked};
use super::{Signals, Watch, mask};
use crate::config::{
    ClientTls, Compression, Config, Endpoint, Environment, Exporter, File, MetricsReader, Mistake, OtlpGrpc, OtlpHttp,
    Proxy, ProxyVariable, why_direct,
};
use crate::exporters::otlp::{self, Backend, Trial, Way};
use crate::failure::{Class, Failure};
use crate::ident::ComponentId;
use crate::pipeline::Plan;
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::transport::client::TlsClient;

/// What the checks of exporters share.
pub(super) struct Look<'a> {
    pub(super) config: &'a Config,
    pub(super) env: &'a (dyn Environment + Sync),
    pub(super) machine: &'a Machine,
    pub(super) instance: &'a str,
    pub(super) signals: Signals,
    pub(super) deadline: Instant,
    pub(super) watch: Watch<'a>,
}

/// A section for each endpoint of each exporter in use, all looked at concurrently.
pub(super) async fn sections(plan: &Plan, look: &Look<'_>) -> Vec<Section> {
    let mut asked: BTreeMap<&ComponentId, Vec<Signal>> = BTreeMap::new();
    for chain in plan.chains.union(&plan.standbys) {
        asked.entry(&chain.exporter).or_default().push(chain.signal);
    }
    let roles = roles(look.config, plan);
    let exporters = asked.iter().filter_map(|(id, signals)| {
        let exporter = look.config.exporters.get(*id)?;
        Some((format!("exporters::{id}"), (*id).clone(), exporter, signals.clone()))
    });
    let readers = look.config.telemetry.metrics.readers.iter().enumerate();
    let reports = readers.filter_map(|(index, reader)| match reader {
        MetricsReader::Periodic(periodic) => {
            let path = format!("service::telemetry::metrics::readers::{index}");
            Some((path, ComponentId::parse("otlp").ok()?, &periodic.exporter, vec![Signal::Metrics]))
        }
        MetricsReader::Prometheus(_) => None,
    });
    let roles = &roles;
    let looks = exporters.chain(reports).map(|(path, id, exporter, signals)| async move {
        let role = roles.get(&id).filter(|_| path.starts_with("exporters::")).cloned();
        let sections = match exporter {
            Exporter::OtlpGrpc(_) | Exporter::OtlpHttp(_) => {
                let one = One { path: &path, id: Arc::new(id), exporter, look };
                one.sections(&signals).await
            }
            Exporter::File(file) => vec![section(&path, &file.path.display().to_string(), vec![of_file(&path, file)])],
            Exporter::Debug(_) => vec![local(&path, "prints what it gets: nothing to reach")],
            Exporter::Prometheus(asked) => {
                vec![local(&path, &format!("is scraped at {}: nothing to reach", asked.listen))]
            }
            Exporter::Nop => vec![local(&path, "drops what it gets: nothing to reach")],
        };
        sections.into_iter().map(|section| Section { role: role.clone(), ..section }).collect::<Vec<_>>()
    });
    join_all(looks).await.into_iter().flatten().collect()
}

/// One OTLP exporter.
struct One<'a> {
    path: &'a str,
    id: Arc<ComponentId>,
    exporter: &'a Exporter,
    look: &'a Look<'a>,
}

/// What the configuration says of one place that an exporter sends to.
struct Destination<'a> {
    key: &'a str,
    endpoint: &'a Endpoint,
    tls: Option<&'a ClientTls>,
    proxy: Option<&'a Proxy>,
    protocol: Protocol,
    compression: Compression,
}

impl One<'_> {
    async fn sections(&self, signals: &[Signal]) -> Vec<Section> {
        let made = self.unreadable(signals).map_or_else(|| self.make(self.exporter), Err);
        let backend = match made {
            Ok(backend) => backend,
            Err(trouble) => {
                let setup = Check::ok("setup", self.path, "certificates, keys and headers").fails(trouble);
                let rest = Check::skipped("connect", self.path, "everything else", "needs the files");
                return vec![section(self.path, "", vec![setup, rest])];
            }
        };
        let ways = backend.ways(signals);
        join_all(ways.iter().map(|way| self.section(&backend, way))).await
    }

    /// The exporter as the relay builds it.
    fn make(&self, exporter: &Exporter) -> Result<Backend, Trouble> {
        let made = match exporter {
            Exporter::OtlpGrpc(grpc) => otlp::otlp_grpc(Arc::clone(&self.id), grpc, self.look.instance),
            Exporter::OtlpHttp(http) => otlp::otlp_http(Arc::clone(&self.id), http, self.look.instance),
            Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => {
                return Err(Trouble::new("this exporter sends nothing", "check an OTLP exporter"));
            }
        };
        made.map_err(|problem| self.mistake(Mistake::Invalid, &problem.key, &problem.what))
    }

    /// The first file of TLS that cannot be used.
    fn unreadable(&self, signals: &[Signal]) -> Option<Trouble> {
        let destinations = signals.iter().filter_map(|signal| destination(self.exporter, *signal));
        let mut problems = destinations.filter_map(|to| TlsClient::load(to.tls?, to.endpoint).err());
        let problem = problems.next()?;
        let key = if problem.key.is_empty() { "tls".to_owned() } else { format!("tls::{}", problem.key) };
        Some(self.mistake(problem.mistake, &key, &problem.what))
    }

    fn mistake(&self, mistake: Mistake, key: &str, what: &str) -> Trouble {
        Trouble::mistake(mistake, &self.look.config.places, &format!("{}::{key}", self.path), what)
    }

    /// How long the next step may take: a share of the whole, or what is left of it.
    fn limit(&self) -> Duration {
        let left = self.look.deadline.saturating_duration_since(Instant::now());
        left.clamp(LEAST, LONGEST_STEP)
    }

    async fn section(&self, backend: &Backend, way: &Way<'_>) -> Section {
        let Some(to) = way.signals.first().and_then(|(signal, _)| destination(self.exporter, *signal)) else {
            return section(self.path, way.endpoint, Vec::new());
        };
        (self.look.watch)(&format!("{} → {}", self.path, way.endpoint));
        let site = self.site(&to);
        let variable = match (to.protocol, to.tls) {
            (Protocol::Http, None) => ProxyVariable::Http,
            _ => ProxyVariable::Https,
        };
        let direct = to.proxy.is_none().then(|| why_direct(to.endpoint, variable, self.look.env));
        let post = Signpost { target: self.path, site: &site, direct };
        let survey = way.client.survey(self.limit()).await;
        let mut found = walked(&survey, &post);
        if !survey.reached.iter().any(|reached| reached.step.outcome.is_ok()) {
            found.checks.extend(self.loopback(&to));
        }
        match found.needs {
            Some(needs) => {
                found.checks.extend(way.signals.iter().map(|(signal, _)| {
                    Check::skipped("export", self.path, &format!("empty export of {signal}"), needs)
                }))
            }
            None => {
                let trials = self.exports(backend, way, &to, &post).await;
                found.checks.extend(trials);
            }
        }
        if Instant::now() < self.look.deadline {
            neighbours::look(way.client, &site, &mut found.checks).await;
        }
        section(self.path, way.endpoint, found.checks)
    }

    fn site<'d>(&self, to: &Destination<'d>) -> Site<'d> {
        let places = &self.look.config.places;
        let name = to.tls.and_then(|tls| tls.server_name.clone());
        Site {
            place: places.find(&format!("{}::{}", self.path, to.key)).map(ToString::to_string),
            key: to.key,
            endpoint: to.endpoint,
            protocol: to.protocol,
            is_tls: to.tls.is_some(),
            server_name: name.unwrap_or_else(|| to.endpoint.host.clone()),
            compression: word(to.compression),
        }
    }

    /// In a container `localhost` is the container itself, which matters when nobody answers there.
    fn loopback(&self, to: &Destination<'_>) -> Option<Check> {
        let host = to.endpoint.host.as_str();
        let is_loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let container = self.look.machine.container.filter(|_| is_loopback && to.proxy.is_none())?;
        let cause = format!("{} is this {container} itself", to.endpoint.authority());
        let remedy =
            "write the service name of the backend, or host.docker.internal for the machine around the container";
        let check = Check::ok("loopback", self.path, format!("the endpoint is {host}, inside a container"));
        Some(check.but(Trouble::new(cause, remedy)))
    }

    async fn exports(&self, backend: &Backend, way: &Way<'_>, to: &Destination<'_>, post: &Signpost<'_>) -> Vec<Check> {
        let limit = self.limit();
        let tried = way.signals.iter().map(|(signal, _)| async move {
            let asked = SystemTime::now();
            (*signal, asked, backend.try_out(*signal, limit).await)
        });
        let tried = join_all(tried).await;
        let is_taken = |trial: &Option<Trial>| trial.as_ref().is_some_and(|trial| trial.outcome.is_ok());
        // Nobody said that this backend is for every signal.
        let lenient = self.look.signals == Signals::Any && tried.iter().any(|(.., trial)| is_taken(trial));
        let mut checks = Vec::new();
        let mut told: Vec<(Class, Signal)> = Vec::new();
        let mut clock = None;
        for (signal, asked, trial) in tried {
            let Some(trial) = trial else { continue };
            clock = clock.or_else(|| trial.date.map(|date| (asked, date)));
            let check = Check::ok("export", self.path, format!("empty export of {signal}"));
            let check =
                check.with(evidence(&trial, way, signal)).within(trial.attempt.phases.iter().map(|(_, t)| *t).sum());
            let mut check = match &trial.outcome {
                Ok(receipt) => {
                    let description = format!("an empty export of {signal} is taken ({})", carried(to));
                    let said = receipt.message.iter().map(|message| format!("the backend says: {message}"));
                    Check { description, ..check.with(said) }
                }
                Err(failure) => match told.iter().find(|(class, _)| *class == failure.class()) {
                    Some((class, like)) => {
                        let what = format!("empty export of {signal}");
                        Check::skipped("export", self.path, &what, &format!("fails like {like}: {class}"))
                    }
                    None => {
                        told.push((failure.class(), signal));
                        let failure = self.without_compression(signal, failure, to).await;
                        let trouble = post.trouble(&failure, &[]);
                        let unknown = [Class::GrpcUnimplemented, Class::HttpNotFound].contains(&failure.class());
                        if lenient && unknown { check.but(trouble) } else { check.fails(trouble) }
                    }
                },
            };
            mask::hide_in(&mask::over(&trial.secrets), &mut check);
            checks.push(check);
        }
        checks.extend(clock.map(|(asked, date)| of_clock(self.path, asked, date)));
        checks
    }

    /// The failure itself, unless the same export is taken when it is not compressed.
    async fn without_compression(&self, signal: Signal, failure: &Failure, to: &Destination<'_>) -> Failure {
        let again = || {
            let failure = Failure::new(failure.class(), failure.cause()).in_phase(failure.phase());
            failure.at(to.endpoint.text.as_str().into())
        };
        let suspects = [
            Class::UnsupportedCompression,
            Class::HttpUnsupportedMediaType,
            Class::InvalidData,
            Class::GrpcUnimplemented,
            Class::ServerInternalError,
            Class::ServerUnknownError,
        ];
        if to.compression == Compression::None || !suspects.contains(&failure.class()) {
            return again();
        }
        let Ok(plain) = self.make(&uncompressed(self.exporter)) else { return again() };
        match plain.try_out(signal, self.limit()).await {
            Some(Trial { outcome: Ok(_), .. }) => {
                let with = word(to.compression);
                let text = format!("taken without compression, but not with {with}: {}", failure.cause());
                Failure::new(Class::UnsupportedCompression, text)
            }
            _ => again(),
        }
    }
}

fn destination(exporter: &Exporter, signal: Signal) -> Option<Destination<'_>> {
    match exporter {
        Exporter::OtlpGrpc(OtlpGrpc { endpoint, tls, compression, link, .. }) => Some(Destination {
            key: "endpoint",
            endpoint,
            tls: tls.as_ref(),
            proxy: link.proxy.as_ref(),
            protocol: Protocol::Grpc,
            compression: *compression,
        }),
        Exporter::OtlpHttp(OtlpHttp { targets, compression, .. }) => {
            let target = targets.get(&signal)?;
            Some(Destination {
                key: target.key,
                endpoint: &target.endpoint,
                tls: target.tls.as_ref(),
                proxy: target.proxy.as_ref(),
                protocol: Protocol::Http,
                compression: *compression,
            })
        }
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => None,
    }
}

fn uncompressed(exporter: &Exporter) -> Exporter {
    let mut exporter = exporter.clone();
    match &mut exporter {
        Exporter::OtlpGrpc(grpc) => grpc.compression = Compression::None,
        Exporter::OtlpHttp(http) => {
            (http.compression, http.compression_level) = (Compression::None, None);
        }
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => {}
    }
    exporter
}

fn evidence(trial: &Trial, way: &Way<'_>, signal: Signal) -> Vec<String> {
    let url = way.signals.iter().find(|(known, _)| *known == signal).map(|(_, url)| {
        // A query may hold a key.
        let url = url.to_string();
        format!("POST {}", url.split('?').next().unwrap_or_default())
    });
    let times = Some(times(&trial.attempt.phases)).filter(|times| !times.is_empty());
    let server = trial.server.as_ref().map(|server| format!("server: {server}"));
    url.into_iter().chain(times).chain(server).collect()
}

fn carried(to: &Destination<'_>) -> String {
    match to.compression {
        Compression::None => "not compressed".to_owned(),
        compression => format!("compression {} accepted", word(compression)),
    }
}

fn word(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Snappy => "snappy",
        Compression::SnappyFramed => "x-snappy-framed",
        Compression::Zlib => "zlib",
        Compression::Deflate => "deflate",
        Compression::Lz4 => "lz4",
    }
}

/// The backend's clock against this machine's. A `Date` has whole seconds.
fn of_clock(path: &str, asked: SystemTime, date: SystemTime) -> Check {
    let ahead = asked.duration_since(date).unwrap_or_default();
    let behind = date.duration_since(asked).unwrap_or_default();
    let skew = ahead.max(behind).as_secs();
    let check = Check::ok("clock", path, format!("the backend's clock and this one agree (within {} s)", skew.max(1)));
    if skew < MOST_SKEW.as_secs() {
        return check;
    }
    let direction = if ahead < behind { "behind" } else { "ahead of" };
    let cause = format!("this machine's clock is {skew} s {direction} the backend's Date");
    let check = Check { description: "clock".to_owned(), ..check };
    check.but(Trouble::new(cause, "set both clocks by NTP: backends drop what is too old or from the future"))
}

/// The directory must be there, or be made, and take another file.
fn of_file(path: &str, file: &File) -> Check {
    let directory = file.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let existing = directory.ancestors().find(|parent| parent.is_dir());
    let shown = directory.display();
    let check = Check::ok("file", path, format!("writing to {}", file.path.display()));
    let read_only = |cause: String| Trouble::of_class(Class::StorageReadOnly, cause);
    match existing {
        Some(found) if found != directory && file.directory_mode.is_none() => {
            let cause = format!("there is no directory {shown}");
            let edit = "create_directory: true".to_owned();
            check.fails(read_only(cause).edit(Some(edit)))
        }
        Some(found) if rustix::fs::access(found, rustix::fs::Access::WRITE_OK).is_err() => {
            check.fails(read_only(format!("{} cannot be written by this user", found.display())))
        }
        Some(found) => super::local::with_room(check, found),
        None => check.fails(read_only(format!("there is no directory {shown}"))),
    }
}

fn section(path: &str, to: &str, checks: Vec<Check>) -> Section {
    let title = if to.is_empty() { path.to_owned() } else { format!("{path} → {to}") };
    Section::new(Part::Exporters, title, checks)
}

fn local(path: &str, words: &str) -> Section {
    section(path, "", vec![Check::ok("exporter", path, words)])
}

const LONGEST_STEP: Duration = Duration::from_secs(2);
const LEAST: Duration = Duration::from_millis(100);
const MOST_SKEW: Duration = Duration::from_secs(30);
