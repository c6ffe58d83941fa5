//! How does a test run the built program, read what it prints, and be sure that it ends?

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the relay with `arguments` to its end.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    Process::relay(arguments, environment).finish().await
}

/// A running program. It is killed when it is dropped, and prints its log when the test is failing.
pub struct Process {
    name: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts the relay.
    pub fn relay(arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otlp-relay"));
        command.args(arguments).envs(environment.iter().copied());
        Process::spawn("otlp-relay", command)
    }

    /// Starts `command` without what the environment says about OpenTelemetry, unless the command sets it itself.
    pub fn spawn(name: &str, mut command: Command) -> Process {
        let set: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("OTEL_") && !set.contains(&variable) {
                command.env_remove(variable);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = Lines::read(child.stdout.take().expect("piped"));
        let stderr = Lines::read(child.stderr.take().expect("piped"));
        Process { name: name.to_owned(), child, stdout, stderr }
    }

    /// The lines on standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.stderr.lines.lock().unwrap().clone()
    }

    /// The lines on standard output so far.
    pub fn output(&self) -> Vec<String> {
        self.stdout.lines.lock().unwrap().clone()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill").success(), "cannot send {signal} to {}", self.name);
    }

    /// Waits for its end.
    pub async fn finish(self) -> Finished {
        self.finish_within(PATIENCE).await
    }

    /// Waits for its end; fails the test when it takes longer than `limit`.
    pub async fn finish_within(mut self, limit: Duration) -> Finished {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "{} still runs after {limit:?}", self.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        Finished { code: status.code(), stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "--- log of {}\n{}\n---", self.name, self.log().join("\n"));
        }
    }
}

/// Collects lines on a thread, so that the program never blocks on a full pipe.
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn read(source: impl Read + Send + 'static) -> Lines {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Lines { lines, reader: Some(reader) }
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of a pipe");
        }
        self.lines.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }
}
