//! `dump ls` and `dump show`: what was recorded of exports.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::parse_duration;
use crate::tools::{self, Entry, Filter, Source};

use super::complain;

/// `dump`
#[derive(Args, Debug)]
pub(super) struct Dump {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the records in a file or directory, the oldest first.
    Ls(Ls),
    /// Show everything that is known of one record.
    Show(Show),
}

#[derive(Args, Debug)]
struct Ls {
    /// A file of records, or a directory of them.
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// Only failures of this class or family, such as tls_unknown_ca or x509.
    #[arg(long)]
    class: Option<String>,
    /// Only those of this exporter.
    #[arg(long, value_name = "ID")]
    exporter: Option<String>,
    /// Only those that are not older than this, such as 10m.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    since: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Show {
    /// A file of records, or a directory of them.
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// The number that dump ls gives the record; the first unless written.
    #[arg(value_name = "N", conflicts_with = "last")]
    number: Option<usize>,
    /// The newest record.
    #[arg(long)]
    last: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What to print.
pub(super) fn dump(asked: &Dump) -> Result<String, String> {
    match &asked.what {
        What::Ls(asked) => {
            let entries = read(&asked.path, Keep::Heads)?;
            let filter = Filter { class: asked.class.clone(), exporter: asked.exporter.clone(), since: asked.since };
            let listing = if asked.json { tools::listing_json } else { tools::listing };
            Ok(listing(&entries, &filter))
        }
        What::Show(asked) => {
            let entries = read(&asked.path, Keep::Everything)?;
            let wanted = if asked.last { entries.len() } else { asked.number.unwrap_or(1) };
            let entry = wanted.checked_sub(1).and_then(|at| entries.get(at)).ok_or_else(|| {
                format!("{} has {} records; there is no number {wanted}", asked.path.display(), entries.len())
            })?;
            let show = if asked.json { tools::show_json } else { tools::show };
            Ok(show(&entry.record))
        }
    }
}

/// What is needed of each record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Everything,
    /// Without payloads, which may be many times the memory of all the rest.
    Heads,
}

fn read(path: &PathBuf, keep: Keep) -> Result<Vec<Entry>, String> {
    let mut all = Vec::new();
    for file in tools::sources(std::slice::from_ref(path)).map_err(|fault| fault.to_string())? {
        let Source { mut entries, damaged } = tools::entries(&file).map_err(|fault| fault.to_string())?;
        if damaged != 0 {
            complain(&format!("Warning: {} is damaged in {damaged} places; the rest is shown\n", file.display()));
        }
        if keep == Keep::Heads {
            entries.iter_mut().for_each(|entry| entry.record.payload = None);
        }
        all.extend(entries);
    }
    Ok(all)
}
