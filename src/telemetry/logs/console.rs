//! A log event as one line for a person: time, level, message, `key=value`.

use std::fmt;
use std::io::{self, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::telemetry::clock::Moment;

use super::{MESSAGE, Paint, Visitor, colour};

pub(super) fn write(out: &mut impl Write, now: Moment, event: &Event<'_>, paint: Paint) -> io::Result<()> {
    let level = *event.metadata().level();
    match paint {
        Paint::Plain => write!(out, "{now} {level}")?,
        Paint::Ansi => write!(out, "{now} {}{level}\x1b[0m", colour(level))?,
    }
    let mut message = Message(Visitor::new(&mut *out));
    event.record(&mut message);
    message.0.result?;
    let mut fields = Fields(Visitor::new(&mut *out));
    event.record(&mut fields);
    fields.0.result?;
    out.write_all(b"\n")
}

/// Writes the message and nothing else, wherever it stands among the fields.
struct Message<W>(Visitor<W>);

impl<W: Write> Visit for Message<W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.0.then(|out| {
                out.write_all(b" ")?;
                write!(harmless(out), "{value:?}")
            });
        }
    }
}

/// Writes all fields but the message.
struct Fields<W>(Visitor<W>);

impl<W: Write> Fields<W> {
    fn pair(&mut self, field: &Field, value: &str) {
        if field.name() != MESSAGE {
            self.0.then(|out| {
                write!(out, " {}=", field.name())?;
                if is_bare(value) { out.write_all(value.as_bytes()) } else { quote(out, value) }
            });
        }
    }
}

impl<W: Write> Visit for Fields<W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != MESSAGE {
            self.pair(field, &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.pair(field, value);
    }
}

fn is_bare(value: &str) -> bool {
    !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=')
}

fn quote(out: &mut impl Write, value: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    Harmless { out: &mut *out, passes: |c| !c.is_control() && c != '"' }.write_all(value.as_bytes())?;
    out.write_all(b"\"")
}

/// A way to `out` for texts of several lines, like those of the debug exporter, from which no control character passes.
pub fn harmless<W: Write>(out: W) -> impl Write {
    Harmless { out, passes: |c| !c.is_control() || c == '\n' || c == '\t' }
}

/// Writes what does not pass as escapes: what peers and senders say must not steer a person's terminal.
struct Harmless<W> {
    out: W,
    passes: fn(char) -> bool,
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut rest = &*text;
        while let Some(at) = rest.find(|c: char| !(self.passes)(c)) {
            let (before, behind) = rest.split_at(at);
            self.out.write_all(before.as_bytes())?;
            let mut characters = behind.chars();
            if let Some(unwanted) = characters.next() {
                write!(self.out, "{}", unwanted.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.out.write_all(rest.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
