//! A process that is measured: what it takes of CPU and memory (Linux: `proc(5)`), and what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program under test.
pub const RELAY: &str = env!("CARGO_BIN_EXE_otlp-relay");

/// A running process; killed when it is dropped.
pub struct Process(Child);

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
}

impl Process {
    /// Starts `command`, and waits until its standard error has a line with `words`.
    pub fn start(mut command: Command, words: &str) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start a process");
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        while !said.contains(words) {
            let length = errors.read_line(&mut said).expect("read from a process");
            assert_ne!(length, 0, "{command:?} ends and says:\n{said}");
        }
        // A pipe that nobody reads would stop the process.
        thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Process(child)
    }

    /// What it has taken.
    pub fn taken(&self) -> Taken {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).expect("a process");
        let stat = read("stat");
        // Behind the name, which may have anything in it, `utime` and `stime` are the 12th and 13th field.
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: u64 = [fields[11], fields[12]].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a size");
        Taken { cpu_seconds: ticks as f64 / TICKS, peak_bytes: peak << 10 }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits until somebody listens on `port`.
pub fn wait_for(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {port}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The JSON that the admin address `port` answers to GET.
pub fn ask(port: u16, path: &str) -> Value {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("ask");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    serde_json::from_str(body).expect("JSON")
}

/// For what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `_SC_CLK_TCK`, which is 100 on every Linux.
const TICKS: f64 = 100.0;
