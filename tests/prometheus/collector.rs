//! Does a scrape say what a Collector's says, and is the same written? Both are given the same pages and the same jobs, or the
//! same metrics, and compared item by item. Without a Collector that was built for it, a test says so and passes.

use std::collections::BTreeMap;
use std::process::Command;

use http::Method;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};

use crate::metrics::{all, ended};
use crate::pages::native;
use crate::support::backend::Backend;
use crate::support::cli::Process;
use crate::support::client::{Wire, http_request};
use crate::support::eventually;
use crate::support::export::Export;
use crate::support::interop::scraping_collector;
use crate::support::net::free_port;
use crate::support::web::{Says, Web};
use crate::targets::{OPEN, PAGE, TEXT, text_of};
use crate::written::WriteRequest;

/// What one of both says of a scrape: a text for each point.
type Points = BTreeMap<String, String>;

/// What both are asked for: keys of `global`, and more keys of the job.
#[derive(Clone, Copy, Default)]
struct Asked {
    global: &'static str,
    job: &'static str,
}

/// Scrapes `web` by `program`, and sends to `backend`.
fn run(name: &str, program: Command, web: &Web, backend: &Backend, asked: &Asked) -> (Process, tempfile::TempDir) {
    let (mut program, Asked { global, job }) = (program, asked);
    let (from, to) = (web.port, backend.port(Wire::Http));
    let own = if name == "collector" { "discovery_reload_on_startup: true, " } else { "" };
    let targets = format!("static_configs: [{{targets: ['127.0.0.1:{from}'], labels: {{zone: eu, rack: a}}}}]");
    let text = format!(
        "receivers: {{prometheus: {{{own}config: {{global: {{{global}}}, scrape_configs: \
         [{{job_name: app, scrape_interval: 1s, scrape_timeout: 1s, {targets}{job}}}]}}}}}}\n\
         exporters: {{otlp_http: {{endpoint: 'http://127.0.0.1:{to}'}}}}\n\
         service: {{telemetry: {{metrics: {{level: none}}}}, \
         pipelines: {{metrics: {{receivers: [prometheus], exporters: [otlp_http]}}}}}}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, text).unwrap();
    program.arg("--config").arg(&file);
    (Process::spawn(name, program), folder)
}

/// Times of now are none: these differ. A start that nobody told is one of them.
fn timeless(time: &mut u64) {
    if 1_750_000_000_000_000_000 < *time {
        *time = 0;
    }
}

fn neutral(start: &mut u64, time: &mut u64, attributes: &mut [KeyValue], exemplars: &mut [Exemplar]) {
    timeless(start);
    timeless(time);
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    exemplars.iter_mut().for_each(|exemplar| timeless(&mut exemplar.time_unix_nano));
}

/// Each point of `metric`, without what both may say otherwise.
fn points(of: &str, metric: &Metric, found: &mut Points) {
    let Metric { name, description, unit, metadata, data } = metric;
    let is_report = name == "up" || name.starts_with("scrape_");
    let description = if is_report { "" } else { description };
    let head = format!("{of} {name} unit={unit:?} help={description:?} {:?}", text_of(metadata));
    let mut put = |attributes: &[KeyValue], kind: &str, point: String| {
        let point = if name == "scrape_duration_seconds" { String::new() } else { point };
        found.insert(format!("{head} {kind} {:?}", text_of(attributes)), point);
    };
    macro_rules! each {
        ($all:expr, $kind:expr, $exemplars:ident) => {
            for point in &$all.data_points {
                let mut point = point.clone();
                let (start, time) = (&mut point.start_time_unix_nano, &mut point.time_unix_nano);
                neutral(start, time, &mut point.attributes, &mut point.$exemplars);
                put(&point.attributes, &$kind, format!("{point:?}"));
            }
        };
    }
    match data.as_ref().unwrap() {
        Data::Gauge(all) => each!(all, "gauge", exemplars),
        Data::Sum(all) => each!(all, format!("sum {} {}", all.aggregation_temporality, all.is_monotonic), exemplars),
        Data::Histogram(all) => each!(all, format!("histogram {}", all.aggregation_temporality), exemplars),
        Data::ExponentialHistogram(all) => each!(all, format!("native {}", all.aggregation_temporality), exemplars),
        Data::Summary(all) => {
            for point in &all.data_points {
                let mut point = point.clone();
                let (start, time) = (&mut point.start_time_unix_nano, &mut point.time_unix_nano);
                neutral(start, time, &mut point.attributes, &mut []);
                put(&point.attributes, "summary", format!("{point:?}"));
            }
        }
    }
}

/// The first scrape that `backend` has, of a target that was up or not.
async fn first(backend: &Backend, up: f64) -> Points {
    let wanted = format!("AsDouble({up:?})");
    eventually("a scrape", async || {
        backend.accepted().iter().find_map(|export| {
            let Export::Metrics(request) = &**export else { return None };
            let mut found = Points::new();
            for resource in &request.resource_metrics {
                let who = text_of(&resource.resource.as_ref()?.attributes);
                for scope in &resource.scope_metrics {
                    let own = scope.scope.clone().unwrap_or_default();
                    let is_scraper = own.name.contains("receiver/prometheus");
                    let own = if is_scraper { Default::default() } else { own };
                    let of = format!("{who:?} {}@{} {:?}", own.name, own.version, text_of(&own.attributes));
                    scope.metrics.iter().for_each(|metric| points(&of, metric, &mut found));
                }
            }
            let is_wanted = |(key, point): (&String, &String)| key.contains(" up ") && point.contains(&wanted);
            found.iter().any(is_wanted).then_some(found)
        })
    })
    .await
}

/// What both make of `page`, then of a target that is gone.
async fn check(what: &str, page: Says, asked: Asked) {
    let Some(collector) = scraping_collector() else { return };
    let (web, both) = (Web::start(page).await, [Backend::start(), Backend::start()]);
    let programs = [("relay", Command::new(env!("CARGO_BIN_EXE_otlp-relay"))), ("collector", Command::new(collector))];
    let running: Vec<_> = programs
        .into_iter()
        .zip(&both)
        .map(|((name, program), backend)| run(name, program, &web, backend, &asked))
        .collect();
    for up in [1.0, 0.0] {
        let (relay, collector) = (first(&both[0], up).await, first(&both[1], up).await);
        let mut wrong = Vec::new();
        for key in relay.keys().chain(collector.keys().filter(|key| !relay.contains_key(*key))) {
            let (relay, collector) = (relay.get(key), collector.get(key));
            if relay != collector {
                wrong.push(format!("{key}\n  relay     {relay:?}\n  collector {collector:?}"));
            }
        }
        assert!(wrong.is_empty(), "{what}, up={up}:\n{}", wrong.join("\n"));
        web.always(Says::status(500));
    }
    for (process, _folder) in running {
        process.signal("TERM");
        process.finish().await;
    }
}

#[tokio::test]
async fn text_is_read_as_the_collector_reads_it() {
    check("text", Says::page(TEXT, PAGE), Asked::default()).await;
}

#[tokio::test]
async fn openmetrics_is_read_as_the_collector_reads_it() {
    let page = "# TYPE jobs_seconds counter\n# UNIT jobs_seconds seconds\n# HELP jobs_seconds Jobs.\n\
                jobs_seconds_total{a=\"b\"} 3 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",k=\"v\"} 0.5 1700000000.5\n\
                jobs_seconds_created{a=\"b\"} 1600000000.25\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
                # TYPE feature stateset\nfeature{feature=\"a\"} 1\n# TYPE gh gaugehistogram\ngh_bucket{le=\"1\"} 2\n\
                gh_bucket{le=\"+Inf\"} 4\ngh_gsum 3\ngh_gcount 4\n# TYPE odd unknown\nodd 3\n\
                # TYPE target info\ntarget_info{version=\"7\"} 1\n\
                # TYPE s gauge\ns{otel_scope_name=\"lib\",otel_scope_version=\"2\",otel_scope_k=\"v\"} 1\n# EOF\n";
    check("OpenMetrics", Says::page(OPEN, page), Asked::default()).await;
}

#[tokio::test]
async fn native_histograms_are_read_as_the_collector_reads_them() {
    check("native histograms", native(), Asked { job: ", scrape_native_histograms: true", ..Asked::default() }).await;
}

#[tokio::test]
async fn labels_are_what_they_are_in_the_collector() {
    let page = "a{job=\"mine\",zone=\"\",empty=\"\",x=\"1\"} NaN\nb{zone=\"us\",cluster=\"own\"} +Inf\n\
                # TYPE h histogram\nh_bucket{le=\"0.50\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n";
    let global = "external_labels: {cluster: c}";
    check("labels of targets", Says::page(TEXT, page), Asked { global, ..Asked::default() }).await;
    let job = ", honor_labels: true, relabel_configs: [{source_labels: [rack, zone], separator: '-', target_label: both}, \
               {source_labels: [zone], modulus: 97, target_label: shard, action: hashmod}], \
               metric_relabel_configs: [{source_labels: [__name__, x], regex: 'a;(.)', target_label: y, \
               replacement: '$${1}$${1}'}, {regex: 'instance|rack', action: labeldrop}, \
               {source_labels: [le], regex: '0.5', action: drop}]";
    check("relabelled", Says::page(TEXT, page), Asked { global, job }).await;
}

/// The series that `program` writes of `sent` to a server of remote write: a text for each.
async fn written(name: &str, mut program: Command, sent: &[Export]) -> BTreeMap<String, String> {
    let (web, port) = (Web::start(Says::status(204)).await, free_port());
    let text = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n\
         exporters: {{prometheusremotewrite: {{endpoint: 'http://127.0.0.1:{}/api/v1/write', \
         external_labels: {{cluster: eu, index: x}}}}}}\n\
         service: {{telemetry: {{metrics: {{level: none}}}}, \
         pipelines: {{metrics: {{receivers: [otlp], exporters: [prometheusremotewrite]}}}}}}\n",
        web.port
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, text).unwrap();
    program.arg("--config").arg(&file);
    let process = Process::spawn(name, program);
    let ready = async || process.log().iter().any(|line| line.contains("Everything is ready")).then_some(());
    eventually("it gets ready", ready).await;
    let mut series = BTreeMap::new();
    for (index, export) in sent.iter().enumerate() {
        let headers = [("content-type", "application/x-protobuf")];
        let answer = http_request(Method::POST, port, "/v1/metrics", &headers, export.encode()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let asked = web.wait_for(index + 1).await;
        for mut found in WriteRequest::of(&asked[index]).series {
            if found.named()["__name__"] == "target_info" {
                // The Collector says it for every while between the first and the last sample; it is the last that counts.
                found.samples.sort_by_key(|sample| -sample.timestamp);
                found.samples.truncate(1);
            }
            let labels = format!("{index} {:?}", found.named());
            series.insert(labels, format!("{:?} {:?} {:?}", found.samples, found.exemplars, found.histograms));
        }
    }
    process.signal("TERM");
    process.finish().await;
    series
}

#[tokio::test]
async fn metrics_are_written_as_the_collector_writes_them() {
    let Some(collector) = scraping_collector() else { return };
    let sent = [all(), ended()];
    let relay = written("relay", Command::new(env!("CARGO_BIN_EXE_otlp-relay")), &sent).await;
    let collector = written("collector", Command::new(collector), &sent).await;
    assert!(30 < relay.len(), "{relay:#?}");
    for (labels, samples) in &collector {
        // The count of an ended native histogram means nothing: the Collector says the bits of its sum.
        let is_ended = samples.contains("count: 9218868437227405314");
        assert!(is_ended || relay.get(labels) == Some(samples), "{labels}\n{samples}\n{:?}", relay.get(labels));
    }
    assert_eq!(relay.keys().collect::<Vec<_>>(), collector.keys().collect::<Vec<_>>());
}
