//! Which stages a configuration calls for and how they are joined: pure, so that everyone sees the same graph.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{
    Config, Connector, GrpcServer, HttpServer, Keepalive, ListenAddress, OtlpReceiver, Pipeline, Processor, Receiver,
    Scraping, ServerAuth, ServerTls,
};
use crate::ident::{ComponentId, PipelineId};
use crate::payload::MergeRule;
use crate::processors::merge_rule;
use crate::protocol::Protocol;
use crate::receivers::otlp::{Settings, Sign};
use crate::signal::Signal;
use crate::transport::server::{Age, Limits};
use crate::units::ByteCount;

/// The graph of a configuration, from the receivers in to the exporters out.
#[derive(Debug, Default)]
pub struct Plan {
    /// Every receiver that a pipeline names and that listens.
    pub receivers: Vec<ReceiverPlan>,
    /// Every receiver that a pipeline names and that scrapes, with its pipelines.
    pub scrapers: BTreeMap<ComponentId, Vec<PipelineId>>,
    /// Every pipeline.
    pub pipelines: BTreeMap<PipelineId, PipelinePlan>,
    /// Every exporter with each signal that it is sent.
    pub chains: BTreeSet<Chain>,
    /// Every exporter that may take over from one of those, with each signal of theirs.
    pub standbys: BTreeSet<Chain>,
    /// Every connector with each signal that it is sent.
    pub connectors: BTreeMap<Chain, ConnectorPlan>,
    /// Those of all these that data is queued for. What is only reached behind a failover connector has no queue: the
    /// connector owns it.
    pub queued: BTreeSet<Chain>,
}

/// The sockets of a receiver, and where their data goes.
#[derive(Debug)]
pub struct ReceiverPlan {
    /// The receiver.
    pub id: ComponentId,
    /// Where it listens: both protocols are answered on each of them.
    pub listens: Vec<ListenPlan>,
    /// How requests are answered there.
    pub settings: Settings,
    /// The pipelines of each signal. A signal without one is not served.
    pub feeds: BTreeMap<Signal, Vec<PipelineId>>,
}

/// One socket of a receiver, and on which terms it takes connections.
#[derive(Clone, Debug)]
pub struct ListenPlan {
    /// Which of the receiver's protocols asks for it, and where the other one is.
    pub sign: Sign,
    /// Where.
    pub address: ListenAddress,
    /// `tls`, whose files are not read yet.
    pub tls: Option<Box<ServerTls>>,
    /// `auth`, whose files are not read yet.
    pub auth: Option<ServerAuth>,
    /// The bounds of its connections.
    pub limits: Limits,
}

/// One pipeline.
#[derive(Debug, PartialEq)]
pub struct PipelinePlan {
    /// Its `memory_limiter` processors, in order.
    pub limiters: Vec<ComponentId>,
    /// Its `resource` and `attributes` processors, in order. They are behind the limiters, wherever they are written: what
    /// is refused need not be changed.
    pub editors: Vec<ComponentId>,
    /// What its `batch` processors come to.
    pub batch: Option<BatchPlan>,
    /// Where its data goes.
    pub exporters: Vec<ComponentId>,
    /// The connectors that its data goes to as well.
    pub connectors: Vec<ComponentId>,
}

/// Where a connector passes a signal on to.
#[derive(Debug, PartialEq)]
pub enum ConnectorPlan {
    /// All of these.
    Forward(Vec<PipelineId>),
    /// The first level whose pipelines take the data.
    Failover(Vec<Vec<PipelineId>>),
}

/// A `batch` processor in a pipeline. It is no stage of its own: the payload carries the rule into each exporter's queue,
/// so that nothing waits in a volatile buffer in front of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPlan {
    /// The processor, for its metrics.
    pub processor: ComponentId,
    /// What it asks for, on behalf of this pipeline.
    pub rule: MergeRule,
    /// How many combinations of metadata values it tells apart; none: any number.
    pub combinations: Option<u64>,
}

/// One exporter with one signal: the unit that has a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    /// The exporter.
    pub exporter: ComponentId,
    /// What it is sent.
    pub signal: Signal,
}

impl Chain {
    /// The fallbacks of its exporter, in their order, for the same signal.
    pub(super) fn standbys(&self, config: &Config) -> impl Iterator<Item = Chain> {
        let fallback = config.exporters.get(&self.exporter).and_then(|exporter| exporter.fallback());
        let exporters = fallback.map(|fallback| fallback.exporters.clone()).unwrap_or_default();
        let signal = self.signal;
        exporters.into_iter().map(move |exporter| Chain { exporter, signal })
    }
}

/// Draws the graph of `config`.
pub fn plan(config: &Config) -> Plan {
    let mut plan = Plan::default();
    for (id, pipeline) in &config.pipelines {
        let planned = plan_pipeline(config, id, &pipeline.processors, unique(&pipeline.exporters));
        let chains = planned.exporters.iter().map(|exporter| Chain { exporter: exporter.clone(), signal: id.signal });
        plan.chains.extend(chains);
        for connector in &planned.connectors {
            let chain = Chain { exporter: connector.clone(), signal: id.signal };
            let joint = plan_connector(config, &chain);
            plan.connectors.extend(joint.map(|joint| (chain, joint)));
        }
        plan.pipelines.insert(id.clone(), planned);
    }
    plan.queued = queued(config, &plan);
    plan.standbys = plan.chains.iter().flat_map(|chain| chain.standbys(config)).collect();
    let facts = config.context_facts();
    for (id, receiver) in &config.receivers {
        let mut feeds = feeds_of(config, id);
        if feeds.is_empty() {
            continue;
        }
        match receiver {
            Receiver::Otlp(otlp) => {
                let planned = plan_receiver(id, otlp, feeds);
                let settings = planned.settings.keeping(facts.clone());
                plan.receivers.push(ReceiverPlan { settings, ..planned });
            }
            Receiver::Prometheus(_) => {
                plan.scrapers.extend(feeds.remove(&Scraping::SIGNAL).map(|feeds| (id.clone(), feeds)));
            }
            Receiver::Nop => {}
        }
    }
    plan
}

/// A component that is listed twice counts once, as in the Collector.
fn unique(ids: &[ComponentId]) -> Vec<ComponentId> {
    let mut seen = BTreeSet::new();
    ids.iter().filter(|id| seen.insert(*id)).cloned().collect()
}

fn plan_pipeline(
    config: &Config,
    id: &PipelineId,
    processors: &[ComponentId],
    exporters: Vec<ComponentId>,
) -> PipelinePlan {
    let (connectors, exporters) = exporters.into_iter().partition(|id| config.connectors.contains_key(id));
    let mut planned = PipelinePlan { limiters: Vec::new(), editors: Vec::new(), batch: None, exporters, connectors };
    for processor in processors {
        match config.processors.get(processor) {
            Some(Processor::MemoryLimiter(_)) => planned.limiters.push(processor.clone()),
            // Of several batch processors the last one decides what the exporters see.
            Some(Processor::Batch(batch)) => {
                let rule = merge_rule(format!("{id} {processor}").into(), batch);
                let combinations = batch.metadata_cardinality_limit;
                planned.batch = Some(BatchPlan { processor: processor.clone(), rule, combinations });
            }
            Some(Processor::Attributes(_)) => planned.editors.push(processor.clone()),
            None => {}
        }
    }
    planned
}

fn plan_connector(config: &Config, chain: &Chain) -> Option<ConnectorPlan> {
    Some(match config.connectors.get(&chain.exporter)? {
        Connector::Forward => {
            ConnectorPlan::Forward(feeds_of(config, &chain.exporter).remove(&chain.signal).unwrap_or_default())
        }
        Connector::Failover(failover) => {
            let of_signal = |level: &Vec<PipelineId>| -> Vec<PipelineId> {
                level.iter().filter(|id| id.signal == chain.signal).cloned().collect()
            };
            let levels = failover.priority_levels.iter().map(of_signal);
            ConnectorPlan::Failover(levels.filter(|level| !level.is_empty()).collect())
        }
    })
}

/// What receivers reach without a failover connector between.
fn queued(config: &Config, plan: &Plan) -> BTreeSet<Chain> {
    let is_fed = |pipeline: &Pipeline| pipeline.receivers.iter().any(|id| config.receivers.contains_key(id));
    let mut open: Vec<&PipelineId> =
        config.pipelines.iter().filter(|(_, pipeline)| is_fed(pipeline)).map(|(id, _)| id).collect();
    let (mut seen, mut queued) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = open.pop() {
        let Some(pipeline) = plan.pipelines.get(id).filter(|_| seen.insert(id)) else { continue };
        for end in pipeline.exporters.iter().chain(&pipeline.connectors) {
            let chain = Chain { exporter: end.clone(), signal: id.signal };
            if let Some(ConnectorPlan::Forward(pipelines)) = plan.connectors.get(&chain) {
                open.extend(pipelines);
            }
            queued.insert(chain);
        }
    }
    queued
}

fn feeds_of(config: &Config, receiver: &ComponentId) -> BTreeMap<Signal, Vec<PipelineId>> {
    let mut feeds: BTreeMap<Signal, Vec<PipelineId>> = BTreeMap::new();
    for (id, pipeline) in &config.pipelines {
        if pipeline.receivers.contains(receiver) {
            feeds.entry(id.signal).or_default().push(id.clone());
        }
    }
    feeds
}

fn plan_receiver(id: &ComponentId, otlp: &OtlpReceiver, feeds: BTreeMap<Signal, Vec<PipelineId>>) -> ReceiverPlan {
    let OtlpReceiver { grpc, http, max_in_flight, detection: _ } = otlp;
    // What is on its way in is small beside what may be here.
    let unread = max_in_flight.map_or(Limits::default().unread, |most| ByteCount(most.0 / 4));
    let usual = Limits { unread, ..Limits::default() };
    let mut listens = Vec::new();
    if let Some(grpc) = grpc {
        listens.push(ListenPlan {
            sign: Sign::new(Protocol::Grpc, http.as_ref().map(|http| &http.listen)),
            address: grpc.listen.clone(),
            tls: grpc.tls.clone(),
            auth: grpc.auth.clone(),
            limits: grpc_limits(grpc, usual.clone()),
        });
    }
    if let Some(http) = http {
        listens.push(ListenPlan {
            sign: Sign::new(Protocol::Http, grpc.as_ref().map(|grpc| &grpc.listen)),
            address: http.listen.clone(),
            tls: http.tls.clone(),
            auth: http.auth.clone(),
            limits: http_limits(http, usual),
        });
    }
    ReceiverPlan { id: id.clone(), listens, settings: Settings::of(otlp), feeds }
}

/// What the receiver's keys say of connections; the `usual` bounds where they say nothing.
fn grpc_limits(grpc: &GrpcServer, usual: Limits) -> Limits {
    let Keepalive { max_idle, max_age, age_grace, time, timeout } = &grpc.keepalive;
    Limits {
        connections: grpc.max_connections.unwrap_or(usual.connections),
        idle: max_idle.unwrap_or(usual.idle),
        age: max_age.map(|most| Age { most, grace: *age_grace }),
        ping: time.unwrap_or(usual.ping),
        pong: timeout.unwrap_or(usual.pong),
        streams: grpc.max_streams.unwrap_or(usual.streams),
        ..usual
    }
}

/// The same of HTTP.
fn http_limits(http: &HttpServer, usual: Limits) -> Limits {
    let surface = &http.surface;
    Limits {
        connections: http.max_connections.unwrap_or(usual.connections),
        idle: surface.idle_timeout.unwrap_or(usual.idle),
        header: surface.header_timeout.unwrap_or(usual.header),
        one_request: surface.one_request,
        ..usual
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{Batch, Detection, Exporter, Failover};
    use crate::units::Items;
    use std::time::Duration;

    fn id(text: &str) -> ComponentId {
        ComponentId::parse(text).unwrap()
    }

    fn pipeline(receivers: &[&str], processors: &[&str], exporters: &[&str]) -> Pipeline {
        let ids = |texts: &[&str]| texts.iter().map(|text| id(text)).collect();
        Pipeline { receivers: ids(receivers), processors: ids(processors), exporters: ids(exporters) }
    }

    fn config(pipelines: &[(&str, Pipeline)]) -> Config {
        let listen = ListenAddress { host: "127.0.0.1".to_owned(), port: 0 };
        let grpc = GrpcServer {
            listen,
            max_message: ByteCount::mib(1),
            tls: None,
            auth: None,
            max_streams: None,
            max_connections: None,
            keepalive: Keepalive::default(),
            include_metadata: false,
        };
        let otlp = OtlpReceiver { grpc: Some(grpc), http: None, max_in_flight: None, detection: Detection::On };
        let otlp = Receiver::Otlp(Box::new(otlp));
        let batch = Batch {
            timeout: Duration::from_secs(1),
            send_batch_size: Items(10),
            send_batch_max_size: Some(Items(20)),
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: None,
        };
        Config {
            receivers: [(id("otlp"), otlp.clone()), (id("otlp/unused"), otlp)].into(),
            processors: [(id("batch"), Processor::Batch(batch))].into(),
            exporters: [(id("nop"), Exporter::Nop), (id("nop/2"), Exporter::Nop)].into(),
            pipelines: pipelines.iter().map(|(id, p)| (PipelineId::parse(id).unwrap(), p.clone())).collect(),
            ..Config::default()
        }
    }

    #[test]
    fn pipelines_that_name_one_exporter_share_its_chain() {
        let plan = plan(&config(&[
            ("traces", pipeline(&["otlp"], &[], &["nop", "nop"])),
            ("traces/2", pipeline(&["otlp"], &[], &["nop", "nop/2"])),
            ("logs", pipeline(&["otlp"], &[], &["nop"])),
        ]));
        let chains: Vec<_> = plan.chains.iter().map(|chain| format!("{} {}", chain.exporter, chain.signal)).collect();
        assert_eq!(chains, ["nop traces", "nop logs", "nop/2 traces"]);
        assert_eq!(plan.pipelines[&PipelineId::unnamed(Signal::Traces)].exporters, [id("nop")]);
    }

    #[test]
    fn a_receiver_that_no_pipeline_names_does_not_listen() {
        let plan = plan(&config(&[("traces", pipeline(&["otlp"], &[], &["nop"]))]));
        let receivers: Vec<_> = plan.receivers.iter().map(|receiver| receiver.id.to_string()).collect();
        assert_eq!(receivers, ["otlp"]);
        assert_eq!(plan.receivers[0].feeds.len(), 1);
    }

    #[test]
    fn each_pipeline_has_a_batch_rule_of_its_own() {
        let plan = plan(&config(&[
            ("traces", pipeline(&["otlp"], &["batch"], &["nop"])),
            ("traces/2", pipeline(&["otlp"], &["batch"], &["nop"])),
        ]));
        let owners: Vec<_> =
            plan.pipelines.values().map(|p| p.batch.as_ref().unwrap().rule.owner.to_string()).collect();
        assert_eq!(owners, ["traces batch", "traces/2 batch"]);
    }

    #[test]
    fn connectors_lead_to_the_pipelines_of_the_same_signal() {
        let pipeline_id = |text| PipelineId::parse(text).unwrap();
        let failover = Failover {
            priority_levels: vec![vec![pipeline_id("logs/a")], vec![pipeline_id("traces/a"), pipeline_id("logs/b")]],
            retry_interval: Duration::from_secs(1),
            queue: None,
        };
        let mut config = config(&[
            ("traces", pipeline(&["otlp"], &[], &["failover", "nop"])),
            ("traces/a", pipeline(&["failover"], &[], &["forward"])),
            ("traces/b", pipeline(&["forward"], &[], &["nop/2"])),
        ]);
        config.connectors =
            [(id("failover"), Connector::Failover(Box::new(failover))), (id("forward"), Connector::Forward)].into();
        let plan = plan(&config);
        let of = |connector: &str| &plan.connectors[&Chain { exporter: id(connector), signal: Signal::Traces }];
        assert_eq!(*of("failover"), ConnectorPlan::Failover(vec![vec![pipeline_id("traces/a")]]));
        assert_eq!(*of("forward"), ConnectorPlan::Forward(vec![pipeline_id("traces/b")]));
        let traces = &plan.pipelines[&PipelineId::unnamed(Signal::Traces)];
        assert_eq!((&traces.exporters[..], &traces.connectors[..]), (&[id("nop")][..], &[id("failover")][..]));
        assert_eq!(plan.chains.len(), 2, "no chain of an exporter for a connector");
        let queued: Vec<_> = plan.queued.iter().map(|chain| chain.exporter.to_string()).collect();
        assert_eq!(queued, ["failover", "nop"], "what is behind the failover connector is sent single attempts");
    }
}
