//! Makes the stages of a plan, from the exporters backwards, so that every stage finds the one behind it ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::Gate;
use crate::config::{Config, ListenAddress, Problem, Problems};
use crate::flow::{FanOut, Lifetime, Next};
use crate::ident::{ComponentId, PipelineId};
use crate::memory::Pressure;
use crate::payload::Budget;
use crate::protocol::Protocol;
use crate::receivers::otlp::{Entries, OtlpServer, Settings, Sign};
use crate::signal::Signal;
use crate::storage::archive::Archives;
use crate::storage::journal::Directories;
use crate::telemetry::{ExporterState, Watch, observe};
use crate::transport::server::{Terms, TlsServer};

use super::chains::{Asked, Attempts, Chains, Kept};
use super::delivering::Surroundings;
use super::dump::DumpSwitch;
use super::exporter::Exporters;
use super::figures::{BatchFigures, RefusalFigures};
use super::graph::{Graph, Way};
use super::journals;
use super::limiting::Limiters;
use super::plan::{ListenPlan, Plan, ReceiverPlan};
use super::scrapers::{self, ScraperBuilt};
use super::scraping::{self, Scrape};

/// What a build borrows: whatever outlives a configuration.
pub struct Tools<'a> {
    /// Where stages are watched from.
    pub watch: &'a Watch,
    /// The chains that run now: one whose settings stay the same is taken over as it is.
    pub chains: &'a Chains,
    /// The bound on bytes held in memory.
    pub budget: &'a Arc<Budget>,
    /// Whether memory is short.
    pub pressure: &'a Pressure,
    /// The directories that records are kept in.
    pub archives: &'a Archives,
    /// The debug dump, if there is one.
    pub dump: &'a Arc<DumpSwitch>,
    /// The relay's own name for itself.
    pub instance: &'a Arc<str>,
    /// The directories of durable queues.
    pub directories: &'a Directories,
    /// The life of every task of the stages.
    pub lifetime: &'a Lifetime,
}

/// What is ready to run.
pub struct Built {
    /// The receivers, none of which listens yet.
    pub servers: Vec<Server>,
    /// The receivers that scrape, none of which has begun yet.
    pub scrapers: Vec<ScraperBuilt>,
    /// Every chain, those taken over and those made.
    pub chains: Chains,
    /// The pages of exporters that are scraped, none of which is open yet.
    pub scrapes: Vec<Scrape>,
}

/// A receiver that is ready to listen.
pub struct Server {
    /// The receiver.
    pub id: ComponentId,
    /// Where it is to listen.
    pub listens: Vec<Listen>,
    /// What answers there.
    pub otlp: Arc<OtlpServer>,
}

/// A socket that a receiver is to have.
pub struct Listen {
    /// Where.
    pub address: ListenAddress,
    /// Which protocol it is for.
    pub sign: Sign,
    /// On which terms it takes connections.
    pub terms: Terms,
}

/// Builds the stages of `plan`, which is the plan of `config`. Nothing that runs is touched.
///
/// # Errors
/// Everything that the configuration asks for and that is not there, such as certificate files.
pub fn build(plan: &Plan, config: &Config, tools: &Tools<'_>) -> Result<Built, Problems> {
    let mut problems = Vec::new();
    let doors = doors(plan, config, tools.pressure, &mut problems);
    let settings = guarded(plan, config, &mut problems);
    let pages = scraping::places(plan, config, &mut problems);
    let figures = BatchFigures::of(plan, &tools.watch.registry);
    let around = Surroundings { config, tools, figures: &figures };
    let chains = build_chains(plan, &around, problems)?;
    let limiters = Limiters::of(plan, config, &tools.watch.registry, tools.pressure);
    let mut graph =
        Graph { plan, around: &around, limiters: &limiters, chains, made: BTreeMap::new(), problems: Vec::new() };
    let made = plan.pipelines.keys().filter_map(|id| Some((id, graph.pipeline(id, Way::Queued)?)));
    let pipelines: BTreeMap<&PipelineId, Next> = made.collect();
    if let Some(problems) = Problems::from_found(graph.problems) {
        return Err(problems);
    }
    let chains = graph.chains;
    let receivers = plan.receivers.iter().zip(doors).zip(settings);
    let servers = receivers
        .map(|((receiver, listens), settings)| build_server(receiver, listens, settings, &pipelines, tools))
        .collect();
    let scrapes = scraping::scrapes(pages, &chains);
    let scrapers = scrapers::build(plan, config, &pipelines, tools)?;
    Ok(Built { servers, scrapers, chains, scrapes })
}

/// The chains of the exporters, unless there are `problems` already or building them meets some.
fn build_chains(plan: &Plan, around: &Surroundings<'_>, problems: Vec<Problem>) -> Result<Chains, Problems> {
    let (config, tools) = (around.config, around.tools);
    let mut chains = Chains::of(build_attempts(plan, config, tools, problems)?);
    let mut problems = Vec::new();
    for chain in &plan.chains {
        let Some(attempt) = chains.attempts().get(chain) else { continue };
        let way = if plan.queued.contains(chain) { Way::Queued } else { Way::Direct };
        let storage = journals::storage_of(config, attempt.asked.delivery()).filter(|_| way == Way::Queued);
        let asked = Asked::exporter(&attempt.asked, way, storage, chain, config);
        let state = Arc::clone(&attempt.state);
        let kept = match tools.chains.get(chain) {
            Some(kept) if kept.asked == asked => kept.clone(),
            _ => {
                let journal = match journals::open(chain, storage, config, tools.directories) {
                    Ok(journal) => journal,
                    Err(problem) => {
                        problems.push(problem);
                        continue;
                    }
                };
                let Some(entry) = around.exporter_chain(chain, way, chains.attempts(), journal) else { continue };
                Kept { asked, entry: Arc::new(entry), state }
            }
        };
        chains.insert(chain.clone(), kept);
    }
    // What is wrong with a directory is told once, however many signals keep their queue there.
    problems.dedup();
    match Problems::from_found(problems) {
        Some(problems) => Err(problems),
        None => Ok(chains),
    }
}

/// The attempts of every exporter that is used, if only as a fallback: those that run now where the settings stay the same.
fn build_attempts(
    plan: &Plan,
    config: &Config,
    tools: &Tools<'_>,
    mut problems: Vec<Problem>,
) -> Result<Attempts, Problems> {
    let mut attempts = Attempts::default();
    let mut missing = Vec::new();
    for chain in plan.chains.union(&plan.standbys) {
        let Some(asked) = config.exporters.get(&chain.exporter) else { continue };
        match tools.chains.attempts().get(chain) {
            Some(known) if known.asked == *asked => attempts.insert(chain.clone(), known.clone()),
            _ => missing.push(chain),
        }
    }
    let mut exporters = Exporters::of(config, tools);
    problems.extend(exporters.make(missing.iter().copied()));
    if let Some(problems) = Problems::from_found(problems) {
        return Err(problems);
    }
    for chain in missing {
        let known = tools.chains.attempts().get(chain).map(|known| Arc::clone(&known.state));
        let state = known.unwrap_or_else(|| ExporterState::new(Arc::new(chain.exporter.clone()), chain.signal));
        if let Some(attempt) = exporters.attempt(chain, state, tools) {
            attempts.insert(chain.clone(), attempt);
        }
    }
    Ok(attempts)
}

/// The sockets of each receiver, with the files of their TLS read.
fn doors(plan: &Plan, config: &Config, pressure: &Pressure, problems: &mut Vec<Problem>) -> Vec<Vec<Listen>> {
    let mut load = |receiver: &ReceiverPlan, listen: &ListenPlan| {
        let path = format!("receivers::{}::protocols::{}::tls", receiver.id, listen.sign.protocol());
        let tls = listen.tls.as_ref().map(|tls| TlsServer::load(tls, path.clone())).transpose();
        let tls = tls.unwrap_or_else(|problem| {
            let path = if problem.key.is_empty() { path } else { format!("{path}::{}", problem.key) };
            problems.push(config.places.problem(path, problem.what).is(problem.mistake));
            None
        });
        let terms = Terms { limits: listen.limits.clone(), tls: tls.map(Arc::new), pressure: pressure.clone() };
        Listen { address: listen.address.clone(), sign: listen.sign.clone(), terms }
    };
    let of_receiver = |receiver: &ReceiverPlan| receiver.listens.iter().map(|listen| load(receiver, listen)).collect();
    plan.receivers.iter().map(of_receiver).collect()
}

/// The settings of each receiver, with the gates in front of its ports and their files read.
fn guarded(plan: &Plan, config: &Config, problems: &mut Vec<Problem>) -> Vec<Settings> {
    let mut guard = |settings: Settings, listen: &ListenPlan| match listen.auth.as_ref().map(Gate::load) {
        None => settings,
        Some(Ok(gate)) => settings.guarded(listen.sign.protocol(), Arc::new(gate)),
        Some(Err(problem)) => {
            problems.push(config.places.problem(problem.path, problem.what).is(problem.mistake));
            settings
        }
    };
    let of_receiver = |receiver: &ReceiverPlan| receiver.listens.iter().fold(receiver.settings.clone(), &mut guard);
    plan.receivers.iter().map(of_receiver).collect()
}

fn build_server(
    receiver: &ReceiverPlan,
    listens: Vec<Listen>,
    settings: Settings,
    pipelines: &BTreeMap<&PipelineId, Next>,
    tools: &Tools<'_>,
) -> Server {
    let mut entries = Entries::new();
    for (&signal, feeds) in &receiver.feeds {
        let branches = feeds.iter().filter_map(|id| pipelines.get(id)).map(Arc::clone).collect();
        let next = FanOut::over(branches, tools.lifetime);
        for protocol in Protocol::ALL {
            entries = entries.with(protocol, signal, watched(receiver, protocol, signal, tools, &next));
        }
    }
    let refusals = Arc::new(RefusalFigures::of(&receiver.id, tools.watch));
    let (budget, instance) = (Arc::clone(tools.budget), Arc::clone(tools.instance));
    let settings = settings.under(tools.pressure);
    let otlp = OtlpServer::new(settings, entries, budget, instance, refusals);
    Server { id: receiver.id.clone(), listens, otlp }
}

fn watched(receiver: &ReceiverPlan, protocol: Protocol, signal: Signal, tools: &Tools<'_>, next: &Next) -> Next {
    observe::entering(&receiver.id, protocol, signal, tools.watch, Arc::clone(next))
}
