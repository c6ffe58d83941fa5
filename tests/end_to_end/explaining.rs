//! Does a failure explain itself: in the log, in the metrics, on the command line, and without a secret?

use std::process::Stdio;

use tokio::io::AsyncWriteExt;

use crate::support::backend::{Answer, Backend};
use crate::support::cli::{Finished, run};
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

async fn explain(words: &[&str]) -> Finished {
    run(&[&["explain"], words].concat(), &[]).await
}

#[tokio::test]
async fn a_class_a_family_and_a_text_of_another_program_are_explained() {
    let class = explain(&["connection_refused"]).await;
    assert_eq!((class.code, class.stderr.as_str()), (Some(0), ""));
    for words in
        ["connection_refused: nothing is listening", "ECONNREFUSED", "Likely causes", "endpoint: collector:4317"]
    {
        assert!(class.stdout.contains(words), "{words}: {}", class.stdout);
    }
    for family in ["refused", "deadline", "unauthenticated", "x509", "resource_exhausted"] {
        let page = explain(&[family]).await;
        assert!(page.code == Some(0) && page.stdout.contains(&format!("The family {family}")), "{page:?}");
    }
    let list = explain(&[]).await;
    assert!(list.stdout.contains("tls_unknown_ca") && list.stdout.contains("config_missing_port"), "{list:?}");
    let text = explain(&["rpc error: code = Unavailable desc = name resolver error: produced zero addresses"]).await;
    assert!(text.stdout.starts_with("Most likely, since the text says \"produced zero addresses\""), "{text:?}");
    let json = explain(&["--json", "x509: certificate signed by unknown authority"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["likely"][0]["class"]["code"], "tls_unknown_ca");
}

#[tokio::test]
async fn what_is_not_known_is_said_with_the_nearest_class() {
    let slip = explain(&["conection_refused"]).await;
    assert_eq!(slip.code, Some(1));
    assert!(slip.stderr.contains("did you mean \"connection_refused\"?"), "{slip:?}");
    let nonsense = explain(&["the weather is fine"]).await;
    assert!(nonsense.code == Some(1) && nonsense.stderr.contains("nothing is known"), "{nonsense:?}");
}

#[tokio::test]
async fn a_text_is_read_from_the_standard_input() {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_otlp-relay"));
    command.args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("start");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"tls: first record does not look like a TLS handshake\n").await.expect("write");
    drop(input);
    let output = child.wait_with_output().await.expect("end");
    let page = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && page.contains("\ntls_to_plaintext_port: "), "{page}");
}

#[tokio::test]
async fn a_token_that_the_backend_echoes_is_nowhere_to_be_seen() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        backend.always(Answer::Denied);
        let setup = Setup::forwarding(wire, &backend, "headers: {authorization: 'Bearer s3cr3t-t0ken'}");
        let relay = Relay::start(&setup).await;
        relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
        let line = relay.wait_for_line(&["export failed", "class=unauthenticated", "[REDACTED]"]).await;
        assert!(line.contains("ERROR") && line.contains("help=\"otlp-relay explain unauthenticated\""), "{line}");
        let what = "an attempt that failed for good";
        let labels = [("error_type", "unauthenticated"), ("error_permanent", "true"), ("error_phase", "auth")];
        let attempted = |metrics: &crate::support::scrape::Metrics| {
            metrics.sum("otelcol_exporter_attempts", &labels).is_some_and(|count| 0.0 < count)
        };
        let metrics = relay.wait_for_metrics(what, attempted).await;
        assert!(metrics.names().contains(&"otelcol_exporter_phase_duration_count"), "{:?}", metrics.names());
        assert!(!format!("{:?}", metrics.names()).contains("s3cr3t"));
        let ended = relay.stop().await;
        assert!(!ended.log.contains("s3cr3t"), "{}", ended.log);
        let sent = backend.records()[0].headers["authorization"].clone();
        assert_eq!(sent, "Bearer s3cr3t-t0ken", "the backend did get the token");
    }
}
