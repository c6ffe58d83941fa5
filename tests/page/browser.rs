//! Does the page work in a real browser: live, under its own policy, and without running what backends say?

use std::path::Path;

use serde_json::json;

use crate::devtools::Tab;
use crate::facts::evil_backend;
use crate::scene::{Scene, start, wait_for};
use crate::support::PATIENCE;
use crate::support::chromium::Chromium;
use crate::support::cli::Finished;
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::setup::Setup;

/// The page as it is after some seconds of its script, and what the browser had to say.
async fn look(program: &Path, port: u16) -> Finished {
    let switches = ["--virtual-time-budget=7000", "--dump-dom"];
    open(program, &switches, port).finish_within(std::time::Duration::from_secs(90)).await
}

/// A browser with the page, which says what the page complains of.
fn open(program: &Path, switches: &[&str], port: u16) -> Chromium {
    let switches: Vec<&str> = ["--enable-logging=stderr"].iter().chain(switches).copied().collect();
    Chromium::open_with(program, &switches, &format!("http://127.0.0.1:{port}/"))
}

#[track_caller]
fn check_policy_holds(seen: &Finished) {
    let complaints: Vec<&str> = seen.stderr.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test]
async fn the_browser_shows_live_what_the_metrics_say() {
    let Some(program) = Chromium::installed() else { return };
    let scene = Scene::set().await;
    // The browser's clock runs ahead of the relay's: the looks that its rates are made of are ours.
    let rate = |status: &serde_json::Value| status["exporters"][0]["flows"][0]["per_second"].as_f64();
    wait_for(scene.port, "two looks", rate).await;
    let seen = look(&program, scene.port).await;
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
    let Some(program) = Chromium::installed() else { return };
    let setup = Setup::new()
        .export_to("otlp_http", Wire::Http, evil_backend().await, "")
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_http]");
    let (relay, port) = start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    wait_for(port, "an event", |status| status["events"].as_array().filter(|events| !events.is_empty()).map(drop))
        .await;
    let seen = look(&program, port).await;
    check_policy_holds(&seen);
    assert!(!seen.stdout.contains("<title>pwned"), "{}", seen.stdout);
    assert!(seen.stdout.contains("&lt;script&gt;document.title"), "{}", seen.stdout);
    relay.signal("KILL");
}

#[tokio::test]
async fn the_page_is_live_and_fits_a_phone() {
    let Some(program) = Chromium::installed() else { return };
    let scene = Scene::set().await;
    let mut browser = open(&program, &["--remote-debugging-port=0"], scene.port);
    let mut tab = Tab::of(browser.process()).await;
    let sent = "[...document.querySelectorAll('#exporters li')]\
        .find(card => card.querySelector('h3')?.textContent.startsWith('otlp_grpc/healthy'))\
        ?.querySelector('td[data-head=Sent]')";
    // The page may still be on its way.
    let deadline = std::time::Instant::now() + PATIENCE;
    while tab.evaluate(&format!("{sent}?.textContent ?? ''")).await != "20" {
        assert!(std::time::Instant::now() < deadline, "the page does not show what was sent");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tab.evaluate(&format!("Object.assign({sent}, {{mark: 'same'}}); 0")).await;
    scene.relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 20..25)).await;
    while tab.evaluate(&format!("{sent}.textContent")).await != "25" {
        assert!(std::time::Instant::now() < deadline, "the page does not follow");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(tab.evaluate(&format!("{sent}.mark")).await, "same", "only the text has changed");

    for width in [1280, 800, 360] {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        tab.call("Emulation.setDeviceMetricsOverride", size).await;
        let overflow =
            tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "nothing is wider than a window of {width}");
    }
    let log = browser.process().log();
    assert!(!log.iter().any(|line| line.contains("CONSOLE")), "{log:?}");
    scene.relay.signal("KILL");
}
