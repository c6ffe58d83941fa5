//! Connections that reach their age: clients connect anew, and no request fails of it.

use std::time::{Duration, Instant};

use otlp_relay::transport::server::{Age, Limits};
use tokio::net::TcpStream;

use crate::support::{Rig, export, http2};

#[tokio::test]
async fn clients_are_asked_to_connect_anew_without_a_failed_request() {
    let age = Age { most: Duration::from_millis(100), grace: None };
    let rig = Rig::with_limits(Limits { age: Some(age), ..Limits::default() }).await;
    let (mut connections, mut sent) = (0, 0);
    let began = Instant::now();
    while connections < 5 {
        assert!(began.elapsed() < Duration::from_secs(20), "{connections} connections");
        let mut client = http2(TcpStream::connect(rig.address).await.unwrap()).await;
        connections += 1;
        // A client that was told to go sends no new request here: `is_ready` is its own knowledge of that.
        while client.ready().await.is_ok() {
            match export(&mut client).await {
                Ok(status) => assert_eq!(status, "0"),
                Err(error) => {
                    assert!(error.is_canceled(), "a request that the relay had in hand failed: {error:?}");
                    break;
                }
            }
            sent += 1;
        }
    }
    assert_eq!(rig.taken(), sent);
    assert!(5 < sent, "{sent}");
}

#[tokio::test]
async fn an_idle_client_is_let_go_when_it_is_told() {
    let limits = Limits { idle: Duration::from_millis(100), ..Limits::default() };
    let rig = Rig::with_limits(limits).await;
    let client = http2(TcpStream::connect(rig.address).await.unwrap()).await;
    let gone = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}
