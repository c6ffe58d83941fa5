//! What a check says of the addresses that a relay is to listen on.

use crate::looks::{Checked, check};
use crate::servers::silent;
use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::tls::Authority;

fn listening(settings: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{{settings}}}}}}}}}\nexporters: {{nop: }}\nservice:\n  \
         telemetry: {{metrics: {{level: none}}}}\n  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}\n"
    )
}

fn listens<'c>(found: &'c Checked, result: &str) -> Vec<&'c serde_json::Value> {
    found.with(result).into_iter().filter(|check| check["id"] == "listen").collect()
}

#[tokio::test]
async fn who_holds_a_port_is_named() {
    let (_listener, port) = silent();
    let found = check(&listening(&format!("endpoint: '127.0.0.1:{port}'")), &[], &[]).await;
    let pid = format!("(pid {}, at 127.0.0.1:{port})", std::process::id());
    found.fails("listen", "bind_address_in_use", "listen", &[&pid, &format!("127.0.0.1:{port}")]);
}

#[tokio::test]
async fn a_relay_that_runs_already_is_a_warning() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    let found = check(&setup.text(), &[], &[]).await;
    let taken = listens(&found, "warning");
    assert_eq!(taken.len(), 4, "{}", found.text);
    for check in taken {
        assert_eq!(check["class"], "bind_address_in_use");
        assert!(check["cause"].as_str().unwrap().contains("otlp-relay (pid "), "{check}");
    }
    assert_eq!((found.with("failed").len(), found.code), (0, Some(0)), "{}", found.text);
    relay.stop().await;
    let found = check(&setup.text(), &["--only", "receivers,admin"], &[]).await;
    let free = found.checks().into_iter().filter(|check| check["description"].as_str().unwrap().contains(" is free"));
    assert_eq!(free.count(), 4, "{}", found.text);
}

#[tokio::test]
async fn an_address_that_this_machine_does_not_have_is_told() {
    let found = check(&listening("endpoint: '192.0.2.1:4317'"), &[], &[]).await;
    found.fails("listen", "bind_address_unavailable", "listen", &["192.0.2.1:4317"]);
}

#[tokio::test]
async fn the_certificate_of_a_receiver_must_fit_its_key() {
    let (authority, other) = (Authority::new(), Authority::new());
    let ((certificate, key), (_, wrong)) = (authority.server_files(), other.server_files());
    let tls = |key: &std::path::Path| {
        let files = format!("cert_file: '{}', key_file: '{}'", certificate.display(), key.display());
        listening(&format!("endpoint: '0.0.0.0:0', tls: {{{files}}}"))
    };
    let found = check(&tls(&key), &["--only", "receivers"], &[]).await;
    assert!(
        found.code == Some(0) && found.text.contains("the receiver's certificate is valid until"),
        "{}",
        found.text
    );
    let found = check(&tls(&wrong), &["--only", "receivers"], &[]).await;
    found.fails("certificate", "config_key_mismatch", "config", &["does not belong to the certificate"]);
}
