//! What is on a page, and what becomes of it: as in the Collector, whose figures these are.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;

use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::web::{Says, Web};
use crate::targets::{OPEN, PAGE, Scrape, TEXT, arrived, scraping, text_of};

/// The first scrape that succeeds of `page`, by a job with the keys of `job`.
async fn scraped(page: Says, job: &str) -> Scrape {
    let (web, backend) = (Web::start(page).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, job)).await;
    let scrape = arrived(&backend, "a scrape", Scrape::is_up).await;
    relay.stop_without_loss().await;
    scrape
}

fn labels(scrape: &Scrape, name: &str) -> BTreeMap<String, String> {
    text_of(&scrape.numbers(name)[0].attributes)
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn external_labels_are_on_everything_and_win() {
    let (web, backend) = (Web::start(Says::page(TEXT, "a{region=\"own\"} 1\n")).await, Backend::start());
    let targets = format!("[{{targets: ['127.0.0.1:{}'], labels: {{zone: eu}}}}]", web.port);
    let config = format!(
        "config: {{global: {{external_labels: {{region: eu, zone: x}}}}, \
         scrape_configs: [{{job_name: app, scrape_interval: 100ms, static_configs: {targets}}}]}}"
    );
    let setup = Setup::forwarding(Wire::Http, &backend, "")
        .receiver_of("prometheus", &config)
        .pipeline("metrics", "receivers: [prometheus], exporters: [otlp_http]");
    let relay = Relay::start(&setup).await;
    let scrape = arrived(&backend, "a scrape", Scrape::is_up).await;
    for name in ["a", "up", "scrape_samples_scraped"] {
        assert_eq!(labels(&scrape, name), owned([("region", "eu"), ("zone", "x")]), "{name}");
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn an_empty_label_that_is_honoured_takes_that_of_the_target_away() {
    let scrape = scraped(Says::page(TEXT, "a{zone=\"\",job=\"\"} 1\nb 1\n"), ", honor_labels: true").await;
    assert_eq!((labels(&scrape, "a"), labels(&scrape, "b")), (owned([]), owned([("zone", "eu")])));
    // Where it is from is known all the same.
    assert_eq!(scrape.resource["service.name"], "app");
}

#[tokio::test]
async fn samples_without_job_and_instance_are_of_their_target() {
    let job = ", metric_relabel_configs: [{regex: 'job|instance', action: labeldrop}]";
    let scrape = scraped(Says::page(TEXT, "a 1\n"), job).await;
    assert!(scrape.metrics.contains_key("a"));
    assert_eq!(scrape.resource["service.name"], "app");
}

#[tokio::test]
async fn an_ended_series_keeps_its_shape() {
    let page = PAGE.replace("# TYPE lat", "# HELP lat How long.\n# TYPE lat");
    let (web, backend) = (Web::start(Says::page(TEXT, &page)).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, "")).await;
    arrived(&backend, "a scrape", Scrape::is_up).await;
    web.always(Says::status(500));
    let ended = arrived(&backend, "the end", |scrape| !scrape.is_up() && scrape.metrics.contains_key("lat")).await;
    let Some(Data::Histogram(latency)) = &ended.metrics["lat"].data else { panic!() };
    let point = &latency.data_points[0];
    assert_eq!((point.flags, point.count, &*point.bucket_counts), (1, 0, &[0, 0, 0][..]));
    assert_eq!((point.explicit_bounds.as_slice(), &*ended.metrics["lat"].description), (&[0.1, 1.0][..], "How long."));
    let Some(Data::Summary(rpc)) = &ended.metrics["rpc"].data else { panic!() };
    let quantiles: Vec<f64> = rpc.data_points[0].quantile_values.iter().map(|value| value.quantile).collect();
    assert_eq!((rpc.data_points[0].flags, quantiles), (1, vec![0.5, 0.9]));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn openmetrics_is_called_as_the_collector_calls_it() {
    let page = "# TYPE build info\nbuild_info{version=\"1\"} 1\n# TYPE wait gaugehistogram\nwait_bucket{le=\"1\"} 2\n\
                wait_bucket{le=\"+Inf\"} 4\nwait_gsum 3\nwait_gcount 4\n# TYPE jobs counter\n\
                jobs_total 3 # {Trace_ID=\"ABCD\",span_id=\"b7ad6b7169203331ff\"} 1\n\
                # TYPE s gauge\ns{otel_scope_kind=\"x\"} 1\n# EOF\n";
    let scrape = scraped(Says::page(OPEN, page), "").await;
    assert!(scrape.metrics.contains_key("build") && scrape.metrics.contains_key("wait_gcount"));
    let bounds: Vec<_> = scrape.numbers("wait").iter().map(|point| text_of(&point.attributes)["le"].clone()).collect();
    assert_eq!(bounds, ["1", "+Inf"]);
    let exemplar = &scrape.numbers("jobs_total")[0].exemplars[0];
    assert_eq!(exemplar.trace_id, [&[0; 14][..], &[0xab, 0xcd]].concat());
    assert_eq!(exemplar.span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
}

#[tokio::test]
async fn a_page_that_was_cut_is_no_page() {
    let (web, backend) = (Web::start(Says::page(OPEN, "# TYPE a gauge\na 1\n")).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, "")).await;
    relay.wait_for_line(&["scrape failed", "scrape_unreadable", "without # EOF"]).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn limits_and_times_are_told_and_names_trimmed_where_that_is_asked_for() {
    let page = "# TYPE jobs_seconds counter\n# UNIT jobs_seconds seconds\njobs_seconds_total 3\n# EOF\n";
    let scrape = scraped(Says::page(OPEN, page), ", extra_scrape_metrics: true, sample_limit: 9, scrape_timeout: 90ms");
    let scrape = scrape.await;
    assert_eq!((scrape.value("scrape_sample_limit"), scrape.value("scrape_timeout_seconds")), (9.0, 0.09));
    assert_eq!(scrape.value("scrape_body_size_bytes"), page.len() as f64);

    let (web, backend) = (Web::start(Says::page(OPEN, page)).await, Backend::start());
    let setup = scraping(&web, &backend, "");
    let text = setup.text().replace("prometheus: {config:", "prometheus: {trim_metric_suffixes: true, config:");
    let relay = Relay::start(&setup).await;
    relay.reload(&text, "Config updated").await;
    arrived(&backend, "a short name", |scrape| {
        scrape.metrics.contains_key("jobs") && scrape.metrics.contains_key("scrape_duration")
    })
    .await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn how_many_samples_there_are_is_told_beyond_the_limit() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, ", sample_limit: 3")).await;
    let told = |scrape: &Scrape| !scrape.is_up() && scrape.value("scrape_samples_post_metric_relabeling") == 12.0;
    arrived(&backend, "how many there are", told).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn times_of_samples_keep_no_series_from_ending_where_they_are_tracked() {
    let page = "# TYPE t gauge\nt 1 1700000000123\n";
    let (web, backend) = (Web::start(Says::page(TEXT, page)).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, ", track_timestamps_staleness: true")).await;
    arrived(&backend, "a scrape", |scrape| scrape.metrics.contains_key("t")).await;
    web.always(Says::page(TEXT, "u 1\n"));
    let ended = |scrape: &Scrape| scrape.metrics.contains_key("t") && scrape.numbers("t")[0].flags == 1;
    arrived(&backend, "its end", ended).await;
    relay.stop_without_loss().await;
}

/// A family of the client model, as far as this test has it.
#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    spans: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    deltas: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

pub(crate) fn native() -> Says {
    let histogram = Histogram {
        count: 7,
        sum: 18.5,
        schema: 1,
        zero_threshold: 0.25,
        zero_count: 2,
        spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
        deltas: vec![1, 1, -1, 0],
    };
    let family = Family { name: "took".to_owned(), kind: 4, metrics: vec![Metric { histogram: Some(histogram) }] };
    let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    Says::bytes(kind, family.encode_length_delimited_to_vec().into())
}

#[tokio::test]
async fn native_histograms_become_exponential_ones_and_end() {
    let (web, backend) = (Web::start(native()).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, ", scrape_native_histograms: true")).await;
    let scrape = arrived(&backend, "a scrape", Scrape::is_up).await;
    let Some(Data::ExponentialHistogram(took)) = &scrape.metrics["took"].data else { panic!() };
    let (point, positive) = (&took.data_points[0], took.data_points[0].positive.clone().unwrap());
    assert_eq!((took.aggregation_temporality, point.count, point.sum, point.scale), (2, 7, Some(18.5), 1));
    assert_eq!((point.zero_count, point.zero_threshold), (2, 0.25));
    assert_eq!((positive.offset, &*positive.bucket_counts), (-1, &[1, 2, 0, 1, 1][..]));
    assert!(point.start_time_unix_nano != 0);
    assert!(web.asked()[0].headers["accept"].starts_with("application/vnd.google.protobuf;"));
    web.always(Says::status(500));
    let ended = arrived(&backend, "its end", |scrape| !scrape.is_up() && scrape.metrics.contains_key("took")).await;
    let Some(Data::ExponentialHistogram(took)) = &ended.metrics["took"].data else { panic!() };
    assert_eq!(took.data_points[0].flags, 1);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn native_histograms_that_are_not_asked_for_are_counts() {
    let scrape = scraped(native(), ", scrape_protocols: [PrometheusProto]").await;
    let Some(Data::Histogram(took)) = &scrape.metrics["took"].data else { panic!() };
    assert_eq!((took.data_points[0].count, &*took.data_points[0].bucket_counts), (7, &[7][..]));
}
