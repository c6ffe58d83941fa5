//! Whether everything arrived: what a sink says is held against what was acknowledged.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::report;
use super::support::backend::{Answer, Backend};
use super::support::net::{free_port, local};

/// The admin address of a sink that has seen so much of the run `three`.
async fn admin(distinct: u64, doubled: u64) -> String {
    let port = free_port();
    let listener = TcpListener::bind(local(port)).await.unwrap();
    let seen =
        json!({"items": distinct + doubled, "distinct": distinct, "doubled": doubled, "missing": 0, "highest": 0});
    let body = json!({"run": "three", "signals": {"traces": seen}}).to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let is_asked = head[..read].starts_with(b"GET /api/runs/three HTTP/1.1\r\n");
            let (status, body) = if is_asked { ("200 OK", body.as_str()) } else { ("400 Bad Request", "") };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://127.0.0.1:{port}")
}

async fn check(distinct: u64, doubled: u64, code: i32, expected: Value) {
    let backend = Backend::start();
    let admin = admin(distinct, doubled).await;
    let arguments = ["--count", "500", "--run", "three", "--verify", &admin, "--verify-timeout", "1s"];
    let report = report(&backend, &arguments, code).await;
    assert_eq!(report["verified"]["clean"], code == 0);
    let found = &report["verified"]["signals"]["traces"];
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&found[key], value, "{report}");
    }
}

#[tokio::test]
async fn what_is_lost_or_doubled_is_found() {
    check(500, 0, 0, json!({"acknowledged": 500, "lost": 0, "doubled": 0, "arrived": 500})).await;
    check(497, 0, 1, json!({"acknowledged": 500, "lost": 3, "doubled": 0})).await;
    check(500, 2, 1, json!({"lost": 0, "doubled": 2})).await;
}

#[tokio::test]
async fn what_was_not_acknowledged_is_not_lost() {
    let backend = Backend::start();
    backend.once(Answer::Unavailable);
    let admin = admin(400, 0).await;
    let arguments = ["--count", "500", "--run", "three", "--verify", &admin, "--verify-timeout", "1s"];
    let report = report(&backend, &arguments, 0).await;
    let found = &report["verified"]["signals"]["traces"];
    assert_eq!((&found["lost"], &found["unacknowledged"]), (&0.into(), &100.into()), "{report}");
}

#[tokio::test]
async fn a_sink_that_cannot_be_asked_is_a_failure() {
    let backend = Backend::start();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let [endpoint, _] = super::aim(&backend, super::Wire::Grpc);
    let finished = super::load(&[&endpoint, "--count", "10", "--verify", &nobody, "--verify-timeout", "300ms"]).await;
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("Error: --verify: ") && finished.stderr.contains("connection_refused"),
        "{finished:?}"
    );
    assert!(finished.stdout.contains("10 accepted of 10 sent"), "{finished:?}");
}
