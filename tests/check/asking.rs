//! Whether `otlp-relay health` tells a relay that is well from one that is not there.

use crate::support::backend::Backend;
use crate::support::cli::run;
use crate::support::client::Wire;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

async fn asked(arguments: &[&str]) -> (Option<i32>, String) {
    let told = run(&[&["health"], arguments].concat(), &[]).await;
    assert_eq!(told.stdout.lines().count() + told.stderr.lines().count(), 1, "one line: {told:?}");
    (told.code, told.stdout + &told.stderr)
}

#[tokio::test]
async fn the_extension_is_asked_and_without_one_the_receiver() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let with = file("with.yaml", setup.text());
    let without = file("without.yaml", setup.text().replace("  extensions: [health_check]\n", ""));
    let http = file(
        "http.yaml",
        format!(
            "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{}'}}}}}}}}\nexporters: {{nop: }}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}\n",
            setup.ports.http
        ),
    );
    for (file, words) in [(&with, "well"), (&without, "grpc.health.v1"), (&http, "answers (HTTP ")] {
        let (code, told) = asked(&["--config", file]).await;
        assert!(code == Some(0) && told.starts_with("healthy: ") && told.contains(words), "{told}");
    }
    let url = format!("http://127.0.0.1:{}/", setup.ports.health);
    assert_eq!(asked(&["--endpoint", &url]).await.0, Some(0));
    relay.stop().await;
    for file in [&with, &without, &http] {
        let (code, told) = asked(&["--config", file]).await;
        assert!(code == Some(1) && told.contains("connection_refused"), "{told}");
    }
}

#[tokio::test]
async fn an_address_that_nobody_listens_on_is_not_well() {
    let url = format!("http://127.0.0.1:{}/", free_port());
    let (code, told) = asked(&["--endpoint", &url, "--timeout", "2s"]).await;
    let said = "connection_refused: nothing listens there: the relay does not run";
    assert!(code == Some(1) && told.contains("unhealthy: ") && told.contains(said), "{told}");
    assert_eq!(asked(&["--endpoint", "nonsense"]).await.0, Some(1));
}
