//! A relay with a healthy, a failing and a recovered exporter.

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::client::{self, Coding, Wire};
use crate::support::eventually;
use crate::support::generate::lean_spans;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// Everything that the relay stands between.
pub(crate) struct Scene {
    pub(crate) relay: Relay,
    /// The zpages port.
    pub(crate) port: u16,
    // They answer for as long as they are there.
    _backends: [Backend; 3],
}

/// Starts `setup` with the `zpages` extension; answers its port, too.
pub(crate) async fn start(setup: &Setup) -> (Relay, u16) {
    let port = free_port();
    let relay = Relay::start(setup).await;
    relay.reload(&with_zpages(setup, port), "Config updated").await;
    (relay, port)
}

fn with_zpages(setup: &Setup, port: u16) -> String {
    let zpages = format!("extensions:\n  zpages: {{endpoint: '127.0.0.1:{port}'}}\n");
    let text = setup.text().replacen("extensions:\n", &zpages, 1);
    text.replace("extensions: [health_check]", "extensions: [health_check, zpages]")
}

impl Scene {
    /// Waits until each exporter is as its name says.
    pub(crate) async fn set() -> Scene {
        let (healthy, failing, mut recovered) = (Backend::start(), Backend::absent(), Backend::absent());
        let setup = Setup::new()
            .export_to("otlp_grpc/healthy", Wire::Grpc, healthy.port(Wire::Grpc), "")
            .export_to("otlp_grpc/failing", Wire::Grpc, failing.port(Wire::Grpc), "")
            .export_to("otlp_http/recovered", Wire::Http, recovered.port(Wire::Http), "")
            .processor("batch", "timeout: 20ms")
            .pipeline(
                "traces",
                "receivers: [otlp], processors: [batch], exporters: [otlp_grpc/healthy, otlp_grpc/failing]",
            )
            .pipeline("traces/second", "receivers: [otlp], exporters: [otlp_http/recovered]");
        let (relay, port) = start(&setup).await;
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        for id in 0..20 {
            client.deliver(&lean_spans("app", id..id + 1)).await;
        }
        relay.wait_for_line(&["connection_refused", "otlp_http/recovered"]).await;
        recovered.run();
        recovered.wait_for_items(20).await;
        healthy.wait_for_items(20).await;
        let sent = |metrics: &crate::support::scrape::Metrics| {
            metrics.sum("otelcol_exporter_sent_spans", &[("exporter", "otlp_http/recovered")]) == Some(20.0)
        };
        relay.wait_for_metrics("the recovered exporter sends everything", sent).await;
        relay.wait_for_line(&["export recovered"]).await;
        Scene { relay, port, _backends: [healthy, failing, recovered] }
    }

    /// `/api/status`
    pub(crate) async fn status(&self) -> Value {
        status(self.port).await
    }
}

/// `/api/status` of the relay whose zpages are at `port`.
pub(crate) async fn status(port: u16) -> Value {
    let answer = client::get(port, "/api/status").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(&answer.text()).expect("JSON")
}

/// Waits until `find` finds something in the status.
pub(crate) async fn wait_for<T>(port: u16, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
    let find = &find;
    eventually(what, || async move { find(&status(port).await) }).await
}

/// The member of the list `name` whose `key` is `value`.
pub(crate) fn member<'a>(of: &'a Value, name: &str, key: &str, value: &str) -> &'a Value {
    let found = of[name].as_array().into_iter().flatten().find(|member| member[key] == value);
    found.unwrap_or_else(|| panic!("no {value} among {name} of {of:#}"))
}
