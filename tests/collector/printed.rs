//! What the debug exporter prints of the same requests: here, and by a Collector.

use http::Method;

use crate::peer::{Peer, Wanted, Whose};
use crate::support::client::http_request;
use crate::support::export::{Export, Signal};
use crate::support::generate;

const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

/// Prints `exports` one after another; answers the lines, without the log lines around them.
async fn printed(whose: Whose, debug: &str, exports: &[Export]) -> Option<Vec<String>> {
    let wanted = Wanted { debug, pipelines: &SIGNALS, most: 1 << 20 };
    let peer = Peer::start(whose, &wanted).await?;
    for export in exports {
        let headers = [("content-type", "application/x-protobuf")];
        let answer = http_request(Method::POST, peer.http, export.signal().path(), &headers, export.encode()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let all = peer.stop().await;
    // Control characters would do to a terminal what the sender of the data wants: they are not printed as they are here.
    let all = all.replace('\0', "\\u{0}");
    Some(all.lines().filter(|line| !is_log_line(line)).map(str::to_owned).collect())
}

/// Those begin with their time, and those that close a block with what they carry.
fn is_log_line(line: &str) -> bool {
    let dated = line.get(..20).is_some_and(|start| {
        let digits = start.bytes().filter(u8::is_ascii_digit).count();
        digits >= 12 && start.contains('T') && start.contains(':')
    });
    dated || line.trim_start().starts_with("{\"") || line.trim_start().starts_with("exporter=debug")
}

/// The relay prints as a Collector does.
async fn check_same(debug: &str, exports: &[Export]) {
    let Some(theirs) = printed(Whose::Collector, debug, exports).await else { return };
    let ours = printed(Whose::Relay, debug, exports).await.expect("the relay is there");
    let differing = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    let at = differing.unwrap_or(ours.len().min(theirs.len()));
    let from = at.saturating_sub(3);
    let around = |lines: &[String]| lines.iter().skip(from).take(8).cloned().collect::<Vec<_>>().join("\n");
    assert!(ours == theirs, "line {at} differs\n--- here\n{}\n--- a Collector\n{}", around(&ours), around(&theirs));
}

fn exports() -> Vec<Export> {
    [Signal::Traces, Signal::Metrics, Signal::Logs]
        .into_iter()
        .map(|signal| generate::request(signal, "shop", 0..2))
        .collect()
}

#[tokio::test]
async fn normal_is_printed_as_a_collector_does() {
    check_same("verbosity: normal", &exports()).await;
}

#[tokio::test]
async fn detailed_is_printed_as_a_collector_does() {
    check_same("verbosity: detailed", &exports()).await;
}

#[tokio::test]
async fn detailed_metrics_of_every_kind_are_printed_as_a_collector_does() {
    check_same("verbosity: detailed", &[generate::request(Signal::Metrics, "shop", 0..5)]).await;
}
