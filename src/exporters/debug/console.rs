//! Where the debug exporter writes without the relay's log (`use_internal_logger: false`): lines without time and level.

use std::fmt::{Arguments, Display};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::sync::{Mutex, PoisonError};

use crate::telemetry::harmless;

use super::typed::Summary;

/// Everything that is written to, shared by all signals of an exporter.
pub(super) struct Console(Mutex<Vec<Output>>);

/// Why an output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {path:?}: {error}")]
pub struct OpenProblem {
    /// Its place in `output_paths`.
    pub index: usize,
    path: String,
    error: io::Error,
}

enum Output {
    Stdout,
    Stderr,
    File(File),
}

impl Console {
    /// Opens `paths`: `stdout`, `stderr`, or files, which are written on at their end.
    pub(super) fn open(paths: &[String]) -> Result<Console, OpenProblem> {
        let open = |(index, path): (usize, &String)| {
            Output::open(path).map_err(|error| OpenProblem { index, path: path.clone(), error })
        };
        let outputs = paths.iter().enumerate().map(open).collect::<Result<_, _>>()?;
        Ok(Console(Mutex::new(outputs)))
    }

    /// `Traces`, and how much it is as JSON behind a tab.
    pub(super) fn summary(&self, summary: &Summary) {
        let counts: Vec<String> = summary.counts.iter().map(|(name, count)| format!("\"{name}\": {count}")).collect();
        self.entry(format_args!("{}\t{{{}}}\n", summary.title, counts.join(", ")));
    }

    /// A block of text.
    pub(super) fn block(&self, block: &dyn Display) {
        self.entry(format_args!("{block}\n"));
    }

    /// Writes one entry to every output, with no other in between. What cannot be written is lost: it is a view, and the
    /// Collector does the same.
    fn entry(&self, text: Arguments<'_>) {
        for output in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let _ = match output {
                Output::Stdout => write(io::stdout().lock(), text),
                Output::Stderr => write(io::stderr().lock(), text),
                Output::File(file) => write(file, text),
            };
        }
    }
}

impl Output {
    fn open(path: &str) -> io::Result<Output> {
        match path {
            "stdout" => Ok(Output::Stdout),
            "stderr" => Ok(Output::Stderr),
            path => {
                let path = path.strip_prefix("file://").unwrap_or(path);
                OpenOptions::new().append(true).create(true).open(path).map(Output::File)
            }
        }
    }
}

fn write(out: impl Write, text: Arguments<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    harmless(&mut out).write_fmt(text)?;
    out.flush()
}
