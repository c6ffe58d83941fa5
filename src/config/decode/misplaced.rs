//! Which components stand in pipelines of signals that they have nothing to do with.

use crate::config::model::{Config, Dialect, Exporter, Prometheus, Receiver, Scraping, Zipkin};
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
            let Some((product, takes)) = config.exporters.get(exporter).and_then(only) else { continue };
            if takes == id.signal {
                continue;
            }
            let what = format!(
                "failed to create \"{exporter}\" exporter for data type \"{}\": telemetry type is not supported",
                id.signal
            );
            let problem = config.places.problem(format!("service::pipelines::{id}::exporters"), what);
            let hint = format!("{product} takes {takes} only: take it out here");
            found.push(problem.hint(hint));
        }
    }
    found
}

/// What an exporter is for, and the one signal that this takes, if there is one.
fn only(exporter: &Exporter) -> Option<(&'static str, Signal)> {
    match exporter {
        Exporter::Prometheus(_) => Some(("Prometheus", Prometheus::SIGNAL)),
        Exporter::OtlpHttp(http) => match http.dialect {
            Dialect::Otlp => None,
            Dialect::RemoteWrite(_) => Some(("Prometheus", Prometheus::SIGNAL)),
            Dialect::Zipkin(_) => Some(("Zipkin", Zipkin::SIGNAL)),
        },
        Exporter::OtlpGrpc(_) | Exporter::Debug(_) | Exporter::File(_) | Exporter::Nop => None,
    }
}
