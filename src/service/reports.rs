//! Sends the relay's own metrics where periodic readers want them.
//!
//! One try for each interval: what is missed is in the next one, since all numbers are cumulative.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::{
    Config, Metrics, MetricsLevel, MetricsReader, PeriodicReader, Problem, Problems, Resource, Spelling,
};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::pipeline;
use crate::signal::Signal;
use crate::telemetry::clock::Moment;
use crate::telemetry::{Registry, ReportOrigin, View};

use super::holdings::{Holdings, own_attributes};

/// The reports that are sent. They run on the control runtime and end with this.
pub(super) struct Reports {
    began: Moment,
    wanted: Wanted,
    end: CancellationToken,
    tasks: JoinSet<()>,
}

/// What a configuration says about reports.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    readers: Vec<(usize, PeriodicReader)>,
    metrics: Metrics,
    resource: Resource,
}

/// What another configuration makes of the reports, ready to be put in force; nothing where they stay as they are.
pub(super) struct Prepared(Option<(Wanted, Vec<Report>)>);

/// What one reader is sent.
struct Report {
    registry: Registry,
    view: View,
    attributes: Arc<[(String, Value)]>,
    began: Moment,
    every: Duration,
    to: Next,
}

impl Reports {
    /// No reports yet. Counting begins now.
    pub(super) fn new() -> Reports {
        let (wanted, end) = (Wanted::default(), CancellationToken::new());
        Reports { began: Moment::now(), wanted, end, tasks: JoinSet::new() }
    }

    /// Makes what `config` asks for. Nothing that runs is touched.
    ///
    /// # Errors
    /// What a reader's exporter cannot be made of.
    pub(super) fn prepare(&self, config: &Config, holdings: &Holdings) -> Result<Prepared, Problems> {
        let wanted = Wanted::of(config);
        if wanted == self.wanted {
            return Ok(Prepared(None));
        }
        let attributes: Arc<[(String, Value)]> = own_attributes(&holdings.instance, &wanted.resource).into();
        let view = View { spelling: Spelling::default(), level: wanted.metrics.level };
        let (mut reports, mut problems) = (Vec::new(), Vec::new());
        for (at, reader) in &wanted.readers {
            match destination(*at, reader, config, holdings) {
                Ok(to) => reports.push(Report {
                    registry: holdings.watch.registry.clone(),
                    view,
                    attributes: Arc::clone(&attributes),
                    began: self.began,
                    every: reader.interval,
                    to,
                }),
                Err(problem) => problems.push(problem),
            }
        }
        match Problems::from_found(problems) {
            Some(problems) => Err(problems),
            None => Ok(Prepared(Some((wanted, reports)))),
        }
    }

    /// Puts `prepared` in force.
    pub(super) fn enforce(&mut self, prepared: Prepared) {
        let Prepared(Some((wanted, reports))) = prepared else { return };
        self.tasks.abort_all();
        self.tasks = JoinSet::new();
        self.wanted = wanted;
        for report in reports {
            self.tasks.spawn(report.keep_sending(self.end.clone()));
        }
    }

    /// Sends the last numbers, for a moment at most, and ends.
    pub(super) async fn end(mut self) {
        self.end.cancel();
        // Whoever is still there after that is cut off when the set is dropped.
        let _ = timeout(LAST_WORDS, async { while self.tasks.join_next().await.is_some() {} }).await;
    }
}

impl Wanted {
    fn of(config: &Config) -> Wanted {
        let metrics = &config.telemetry.metrics;
        let all = metrics.readers.iter().enumerate().filter(|_| metrics.level != MetricsLevel::None);
        let readers = all.filter_map(|(at, reader)| match reader {
            MetricsReader::Periodic(reader) => Some((at, PeriodicReader::clone(reader))),
            MetricsReader::Prometheus(_) => None,
        });
        Wanted { readers: readers.collect(), metrics: metrics.clone(), resource: config.telemetry.resource.clone() }
    }
}

impl Report {
    async fn keep_sending(self, end: CancellationToken) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and there is nothing to tell yet.
        ticks.tick().await;
        loop {
            let goes_on = tokio::select! {
                () = end.cancelled() => false,
                _ = ticks.tick() => true,
            };
            self.send().await;
            if !goes_on {
                return;
            }
        }
    }

    async fn send(&self) {
        let origin = ReportOrigin { attributes: &self.attributes, began: self.began, now: Moment::now() };
        let body = Bytes::from(self.registry.to_otlp(self.view, &origin));
        match Payload::parse(Signal::Metrics, body) {
            // Who watches the tries has told what went wrong.
            Ok(payload) => drop(self.to.consume(payload).await),
            Err(malformed) => tracing::error!(error = %malformed, "the relay's own metrics cannot be sent"),
        }
    }
}

/// Where the reader at the place `at` is sent its reports.
fn destination(at: usize, reader: &PeriodicReader, config: &Config, holdings: &Holdings) -> Result<Next, Problem> {
    let path = format!("service::telemetry::metrics::readers::{at}::periodic::exporter");
    let id = ComponentId::parse(&format!("periodic/{at}"));
    let id = id.map_err(|bad| config.places.problem(&path, bad.to_string()))?;
    pipeline::direct(&id, &reader.exporter, Signal::Metrics, &holdings.tools())
        .map_err(|problem| config.places.problem(format!("{path}::{}", problem.key), problem.what))
}

/// `docker stop` kills after 10 s, of which the queues may have taken 8.
const LAST_WORDS: Duration = Duration::from_secs(1);
