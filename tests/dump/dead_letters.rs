//! What becomes of what a backend refuses for good?

use std::path::Path;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate;
use crate::support::relay::{Relay, number};
use crate::support::setup::Setup;
use crate::{assert_without, bytes_of, listed, replay};

fn keeping(backend: &Backend, directory: &Path, settings: &str) -> Setup {
    let settings = format!(
        "headers: {{x-scope: planted-token-2}}, dead_letter: {{directory: '{}'{settings}}}",
        directory.display()
    );
    Setup::forwarding(Wire::Grpc, backend, &settings)
}

#[tokio::test]
async fn what_is_refused_is_set_aside_and_delivered_after_the_mend() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let backend = Backend::start();
    backend.always(Answer::Denied);
    let relay = Relay::start(&keeping(&backend, &letters, "")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        client.deliver(&generate::request(signal, "a", 0..4)).await;
    }
    relay
        .wait_for_metrics("dead letters that count as not sent", |metrics| {
            ["otelcol_relay_dead_lettered", "otelcol_exporter_send_failed"].iter().all(|stem| {
                let nouns = ["spans", "metric_points", "log_records"];
                nouns.iter().all(|noun| metrics.sum(&format!("{stem}_{noun}"), &[]) == Some(4.0))
            })
        })
        .await;
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.lost), (0, 0), "{}", ended.log);
    let last = ended.log.lines().last().unwrap();
    assert_eq!(number(last, "dead_lettered"), Some(12), "{last}");
    assert!(ended.log.contains("Data is set aside as dead letters"), "{}", ended.log);
    assert_without(&bytes_of(&letters), &["planted-token-2"]);

    backend.always(Answer::Accept);
    let to = format!("http://127.0.0.1:{}", backend.grpc);
    let finished = replay(&letters, &["--to", &to]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "sent: 12 items in 3 records\n");
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        assert_eq!(backend.accepted_ids(signal), [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn what_uses_up_its_retries_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let settings = format!(
        "retry_on_failure: {{initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 100ms}}, \
         dead_letter: {{directory: '{}'}}",
        letters.display()
    );
    let relay = Relay::start(&Setup::forwarding(Wire::Http, &backend, &settings)).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&generate::request(Signal::Traces, "a", 0..4)).await;
    relay
        .wait_for_metrics("dead letters", |metrics| metrics.sum("otelcol_relay_dead_lettered_spans", &[]) == Some(4.0))
        .await;
    assert_eq!(relay.stop().await.lost, 0);
    assert_eq!(listed(&letters).await.len(), 1);
}

#[tokio::test]
async fn what_a_relay_still_holds_when_it_must_end_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let backend = Backend::absent();
    let setup = keeping(&backend, &letters, "").service("shutdown_timeout", "300ms");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..5 {
        client.deliver(&generate::request(Signal::Traces, "a", id..id + 1)).await;
    }
    let ended = relay.stop().await;
    let kept: u64 = listed(&letters).await.iter().map(|record| record["items"].as_u64().unwrap()).sum();
    assert_eq!((kept, ended.lost), (5, 0), "{}", ended.log);
}

#[tokio::test]
async fn a_directory_that_is_full_refuses_and_what_was_kept_stays() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let backend = Backend::start();
    backend.always(Answer::Denied);
    let relay = Relay::start(&keeping(&backend, &letters, ", max_bytes: 65536")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for round in 0..60_u64 {
        client.deliver(&generate::request(Signal::Traces, "a", round * 40..(round + 1) * 40)).await;
    }
    let settled = |metrics: &crate::support::scrape::Metrics| {
        metrics.sum("otelcol_exporter_send_failed_spans", &[]) == Some(2400.0)
    };
    let metrics = relay.wait_for_metrics("all settled", settled).await;
    let kept = metrics.value("otelcol_relay_dead_lettered_spans", &[]);
    let failed = metrics.value("otelcol_relay_dead_letter_failed", &[("data_type", "traces")]);
    assert!(0.0 < kept && 0.0 < failed, "{kept} {failed}");
    assert_eq!(kept + failed, 2400.0);
    relay.wait_for_line(&["Dead letters cannot be kept.", "class=dead_letter_full"]).await;
    let ended = relay.stop().await;
    assert_eq!(ended.lost as f64, failed, "{}", ended.log);
    assert!(bytes_of(&letters).len() <= 65536);
    let listed = listed(&letters).await;
    assert_eq!(listed.len() as f64 * 40.0, kept);
}
