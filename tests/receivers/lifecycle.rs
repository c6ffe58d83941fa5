//! Shutdown: what is in hand is answered, what is idle is let go.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use otlp_relay::flow::Drained;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{Rig, framed, http1_request, read_http1, traces, until};

fn request() -> Vec<u8> {
    let body = traces(1, 4);
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
    http1_request(&head, &body)
}

/// Holds back the pipeline's answers until one permit is added for each.
fn hold_back(rig: &Rig) {
    rig.pipeline.gate.forget_permits(usize::MAX);
}

#[tokio::test]
async fn requests_in_hand_are_answered_and_new_ones_are_not_taken() {
    let rig = Rig::start().await;
    hold_back(&rig);
    let mut http = rig.connect().await;
    http.write_all(&request()).await.unwrap();
    let grpc = rig.call(&[], framed(0, &traces(1, 4)));
    let shutdown = async {
        until("both are in hand", || rig.pipeline.waiting.load(Ordering::SeqCst) == 2).await;
        let drain = rig.lifetime.drain(Duration::from_secs(20));
        let release = async {
            until("the intake has ended", || rig.lifetime.is_draining()).await;
            rig.pipeline.gate.add_permits(3);
        };
        tokio::join!(drain, release).0
    };
    let (got, drained) = tokio::join!(grpc, shutdown);
    assert_eq!(got.grpc().code(), Code::Ok);
    assert_eq!(read_http1(&mut http).await.status, 200);
    assert_eq!(http.read(&mut [0]).await.unwrap(), 0, "the connection is closed behind its answer");
    assert_eq!(drained, Drained::Clean);
    // The listener is still there, but nobody accepts.
    let mut late = rig.connect().await;
    late.write_all(&request()).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(50), late.read(&mut [0])).await;
    assert!(answer.is_err() && rig.pipeline.taken().len() == 2, "{answer:?}");
}

#[tokio::test]
async fn idle_and_half_sent_connections_do_not_hold_up_a_shutdown() {
    let rig = Rig::start().await;
    let mut idle = rig.connect().await;
    idle.write_all(&request()).await.unwrap();
    read_http1(&mut idle).await;
    let _silent = rig.connect().await;
    let mut half: TcpStream = rig.connect().await;
    half.write_all(b"POST /v1/traces HTT").await.unwrap();
    let mut preface: TcpStream = rig.connect().await;
    preface.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let began = Instant::now();
    assert_eq!(rig.lifetime.drain(Duration::from_secs(20)).await, Drained::Clean);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_abort_ends_even_requests_in_hand() {
    let rig = Rig::start().await;
    hold_back(&rig);
    let mut http = rig.connect().await;
    http.write_all(&request()).await.unwrap();
    until("it is in hand", || rig.pipeline.waiting.load(Ordering::SeqCst) == 1).await;
    assert_eq!(rig.lifetime.drain(Duration::from_millis(50)).await, Drained::Abandoned);
    assert_eq!(http.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(rig.pipeline.taken().is_empty());
    until("its memory is given back", || rig.budget.used().0 == 0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_along() {
    let rig = Rig::start().await;
    hold_back(&rig);
    let mut http = rig.connect().await;
    http.write_all(&request()).await.unwrap();
    until("it is in hand", || rig.pipeline.waiting.load(Ordering::SeqCst) == 1).await;
    drop(http);
    until("its memory is given back", || rig.budget.used().0 == 0).await;
    rig.pipeline.gate.add_permits(1);
    assert!(rig.pipeline.taken().is_empty());
}

#[tokio::test]
async fn a_listener_is_handed_from_one_life_to_the_next() {
    let rig = Rig::start().await;
    let mut old = rig.connect().await;
    old.write_all(&request()).await.unwrap();
    assert_eq!(read_http1(&mut old).await.status, 200);
    let next = rig.serve_again();
    assert_eq!(rig.lifetime.drain(Duration::from_secs(20)).await, Drained::Clean);
    assert_eq!(old.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(rig.post("", &traces(1, 4)).await.status, 200);
    assert_eq!(rig.pipeline.taken().len(), 2);
    assert_eq!(next.drain(Duration::from_secs(20)).await, Drained::Clean);
}

/// In a process of its own, since the other tests need files too.
#[test]
fn running_out_of_files_passes() {
    let test = "lifecycle::connections_wait_until_there_are_files_again";
    let run = format!("ulimit -n 48; exec \"$0\" {test} --exact --ignored");
    let child = std::process::Command::new("sh").arg("-c").arg(run).arg(std::env::current_exe().unwrap()).output();
    let child = child.unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "needs a small limit of open files: see running_out_of_files_passes"]
async fn connections_wait_until_there_are_files_again() {
    let rig = Rig::start().await;
    let mut clients = Vec::new();
    while let Ok(client) = std::net::TcpStream::connect(rig.address) {
        clients.push(client);
    }
    assert!(clients.len() < 48, "the limit is in force");
    tokio::time::sleep(Duration::from_millis(100)).await;
    clients.clear();
    assert_eq!(rig.post("", &traces(1, 4)).await.status, 200);
}
