//! What cannot be shown or served is told.

use crate::metrics::{CUMULATIVE, counter, gauge, request};
use crate::scraping::scraped_at;
use crate::support::client::{Coding, Wire};
use crate::support::net::free_port;
use crate::support::relay::Relay;

#[tokio::test]
async fn senders_and_the_log_are_told_what_is_not_shown() {
    let relay = Relay::start(&scraped_at(free_port(), ", max_series: 2")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let metrics = vec![gauge("g", &[1.0, 2.0, 3.0]), counter("g", CUMULATIVE, 1, 1)];
    assert_eq!(client.send(&request(metrics)).await.unwrap(), 2);
    relay.wait_for_line(&["prometheus", "there are as many series as max_series allows (2 data points)"]).await;
    assert_eq!(relay.stop().await.lost, 2);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_place() {
    let holder = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let setup = scraped_at(holder.local_addr().unwrap().port(), "");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.yaml");
    std::fs::write(&file, setup.text()).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_otlp-relay")).arg("--config").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success());
    assert!(said.contains("exporters::prometheus::endpoint: cannot listen on 127.0.0.1:"), "{said}");
}
