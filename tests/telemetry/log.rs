//! What does the log say of failures, and how do its lines look?

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::config::LogEncoding;
use otlp_relay::failure::{Class, Failure, Retry};
use otlp_relay::flow::Next;
use otlp_relay::signal::Signal;
use otlp_relay::telemetry::observe::settled;
use otlp_relay::telemetry::{Registry, Watch};

use crate::fakes::{Attempts, Scripted, Written, exporter, refused, rejecting, scraped, spans};

const FIRST: &str = "WARN export failed class=connection_refused family=refused exporter=otlp_grpc/eu data_type=traces \
    endpoint=http://eu:4317 phase=connect retry=\"yes (backs off)\" meaning=\"nothing is listening on the port\" \
    cause=\"connection refused\" remedy=\"check that the backend is running and listening on this address and port\" \
    dropped=0 help=\"otlp-relay explain connection_refused\"";

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once_then_summed_up_then_its_end() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let attempts = Attempts::new();
    attempts.fails(&attempts.traces, refused()).await;
    log.check(&[FIRST]);
    for _ in 0..3 {
        attempts.fails(&attempts.traces, refused()).await;
        attempts.fails(&attempts.logs, refused()).await;
    }
    log.check(&[]);
    tokio::time::advance(Duration::from_secs(61)).await;
    attempts.fails(&attempts.traces, refused()).await;
    let summary = log.take().remove(0);
    let (head, tail) = summary.split_once(" since=").unwrap();
    assert_eq!(
        head,
        "WARN export still failing class=connection_refused exporter=otlp_grpc/eu data_type=traces \
         endpoint=http://eu:4317 count=8"
    );
    assert!(tail.ends_with(" lasting=1m1s cause=\"connection refused\" dropped=0"), "{tail}");
    attempts.succeeds(&attempts.traces).await;
    log.check(&[]);
    attempts.succeeds(&attempts.logs).await;
    let end = "INFO export recovered class=connection_refused exporter=otlp_grpc/eu data_type=logs failed_attempts=8 \
        after=1m1s dropped_items=0";
    log.check(&[end]);
    let labels = |family: &str, permanent: &str, phase: &str, class: &str| {
        format!(
            "data_type=\"traces\",error_family=\"{family}\",error_permanent=\"{permanent}\",error_phase=\"{phase}\",\
             error_type=\"{class}\",exporter=\"otlp_grpc/eu\""
        )
    };
    let counted = [
        format!("otelcol_exporter_attempts{{{}}} 1", labels("", "", "", "")),
        format!("otelcol_exporter_attempts{{{}}} 5", labels("refused", "false", "connect", "connection_refused")),
    ];
    assert_eq!(scraped(&attempts.watch.registry, "otelcol_exporter_attempts{data_type=\"traces\""), counted);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_class_is_told_and_what_a_person_must_mend_is_an_error() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let attempts = Attempts::new();
    attempts.state.watch_queue(|| 83);
    attempts.fails(&attempts.traces, refused()).await;
    log.take();
    let denied = Failure::new(Class::Unauthenticated, "401").retry_when(Retry::After(Duration::from_secs(7)));
    attempts.fails(&attempts.traces, denied).await;
    let lines = log.take();
    assert!(lines[0].starts_with("ERROR export failed class=unauthenticated family=unauthenticated "), "{lines:?}");
    assert!(lines[0].contains(" retry=\"yes (after 7s)\" "), "{lines:?}");
    assert!(
        lines[0].ends_with(
            " previous_class=connection_refused queued=83 dropped=0 help=\"otlp-relay explain unauthenticated\""
        ),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 1);
    attempts.fails(&attempts.traces, refused()).await;
    log.check(&[]);
    attempts.fails(&attempts.traces, Failure::new(Class::ShuttingDown, "the relay is stopping")).await;
    log.check(&[]);
}

#[tokio::test(start_paused = true)]
async fn dropped_data_is_told_at_most_once_a_minute_with_all_its_items() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let watch = Watch::new(Registry::new());
    let script = Scripted::answering([]);
    let stage = settled(&exporter(), Signal::Traces, &watch, Arc::clone(&script) as Next);
    for pause in [0, 1, 1, 60] {
        tokio::time::advance(Duration::from_secs(pause)).await;
        script.then(Err(refused()));
        let _ = stage.consume(spans(10)).await;
    }
    let line = "ERROR Exporting failed. Dropping data. class=connection_refused family=refused exporter=otlp_grpc/eu \
        data_type=traces phase=connect";
    let rest = "cause=\"connection refused\" remedy=\"check that the backend is running and listening on this address \
        and port\" help=\"otlp-relay explain connection_refused\"";
    log.check(&[
        &format!("{line} dropped_items=10 folded=0 {rest}"),
        &format!("{line} dropped_items=30 folded=2 {rest}"),
    ]);
    script.then(Ok(rejecting(3)));
    let _ = stage.consume(spans(10)).await;
    log.check(&[
        "WARN Partial success response class=rejected family=rejected exporter=otlp_grpc/eu data_type=traces \
        phase=response retry=no dropped_items=3 folded=0 cause=\"no env\" remedy=\"look at what the backend says of \
        them\" help=\"otlp-relay explain rejected\"",
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_and_the_loss_of_its_data_are_one_line() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let attempts = Attempts::new();
    let denied = || Failure::new(Class::Unauthenticated, "401");
    attempts.fails(&attempts.traces, denied()).await;
    log.check(&[]);
    let script = Scripted::answering([Err(denied())]);
    let stage = settled(&exporter(), Signal::Traces, &attempts.watch, script as Next);
    let _ = stage.consume(spans(7)).await;
    let lines = log.take();
    assert!(lines[0].starts_with("ERROR export failed. Dropping data. class=unauthenticated "), "{lines:?}");
    assert!(lines[0].contains(" dropped_items=7 dropped=7 "), "{lines:?}");
    assert_eq!(lines.len(), 1, "{lines:?}");
    tokio::time::advance(Duration::from_secs(1)).await;
    log.check(&[]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_whose_data_is_saved_elsewhere_is_told_all_the_same() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let attempts = Attempts::new();
    attempts.fails(&attempts.traces, Failure::new(Class::Unauthenticated, "401")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines = log.take();
    assert!(lines[0].starts_with("ERROR export failed class=unauthenticated "), "{lines:?}");
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_held_back_of_dropped_data_is_told_at_the_end() {
    let (log, _guard) = Written::capture(LogEncoding::Console);
    let watch = Watch::new(Registry::new());
    let script = Scripted::answering([]);
    let stage = settled(&exporter(), Signal::Traces, &watch, Arc::clone(&script) as Next);
    for _ in 0..3 {
        script.then(Err(refused()));
        let _ = stage.consume(spans(10)).await;
    }
    log.take();
    watch.last_words();
    let line = "ERROR Exporting failed. Dropped more data than the lines before tell. \
        class=connection_refused exporter=otlp_grpc/eu dropped_items=20 folded=2";
    log.check(&[line]);
    watch.last_words();
    log.check(&[]);
}

#[test]
fn a_json_line_is_one_object() {
    let (log, guard) = Written::capture(LogEncoding::Json);
    tracing::info!(number = 5_u64, "a key" = "quoted \"x\"\n", nothing = None::<u64>, real = f64::NAN, "Hello \u{1b}");
    drop(guard);
    let bytes = log.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (ts, rest) = text.split_once(",\"level\"").unwrap();
    assert!(ts.starts_with("{\"ts\":\"20") && ts.ends_with("Z\""), "{ts}");
    assert_eq!(
        rest,
        ":\"info\",\"msg\":\"Hello \\u001b\",\"number\":5,\"a key\":\"quoted \\\"x\\\"\\n\",\"real\":\"NaN\"}\n"
    );
    assert_eq!(object["msg"], "Hello \u{1b}");
}
