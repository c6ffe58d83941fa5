//! Does the page work in a real browser: live, under its own policy, and without running what backends say?

use std::process::Command;

use crate::facts::evil_backend;
use crate::scene::{Scene, start, wait_for};
use crate::support::cli::{Finished, Process};
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::setup::Setup;

/// The page as it is after some seconds of its script, and what the browser had to say.
async fn look(program: &str, port: u16) -> Finished {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-background-networking", "--no-proxy-server", "--disable-extensions"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=7000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.env("HOME", profile.path()).arg(format!("http://127.0.0.1:{port}/"));
    Process::spawn("chromium", command).finish_within(std::time::Duration::from_secs(90)).await
}

/// The browser; none where there is none: then the test has nothing to say.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter();
    found.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok_and(|run| run.status.success()))
}

#[track_caller]
fn check_policy_holds(seen: &Finished) {
    let complaints: Vec<&str> = seen.stderr.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test]
async fn the_browser_shows_live_what_the_metrics_say() {
    let Some(program) = browser() else { return };
    let scene = Scene::set().await;
    // The browser's clock runs ahead of the relay's: the looks that its rates are made of are ours.
    let rate = |status: &serde_json::Value| status["exporters"][0]["flows"][0]["per_second"].as_f64();
    wait_for(scene.port, "two looks", rate).await;
    let seen = look(program, scene.port).await;
    check_policy_holds(&seen);
    let dom = &seen.stdout;
    assert!(dom.contains("Live."), "the script runs: {dom}");
    assert!(dom.contains("0/s"), "there are rates after two looks: {dom}");
    assert!(dom.contains("1 of 3 exporters is failing"), "{dom}");
    let metrics = scene.relay.metrics().await;
    for exporter in ["otlp_grpc/healthy", "otlp_http/recovered", "otlp_grpc/failing"] {
        let sent = metrics.value("otelcol_exporter_sent_spans", &[("exporter", exporter)]);
        let card = dom.split("<h3>").find(|card| card.starts_with(exporter)).expect(exporter);
        assert!(card.contains(&format!("data-head=\"Sent\">{sent}</td>")), "{exporter}: {card}");
    }
    scene.relay.signal("KILL");
}

#[tokio::test]
async fn the_browser_runs_nothing_of_what_a_backend_says() {
    let Some(program) = browser() else { return };
    let setup = Setup::new()
        .export_to("otlp_http", Wire::Http, evil_backend().await, "")
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_http]");
    let (relay, port) = start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    wait_for(port, "an event", |status| status["events"].as_array().filter(|events| !events.is_empty()).map(drop))
        .await;
    let seen = look(program, port).await;
    check_policy_holds(&seen);
    assert!(!seen.stdout.contains("<title>pwned"), "{}", seen.stdout);
    assert!(seen.stdout.contains("&lt;script&gt;document.title"), "{}", seen.stdout);
    relay.signal("KILL");
}
