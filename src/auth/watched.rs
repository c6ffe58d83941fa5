//! Texts that stand in files and change while the relay runs: tokens, passwords.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::config::{Secret, TextSource};

/// What was made of a file's text. The file is looked at once in a second at most, when somebody asks; what was made of
/// it before stays in use as long as it cannot be used.
pub(super) struct Watched<T> {
    path: PathBuf,
    parse: Parse<T>,
    state: Mutex<State<T>>,
}

/// Makes something of a file's text, or says what is wrong with it.
type Parse<T> = fn(&str) -> Result<T, String>;

struct State<T> {
    made: Arc<T>,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// When a file was written, and how long it is: a file with another stamp is another text.
type Stamp = (SystemTime, u64);

impl<T> Watched<T> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn load(path: &Path, parse: Parse<T>) -> Result<Watched<T>, String> {
        let stamp = stamp(path);
        let made = Arc::new(read(path, parse)?);
        let state = Mutex::new(State { made, stamp, looked: Instant::now() });
        Ok(Watched { path: path.to_owned(), parse, state })
    }

    /// What is in use now. Reading a small file takes less time than handing it to another thread would.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if LOOK_AGAIN <= state.looked.elapsed() {
            state.looked = Instant::now();
            let stamp = stamp(&self.path);
            if stamp != state.stamp {
                state.stamp = stamp;
                match read(&self.path, self.parse) {
                    Ok(made) => {
                        tracing::info!(file = %self.path.display(), "read the credentials anew");
                        state.made = Arc::new(made);
                    }
                    Err(what) => tracing::warn!(
                        file = %self.path.display(),
                        "the credentials cannot be read anew, those of before stay in use: {what}"
                    ),
                }
            }
        }
        Arc::clone(&state.made)
    }
}

/// A text that stands in the configuration or in a file.
pub(super) enum Text {
    Written(Arc<Secret>),
    File(Watched<Secret>),
}

impl Text {
    /// The text of `source`.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub(super) fn load(source: &TextSource) -> Result<Text, String> {
        match source {
            TextSource::Written(secret) => Ok(Text::Written(Arc::new(secret.clone()))),
            TextSource::File(path) => Watched::load(path, whole).map(Text::File),
        }
    }

    pub(super) fn current(&self) -> Arc<Secret> {
        match self {
            Text::Written(secret) => Arc::clone(secret),
            Text::File(file) => file.current(),
        }
    }
}

/// The whole text, without the line break at its end.
fn whole(text: &str) -> Result<Secret, String> {
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("it is empty".to_owned()),
        text => Ok(Secret::new(text)),
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read<T>(path: &Path, parse: Parse<T>) -> Result<T, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if LARGEST < text.len() as u64 {
        return Err("it is larger than 4 MiB".to_owned());
    }
    parse(&text)
}

const LOOK_AGAIN: Duration = Duration::from_secs(1);

const LARGEST: u64 = 4 << 20;
