//! What is wrong with bytes that are not the JSON of an OTLP request, and where.

use std::fmt;

use serde_json::error::Category;

use super::name;
use crate::payload::Malformed;
use crate::payload::schema::Field;
use crate::signal::Signal;

/// Why JSON could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not an OTLP request.
    #[error(transparent)]
    Malformed(#[from] MalformedJson),
    /// Whoever grants the memory has no more.
    #[error("no memory is left to read the JSON into")]
    NoRoom,
}

/// Why bytes are not the JSON of an OTLP request: what is wrong, at which character, and in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedJson {
    signal: Signal,
    path: String,
    line: usize,
    column: usize,
    what: String,
}

/// What can be wrong with a value that is well-formed JSON of the right type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    #[error("\"{0}\" is not a number")]
    NoNumber(String),
    #[error("{0} is not a whole number")]
    NotWhole(f64),
    #[error("the number is not within {0} to {1}")]
    OutOfRange(i128, i128),
    #[error("the number is too large for a floating-point number")]
    TooLarge,
    #[error("{enumeration} has no value \"{name}\"")]
    NoSuchName { enumeration: &'static str, name: String },
    #[error("an id of {found} characters, where {wanted} hexadecimal digits or none are allowed")]
    IdLength { found: usize, wanted: usize },
    #[error("an id is written in hexadecimal digits")]
    NotHex,
    #[error("the string is not base64")]
    NotBase64,
    #[error("messages are nested more than 100 levels deep")]
    TooDeep,
    #[error("no memory is left to read the JSON into")]
    NoRoom,
}

/// One step from a message to the value that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Field(&'static Field),
    Element(usize),
}

impl MalformedJson {
    /// `error` came up at the value that `path` leads to in `json`.
    pub(super) fn new(signal: Signal, json: &[u8], path: &[Step], error: &serde_json::Error) -> MalformedJson {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            Category::Eof if json.iter().all(u8::is_ascii_whitespace) => "the body is empty".to_owned(),
            Category::Eof => "the JSON ends early".to_owned(),
            _ => without_position(error),
        };
        MalformedJson { signal, path: show(path), line, column, what }
    }

    /// What was read from the JSON is malformed as protobuf: both ways refuse the same.
    pub(super) fn of_wire(malformed: &Malformed) -> MalformedJson {
        let path = malformed.path().split('.').map(name::camel_of).collect::<Vec<_>>().join(".");
        MalformedJson { signal: malformed.signal, path, line: 1, column: 1, what: malformed.fault.to_string() }
    }

    /// The offending field: `resourceSpans[0].scopeSpans[0].spans[2].traceId`. Empty when it is the request itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line of the uncompressed JSON on which reading ended, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in which reading ended, in bytes, from 1; 0 before the first byte of a line.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl std::error::Error for MalformedJson {}

impl fmt::Display for MalformedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an OTLP/JSON {} request: at line {} column {}", self.signal, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A text of any length as a message may quote it.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MOST_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The parser's words; it puts the position behind them.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn show(path: &[Step]) -> String {
    let mut shown = String::new();
    for step in path {
        match step {
            Step::Field(field) => {
                if !shown.is_empty() {
                    shown.push('.');
                }
                shown.push_str(&name::camel_of(field.name));
            }
            Step::Element(index) => shown.push_str(&format!("[{index}]")),
        }
    }
    shown
}

const MOST_QUOTED: usize = 40;
