//! Where log lines go: standard error, standard output, files; one or several of them.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, StderrLock, StdoutLock, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogOutput;

/// A log file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the log file {path} cannot be opened: {why}")]
pub struct LogFileError {
    path: PathBuf,
    why: io::Error,
}

/// Open outputs. A line goes to each of them whole: whoever writes one holds their locks.
#[derive(Debug)]
pub(super) struct Outputs {
    sinks: Vec<Sink>,
    /// Where it is said once that a line could not be written.
    complaints: Vec<Sink>,
    complained: AtomicBool,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    Stdout,
    File(Mutex<File>),
}

impl Outputs {
    /// Opens `outputs`, files at their end, and `complaints` for what goes wrong with them.
    pub(super) fn open(outputs: &[LogOutput], complaints: &[LogOutput]) -> Result<Outputs, LogFileError> {
        let open = |outputs: &[LogOutput]| outputs.iter().map(Sink::open).collect::<Result<Vec<_>, _>>();
        Ok(Outputs { sinks: open(outputs)?, complaints: open(complaints)?, complained: AtomicBool::new(false) })
    }

    /// Whether all of it is read on a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.sinks.iter().all(|sink| match sink {
            Sink::Stderr => io::stderr().is_terminal(),
            Sink::Stdout => io::stdout().is_terminal(),
            Sink::File(_) => false,
        })
    }

    fn complain(&self, error: &io::Error) {
        if self.complained.swap(true, Ordering::Relaxed) {
            return;
        }
        for sink in &self.complaints {
            // There is nowhere left to complain to.
            let _ = writeln!(sink.lock(), "otlp-relay: the log cannot be written: {error}");
        }
    }
}

impl Sink {
    fn open(output: &LogOutput) -> Result<Sink, LogFileError> {
        match output {
            LogOutput::Stderr => Ok(Sink::Stderr),
            LogOutput::Stdout => Ok(Sink::Stdout),
            LogOutput::File(path) => match OpenOptions::new().append(true).create(true).open(path) {
                Ok(file) => Ok(Sink::File(Mutex::new(file))),
                Err(why) => Err(LogFileError { path: path.clone(), why }),
            },
        }
    }

    fn lock(&self) -> Locked<'_> {
        match self {
            Sink::Stderr => Locked::Stderr(io::stderr().lock()),
            Sink::Stdout => Locked::Stdout(io::stdout().lock()),
            Sink::File(file) => Locked::File(file.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// All outputs, locked for one line.
pub(super) struct Line<'a> {
    outputs: &'a Outputs,
    locked: Vec<Locked<'a>>,
}

enum Locked<'a> {
    Stderr(StderrLock<'a>),
    Stdout(StdoutLock<'a>),
    File(MutexGuard<'a, File>),
}

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { outputs: self, locked: self.sinks.iter().map(Sink::lock).collect() }
    }
}

impl Write for Line<'_> {
    /// Writes to every output; one that fails does not keep the others from the line.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut failed = None;
        for sink in &mut self.locked {
            failed = sink.write_all(bytes).err().or(failed);
        }
        if let Some(error) = failed {
            // Standard error may be both.
            self.locked.clear();
            self.outputs.complain(&error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        for sink in &mut self.locked {
            sink.flush()?;
        }
        Ok(())
    }
}

impl Write for Locked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Locked::Stderr(out) => out.write(bytes),
            Locked::Stdout(out) => out.write(bytes),
            Locked::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Locked::Stderr(out) => out.flush(),
            Locked::Stdout(out) => out.flush(),
            Locked::File(out) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_line_goes_to_every_file_and_a_full_disk_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["one", "two", "complaints"].map(|name| folder.path().join(name));
        let output = |path: &PathBuf| LogOutput::File(path.clone());
        let full = LogOutput::File(PathBuf::from("/dev/full"));
        let outputs = Outputs::open(&[full, output(&files[0]), output(&files[1])], &[output(&files[2])]).unwrap();
        for line in ["first\n", "second\n"] {
            outputs.make_writer().write_all(line.as_bytes()).unwrap();
        }
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&files[0]), read(&files[1])), ("first\nsecond\n".to_owned(), "first\nsecond\n".to_owned()));
        assert_eq!(read(&files[2]).lines().count(), 1);
        let missing = Outputs::open(&[LogOutput::File("/nonexistent/log".into())], &[]).unwrap_err();
        assert!(missing.to_string().starts_with("the log file /nonexistent/log cannot be opened: "));
    }
}
