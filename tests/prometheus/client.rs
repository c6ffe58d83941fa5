//! Is what Prometheus' client library for Python shows understood, in each format that it has? Without python3 or its
//! package registry a test says so and passes; `OTLP_RELAY_REQUIRE_INTEROP=1` makes that a failure.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::interop::{Absence, installed};
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::targets::{Scrape, arrived, text_of};

/// A process that shows metrics, as long as this lives.
struct Target {
    process: Child,
    port: u16,
}

impl Target {
    fn start() -> Option<Target> {
        let place = installed("prometheus", Absence::FailsInCi)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/prometheus/serve.py");
        let mut command = Command::new(place.join("venv/bin/python"));
        let mut process = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        Some(Target { process, port: said.trim().parse().expect("its port") })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // An error is a process that has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first scrape of the library's metrics, by a job with the keys of `job`.
async fn scraped(job: &str) -> Option<Scrape> {
    let (target, backend) = (Target::start()?, Backend::start());
    let targets = format!("static_configs: [{{targets: ['127.0.0.1:{}']}}]", target.port);
    let setup = Setup::forwarding(Wire::Http, &backend, "")
        .receiver_of(
            "prometheus",
            &format!("config: {{scrape_configs: [{{job_name: app, scrape_interval: 1s, {targets}{job}}}]}}"),
        )
        .pipeline("metrics", "receivers: [prometheus], exporters: [otlp_http]");
    let relay = Relay::start(&setup).await;
    let scrape = arrived(&backend, "a scrape", Scrape::is_up).await;
    relay.stop_without_loss().await;
    Some(scrape)
}

fn check(scrape: &Scrape) {
    assert_eq!((scrape.value("jobs_total"), scrape.value("temp_celsius")), (3.0, 21.5));
    assert_eq!(text_of(&scrape.numbers("jobs_total")[0].attributes)["kind"], "a");
    let Some(Data::Histogram(took)) = &scrape.metrics["took_seconds"].data else { panic!() };
    let point = &took.data_points[0];
    assert_eq!((point.count, &*point.bucket_counts, &*point.explicit_bounds), (3, &[1, 1, 1][..], &[0.1, 1.0][..]));
    assert_eq!(point.sum, Some(5.55));
    let Some(Data::Summary(size)) = &scrape.metrics["size"].data else { panic!() };
    assert_eq!((size.data_points[0].count, size.data_points[0].sum), (1, 4.0));
    let states = scrape.numbers("state");
    assert_eq!(
        states.iter().map(|point| text_of(&point.attributes)["state"].clone()).collect::<Vec<_>>(),
        ["up", "down"]
    );
}

#[tokio::test]
async fn openmetrics_of_the_client_library_is_read_with_units_starts_and_exemplars() {
    let Some(scrape) = scraped("").await else { return };
    check(&scrape);
    assert_eq!((&*scrape.metrics["temp_celsius"].unit, &*scrape.metrics["took_seconds"].unit), ("Cel", "s"));
    let jobs = &scrape.numbers("jobs_total")[0];
    assert!(jobs.start_time_unix_nano != 0 && jobs.start_time_unix_nano < jobs.time_unix_nano);
    assert_eq!((jobs.exemplars[0].trace_id.len(), jobs.exemplars[0].span_id.len()), (16, 8));
    assert_eq!(text_of(&scrape.numbers("build")[0].attributes)["version"], "1");
    let Some(Data::Histogram(took)) = &scrape.metrics["took_seconds"].data else { panic!() };
    assert_eq!(text_of(&took.data_points[0].exemplars[0].filtered_attributes)["k"], "v");
}

#[tokio::test]
async fn text_of_the_client_library_is_read() {
    let Some(scrape) = scraped(", scrape_protocols: [PrometheusText0.0.4]").await else { return };
    check(&scrape);
    assert_eq!(text_of(&scrape.numbers("build_info")[0].attributes)["version"], "1");
}
