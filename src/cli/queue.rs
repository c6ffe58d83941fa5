//! `otlp-relay queue`: looks into the directory of durable queues of a relay that does not run, and rescues what is there.

use std::io::{self, BufWriter};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::tools::queue::{Caution, Out, QueueError, export, inspect};

#[derive(Args, Debug)]
pub(super) struct Queue {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what is in each queue: whose it is, how much waits, since when, and what is damaged.
    Inspect(Place),
    /// Write what waits as OTLP/JSON, a line for each request, or as records for `otlp-relay replay`. Nothing is removed.
    Export {
        #[command(flatten)]
        place: Place,
        /// A new file for records; without it, OTLP/JSON goes to the standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
struct Place {
    /// The `directory` of the file_storage extension.
    directory: PathBuf,
    /// Read it although a relay uses it. What the relay does meanwhile may be seen in part.
    #[arg(long)]
    force: bool,
}

impl Place {
    fn caution(&self) -> Caution {
        if self.force { Caution::Forced } else { Caution::Careful }
    }
}

/// Does what was asked for; answers what is to be printed.
pub(super) fn queue(asked: &Queue) -> Result<String, String> {
    match &asked.what {
        What::Inspect(place) => inspect(&place.directory, place.caution()).map_err(|error| error.to_string()),
        What::Export { place, out: None } => {
            let mut out = BufWriter::new(io::stdout().lock());
            match export(&place.directory, Out::Json(&mut out), place.caution()) {
                Err(QueueError::Out(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(String::new()),
                outcome => outcome.map(|_| String::new()).map_err(|error| error.to_string()),
            }
        }
        What::Export { place, out: Some(path) } => {
            let count = export(&place.directory, Out::Records(path), place.caution());
            let count = count.map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(format!("{count} requests written to {}\n", path.display()))
        }
    }
}
