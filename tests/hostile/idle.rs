//! What many clients can do by doing nothing: the files and the memory of their connections.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::range::{Range, setup};
use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::eventually;
use crate::support::net::local;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::wire::{CONTINUATION, HEADERS, call_block, connect_http2, frame, literal, push};

const WANTED: usize = 10_000;

/// Clients in a process of their own, since their files are as many as the relay's.
struct Crowd {
    child: Child,
    connected: usize,
}

impl Crowd {
    /// As many connections to `port` as there can be, at most `count`.
    fn of(count: usize, port: u16) -> Crowd {
        let run = "ulimit -n $(ulimit -H -n); exec \"$0\" idle::crowd --exact --ignored --nocapture";
        let mut command = Command::new("sh");
        command.arg("-c").arg(run).arg(std::env::current_exe().expect("this test"));
        command.env("CROWD_PORT", port.to_string()).env("CROWD_COUNT", count.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a crowd");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let said = lines.map_while(Result::ok).find_map(|line| line.split("connected: ").nth(1).map(str::to_owned));
        Crowd { child, connected: said.expect("the crowd says how many it is").trim().parse().expect("a number") }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "is the crowd of the other tests"]
fn crowd() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let (Some(port), Some(count)) = (number("CROWD_PORT"), number("CROWD_COUNT")) else { return };
    let mut clients = Vec::new();
    for _ in 0..count {
        let connected = std::net::TcpStream::connect_timeout(&local(port as u16), Duration::from_secs(2));
        match connected {
            Ok(client) => clients.push(client),
            Err(_) => break,
        }
    }
    println!("connected: {}", clients.len());
    std::io::stdout().flush().expect("stdout");
    // Until whoever began this ends it.
    std::thread::sleep(Duration::from_secs(600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    let backend = Backend::start();
    let range = Range::of(&setup(&backend), backend).await;
    let before = range.relay.resident_bytes() >> 10;
    let port = range.ports().http;
    let crowd = tokio::task::spawn_blocking(move || Crowd::of(WANTED, port)).await.unwrap();
    range.served_again().await;
    let open = range.relay.open_files();
    let after = range.relay.resident_bytes() >> 10;
    println!(
        "{} connections, {open} files of the relay, {before} KiB before and {after} KiB with them",
        crowd.connected
    );
    // Where the machine gives fewer files, their place is bounded by those, and the rest waits.
    assert!(crowd.connected == WANTED || range.relay.file_limits().1 != "unlimited", "{}", crowd.connected);
    range.check_memory();
    drop(crowd);
    range.close().await;
}

/// A kubelet that gets no answer ends the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_keep_probes_and_scrapes_out() {
    let range = Range::open().await;
    let ports = range.ports();
    let mut idle = Vec::new();
    for _ in 0..200 {
        for port in [ports.health, ports.metrics] {
            idle.extend(crate::wire::connect(port).await);
        }
    }
    for port in [ports.health, ports.metrics] {
        let begun = Instant::now();
        let path = if port == ports.health { "/" } else { "/metrics" };
        assert_eq!(crate::support::client::get(port, path).await.status, 200);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    drop(idle);
    range.close().await;
}

/// The relay has fewer files than there are clients: it says so, goes on with those that it has, and recovers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_files_connections_wait_and_the_cause_is_said() {
    let backend = Backend::start();
    let setup = setup(&backend).receiving("max_connections: 100000");
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -n 64; exec \"$0\" \"$@\"").arg(env!("CARGO_BIN_EXE_otlp-relay"));
    let relay = Relay::start_by(&setup, command).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(tokio::net::TcpStream::connect(local(relay.ports.http)).await.unwrap());
    }
    relay.wait_for_line(&["cannot accept connections", "too_many_open_files", "LimitNOFILE"]).await;
    let used = relay.resident_bytes();
    assert!(used < 128 << 20, "{used}");
    clients.clear();
    eventually("connections to be taken again", || async {
        let mut stream = crate::wire::connect(relay.ports.http).await?;
        let request = crate::wire::post(&["content-length: 0", "connection: close"], b"");
        push(&mut stream, &request, Instant::now() + Duration::from_secs(2)).await;
        let said = crate::wire::read_all(&mut stream, Duration::from_secs(2)).await;
        (crate::wire::statuses(&said) == [200]).then_some(())
    })
    .await;
    assert_eq!(relay.stop().await.lost, 0);
}

/// What is begun and does not come to its end holds memory: it goes when there is none left for data, not after the ten
/// minutes that a connection may be idle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_give_way_when_memory_is_short() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "timeout: 60s")
        .processor("memory_limiter", "check_interval: 100ms, limit_mib: 40, spike_limit_mib: 8");
    let range = Range::of(&setup, backend).await;
    let mut holders = Vec::new();
    let is_short = || range.relay.log().contains(REFUSING);
    while !is_short() && holders.len() < 2000 {
        if let Some(mut stream) = connect_http2(range.ports().grpc, &[]).await {
            push(&mut stream, &head_begun(), Instant::now() + Duration::from_secs(2)).await;
            holders.push(stream);
        }
    }
    println!("{} connections", holders.len());
    range.relay.wait_for_line(&[REFUSING]).await;
    range.relay.wait_for_line(&["Memory usage back within limits. Resuming normal operation."]).await;
    range.served_again().await;
    println!("the honest client was served within {:?}", range.slowest());
    range.close().await;
    drop(holders);
}

/// The end of what the limiter says, whichever of its limits is passed.
const REFUSING: &str = "limit. Refusing data.";

/// The headers of a call, nearly as many as there may be, without their end.
fn head_begun() -> Vec<u8> {
    let block = call_block(&[("x", &"x".repeat(15_000))]);
    let more = literal("y", &"y".repeat(15_000));
    let more = frame(CONTINUATION, 0, 1, &more);
    [frame(HEADERS, 0, 1, &block), more.clone(), more].concat()
}
