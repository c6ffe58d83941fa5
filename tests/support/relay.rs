//! How does a test run a relay? As a process, with a configuration of its own, and with its last line taken at its word.

use std::process::Command;
use std::time::Duration;

use super::cli::{Finished, Process};
use super::client::{self, Client, Coding, Wire};
use super::scrape::Metrics;
use super::setup::{Ports, Setup};
use super::{PATIENCE, eventually};

/// The Collector's line, which its users wait for too.
const READY: &str = "Everything is ready. Begin running and processing data.";
/// Its configuration file.
const FILE: &str = "config.yaml";
/// The relay's last line.
const COMPLETE: &str = "Shutdown complete.";
/// The default grace period of 8 s, and what a loaded machine needs beyond it.
const GRACE: Duration = Duration::from_secs(10);

/// A relay that accepts data.
pub struct Relay {
    pub ports: Ports,
    process: Process,
    // Holds the configuration file.
    directory: tempfile::TempDir,
}

/// How a relay ended: the items of its last line, and all that it said.
#[derive(Debug)]
pub struct Ended {
    pub delivered: u64,
    pub kept: u64,
    pub lost: u64,
    pub log: String,
}

impl Relay {
    /// Starts a relay and waits until it is ready.
    pub async fn start(setup: &Setup) -> Relay {
        Relay::start_with(setup, &[]).await
    }

    /// Starts a relay with more in its environment.
    pub async fn start_with(setup: &Setup, environment: &[(&str, &str)]) -> Relay {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join(FILE);
        std::fs::write(&file, setup.text()).expect("write the configuration");
        let process = Process::relay(&["--config", file.to_str().expect("UTF-8")], environment);
        Relay::ready(process, setup.ports, directory).await
    }

    /// Starts a relay by `command`, to which its arguments are added.
    pub async fn start_by(setup: &Setup, mut command: Command) -> Relay {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join(FILE);
        std::fs::write(&file, setup.text()).expect("write the configuration");
        command.arg("--config").arg(&file);
        Relay::ready(Process::spawn("otlp-relay", command), setup.ports, directory).await
    }

    /// Starts a relay with a command line of the test's own, which leads to the ports of `setup`.
    pub async fn start_as(setup: &Setup, arguments: &[&str]) -> Relay {
        let directory = tempfile::tempdir().expect("a directory");
        Relay::ready(Process::relay(arguments, &[]), setup.ports, directory).await
    }

    /// Starts a relay on its embedded default, which listens on the Collector's own ports.
    pub async fn start_on_default(environment: &[(&str, &str)]) -> Relay {
        let directory = tempfile::tempdir().expect("a directory");
        Relay::ready(Process::relay(&[], environment), Ports::DEFAULT, directory).await
    }

    async fn ready(process: Process, ports: Ports, directory: tempfile::TempDir) -> Relay {
        let mut relay = Relay { ports, process, directory };
        let deadline = std::time::Instant::now() + PATIENCE;
        while !relay.log().contains(READY) {
            assert!(!relay.process.has_ended(), "the relay ended instead of getting ready");
            assert!(std::time::Instant::now() < deadline, "the relay does not get ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        relay
    }

    /// A connection to its `otlp` receiver.
    pub async fn client(&self, wire: Wire, coding: Coding) -> Client {
        Client::connect(wire, self.ports.receiver(wire), coding).await
    }

    /// Everything that it has said so far.
    pub fn log(&self) -> String {
        self.process.log().join("\n")
    }

    /// Everything that it has printed on standard output so far.
    pub fn output(&self) -> String {
        self.process.output().join("\n")
    }

    /// Waits until its log has a line with all of `words`; answers the line.
    pub async fn wait_for_line(&self, words: &[&str]) -> String {
        let find = || self.process.log().into_iter().find(|line| words.iter().all(|word| line.contains(word)));
        eventually(&format!("a line with {words:?}"), || async { find() }).await
    }

    /// Its metrics as they are now.
    pub async fn metrics(&self) -> Metrics {
        let answer = client::get(self.ports.metrics, "/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics::parse(&answer.text())
    }

    /// Waits until `reached` holds for its metrics; answers them.
    pub async fn wait_for_metrics(&self, what: &str, reached: impl Fn(&Metrics) -> bool) -> Metrics {
        eventually(what, || async { Some(self.metrics().await).filter(&reached) }).await
    }

    /// Gives it another configuration, and waits for a new line with `words`.
    pub async fn reload(&self, text: &str, words: &str) {
        let count = || self.process.log().iter().filter(|line| line.contains(words)).count();
        let before = count();
        self.rewrite(text);
        self.process.signal("HUP");
        eventually(words, || async { Some(()).filter(|()| before < count()) }).await;
    }

    /// Writes another configuration, and does not tell it.
    pub fn rewrite(&self, text: &str) {
        std::fs::write(self.directory.path().join(FILE), text).expect("write the configuration");
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).expect("a process").count()
    }

    /// How many bytes of memory it has resident, beside its program: no client can make that grow, and the debug build's
    /// is large.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("RssAnon");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// How many it may have open: the soft limit, and the hard one.
    pub fn file_limits(&self) -> (String, String) {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.process.id())).expect("a process");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
        let mut numbers = line.split_whitespace().map(str::to_owned);
        (numbers.next().expect("soft"), numbers.next().expect("hard"))
    }

    /// Sends `signal`, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// SIGKILL: waits until it is gone.
    pub async fn kill(self) {
        self.process.signal("KILL");
        let Finished { code, stderr: log, .. } = self.process.finish_within(GRACE).await;
        assert_eq!(code, None, "it was running until then:\n{log}");
    }

    /// How much memory it has resident, in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") << 10
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGTERM: waits for its end, which must be a good one within the grace period.
    pub async fn stop(self) -> Ended {
        self.process.signal("TERM");
        self.end().await
    }

    /// Waits for the end of a relay that was already told to stop.
    pub async fn end(self) -> Ended {
        let Finished { code, stderr: log, .. } = self.process.finish_within(GRACE).await;
        assert_eq!(code, Some(0), "a clean stop exits with 0:\n{log}");
        let last = log.lines().rev().find(|line| line.contains(COMPLETE));
        let last = last.unwrap_or_else(|| panic!("no last line:\n{log}")).to_owned();
        let field = |name| number(&last, name).unwrap_or_else(|| panic!("no {name} in the last line: {last}"));
        Ended { delivered: field("delivered"), kept: field("kept"), lost: field("lost"), log }
    }

    /// SIGTERM to a relay that must have delivered all that it took in.
    pub async fn stop_without_loss(self) -> Ended {
        let ended = self.stop().await;
        assert_eq!((ended.kept, ended.lost), (0, 0), "{}", ended.log);
        ended
    }
}

/// The number behind `name=` in a log line.
pub fn number(line: &str, name: &str) -> Option<u64> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}
