//! Names that cannot be resolved, with a resolver of the test's own: it needs root, for a name space of mounts.

use std::fs;
use std::io::Write;
use std::process::Command;

use tokio::net::UdpSocket;

use crate::support::relay::Relay;
use crate::support::setup::QUICK_RETRY;
use crate::trial::{Again, Expected, RUNS, check_once, exporting};

/// What DNS answers: the four bits of RFC 1035, section 4.1.1.
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const PORT: u16 = 53;

/// A name server at `address` that has one answer for every question, or none at all.
async fn serve(address: &str, code: Option<u8>) -> Option<()> {
    let socket = UdpSocket::bind((address, PORT)).await.ok()?;
    tokio::spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut question).await {
            let Some(code) = code else { continue };
            let mut answer = question[..length].to_vec();
            // An answer, with recursion, and nothing in it but the question.
            if let Some(head) = answer.get_mut(2..12) {
                head.copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0]);
            }
            let mut end = 12;
            while answer.get(end).is_some_and(|length| *length != 0) {
                end += usize::from(answer[end]) + 1;
            }
            answer.truncate(end + 5);
            let _ = socket.send_to(&answer, peer).await;
        }
    });
    Some(())
}

fn may_mount() -> bool {
    let tried =
        Command::new("unshare").args(["--mount", "mount", "--bind", "/etc/hostname", "/etc/resolv.conf"]).status();
    tried.is_ok_and(|status| status.success())
}

async fn check_name(address: &str, code: Option<u8>, name: &str, expected: &Expected<'_>) {
    if !may_mount() || serve(address, code).await.is_none() {
        let why = format!("skipped: a resolver of its own needs root, unshare(1) and the port {PORT} of {address}\n");
        let _ = std::io::stderr().write_all(why.as_bytes());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("resolv.conf");
    fs::write(&file, format!("nameserver {address}\n")).unwrap();
    for _ in 0..RUNS {
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["--mount", "--", "sh", "-c", script]).arg(&file).arg(env!("CARGO_BIN_EXE_otlp-relay"));
        let endpoint =
            format!("endpoint: 'http://{name}:4317', timeout: 500ms, tls: {{insecure: true}}, {QUICK_RETRY}");
        let relay = Relay::start_by(&exporting("otlp_grpc", &endpoint), command).await;
        check_once(relay, expected).await;
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let expected = Expected {
        class: "dns_not_found",
        phase: "resolve",
        retry: Again::Yes,
        words: &["nosuch.example.test", "resolve", "DNS", "nameserver 127.77.0.3"],
        never: &["connection refused"],
    };
    check_name("127.77.0.3", Some(NXDOMAIN), "nosuch.example.test", &expected).await;
}

#[tokio::test]
async fn a_resolver_that_fails() {
    let expected = Expected {
        class: "dns_temporary_failure",
        phase: "resolve",
        retry: Again::Yes,
        words: &["servfail.example.test", "temporary", "DNS server", "nameserver 127.77.0.2"],
        never: &["does not exist"],
    };
    check_name("127.77.0.2", Some(SERVFAIL), "servfail.example.test", &expected).await;
}

#[tokio::test]
async fn a_resolver_that_never_answers() {
    let expected = Expected {
        class: "dns_timeout",
        phase: "resolve",
        retry: Again::Yes,
        words: &["silent.example.test", "DNS gave no answer", "500ms", "nameserver 127.77.0.1"],
        never: &["does not exist"],
    };
    check_name("127.77.0.1", None, "silent.example.test", &expected).await;
}
