//! What a configuration comes to, in the words of the status page.

use crate::admin::status::{ExporterKind, ExporterLayout, Layout, PipelineLayout, ReceiverLayout};
use crate::config::{Config, Exporter, Queue, QueueSizer, Weight};
use crate::ident::ComponentId;
use crate::pipeline::{ConnectorPlan, PipelinePlan, Plan, ReceiverPlan, failover_queue};
use crate::protocol::Protocol;
use crate::signal::Signal;

/// Describes what `plan` makes of `config`.
pub(super) fn layout(config: &Config, plan: &Plan) -> Layout {
    let pipelines = config.pipelines.iter().map(|(id, pipeline)| PipelineLayout {
        id: id.clone(),
        receivers: pipeline.receivers.clone(),
        processors: pipeline.processors.clone(),
        exporters: plan.pipelines.get(id).map(ends).unwrap_or_default(),
    });
    let exporters = plan.chains.union(&plan.standbys).filter_map(|chain| {
        config.exporters.get(&chain.exporter).map(|asked| exporter(&chain.exporter, chain.signal, asked))
    });
    let connectors = plan.connectors.iter().filter(|(_, joint)| matches!(joint, ConnectorPlan::Failover(_)));
    let connectors = connectors.map(|(chain, _)| ExporterLayout {
        id: chain.exporter.clone(),
        signal: chain.signal,
        kind: ExporterKind::Failover,
        endpoint: String::new(),
        queue_unit: failover_queue(chain, plan, config).map(unit),
    });
    Layout {
        source: config.source.clone(),
        warnings: config
            .warnings
            .iter()
            .filter(|warning| warning.weight == Weight::Fault)
            .map(ToString::to_string)
            .collect(),
        receivers: plan.receivers.iter().map(receiver).collect(),
        pipelines: pipelines.collect(),
        exporters: exporters.chain(connectors).collect(),
        extensions: config.started_extensions.clone(),
    }
}

/// Where a pipeline's data goes.
fn ends(pipeline: &PipelinePlan) -> Vec<ComponentId> {
    pipeline.exporters.iter().chain(&pipeline.connectors).cloned().collect()
}

fn receiver(plan: &ReceiverPlan) -> ReceiverLayout {
    let listeners = plan.listens.iter().map(|listen| {
        let security = if listen.tls.is_some() { "tls" } else { "plaintext" };
        let protocol: Protocol = listen.sign.protocol();
        (protocol.name(), listen.address.to_string(), security)
    });
    ReceiverLayout {
        id: plan.id.clone(),
        listeners: listeners.collect(),
        signals: plan.feeds.keys().copied().collect(),
    }
}

fn exporter(id: &ComponentId, signal: Signal, asked: &Exporter) -> ExporterLayout {
    let (endpoint, queue) = match asked {
        Exporter::OtlpGrpc(grpc) => (grpc.endpoint.text.clone(), grpc.delivery.queue.as_ref()),
        Exporter::OtlpHttp(http) => {
            let target = http.targets.get(&signal);
            // The path is part of where it goes: a wrong one is a common mistake.
            let endpoint = target.map(|target| with_path(&target.endpoint.text, &target.path));
            (endpoint.unwrap_or_default(), http.delivery.queue.as_ref())
        }
        Exporter::Debug(debug) => (String::new(), debug.delivery.queue.as_ref()),
        Exporter::Prometheus(scraped) => (scraped.listen.to_string(), None),
        Exporter::File(_) | Exporter::Nop => (String::new(), None),
    };
    ExporterLayout { id: id.clone(), signal, kind: ExporterKind::Exporter, endpoint, queue_unit: queue.map(unit) }
}

/// `path` as a part of `endpoint`, of which the path may be written already.
fn with_path(endpoint: &str, path: &str) -> String {
    if endpoint.ends_with(path) { endpoint.to_owned() } else { format!("{}{path}", endpoint.trim_end_matches('/')) }
}

fn unit(queue: &Queue) -> &'static str {
    match queue.sizer {
        QueueSizer::Requests => "requests",
        QueueSizer::Items => "items",
        QueueSizer::Bytes => "bytes",
    }
}
