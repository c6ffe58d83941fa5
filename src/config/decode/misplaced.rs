//! Which components stand in pipelines of signals that they have nothing to do with.

use crate::config::model::{Config, Dialect, Exporter, OtlpHttp, Receiver, Scraping};
use crate::config::problem::Problem;
use crate::signal::Signal;

/// A problem for each pipeline with a component that does not know its signal.
pub(super) fn find(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, pipeline) in &config.pipelines {
        for receiver in &pipeline.receivers {
            let Some(Receiver::Prometheus(_)) = config.receivers.get(receiver) else { continue };
            if id.signal == Scraping::SIGNAL {
                continue;
            }
            let what = format!(
                "failed to create \"{receiver}\" receiver for data type \"{}\": telemetry type is not supported",
                id.signal
            );
            let problem = config.places.problem(format!("service::pipelines::{id}::receivers"), what);
            found.push(problem.hint(format!("{} gives {} only: take it out here", receiver.kind(), Scraping::SIGNAL)));
        }
        for exporter in &pipeline.exporters {
            let Some(takes) = config.exporters.get(exporter).and_then(only) else { continue };
            if takes == id.signal {
                continue;
            }
            let what = format!(
                "failed to create \"{exporter}\" exporter for data type \"{}\": telemetry type is not supported",
                id.signal
            );
            let problem = config.places.problem(format!("service::pipelines::{id}::exporters"), what);
            let hint = format!("{} takes {takes} only: take it out here", exporter.kind());
            found.push(problem.hint(hint));
        }
    }
    found
}

/// The one signal that an exporter is for, if there is one.
fn only(exporter: &Exporter) -> Option<Signal> {
    let foreign = |http: &&OtlpHttp| http.dialect != Dialect::Otlp;
    match exporter {
        Exporter::Prometheus(_) => Signal::ALL.into_iter().find(|signal| exporter.takes(*signal)),
        Exporter::OtlpHttp(http) => Some(http).filter(foreign).and_then(|http| http.targets.keys().next().copied()),
        Exporter::OtlpGrpc(_) | Exporter::Debug(_) | Exporter::File(_) | Exporter::Nop => None,
    }
}
