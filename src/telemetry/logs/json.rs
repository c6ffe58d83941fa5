//! A log event as one JSON object on one line: `ts`, `level`, `msg`, then the fields.

use std::fmt;
use std::io::{self, Write};

use serde_json::{Map, Value};
use tracing::Event;
use tracing::field::{Field, Visit};

use crate::telemetry::clock::Moment;

use super::{MESSAGE, Visitor};

pub(super) fn write(out: &mut impl Write, now: Moment, event: &Event<'_>, suffix: &[u8]) -> io::Result<()> {
    // Zap writes its levels in lower case, and so do the Collector's users search for them.
    let level = event.metadata().level().as_str().to_ascii_lowercase();
    write!(out, "{{\"ts\":\"{now}\",\"level\":\"{level}\"")?;
    let mut object = Object(Visitor::new(&mut *out));
    event.record(&mut object);
    object.0.result?;
    out.write_all(suffix)?;
    out.write_all(b"}\n")
}

/// What `initial` fields and the attributes of `resource` look like behind all others.
pub(super) fn fields(initial: &[(String, Value)], resource: &[(String, Value)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in initial {
        text.push_str(&format!(",{}:{value}", Value::from(key.as_str())));
    }
    if !resource.is_empty() {
        let attributes: Map<String, Value> = resource.iter().cloned().collect();
        text.push_str(&format!(",\"resource\":{}", Value::Object(attributes)));
    }
    text.into_bytes()
}

struct Object<W>(Visitor<W>);

impl<W: Write> Object<W> {
    /// `value` as a JSON string.
    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.0.then(|out| {
            key(out, field)?;
            out.write_all(b"\"")?;
            Escaped { out: &mut *out }.write_fmt(value)?;
            out.write_all(b"\"")
        });
    }

    /// `value` as it is: a number or a truth value.
    fn bare(&mut self, field: &Field, value: &dyn fmt::Display) {
        self.0.then(|out| {
            key(out, field)?;
            write!(out, "{value}")
        });
    }
}

impl<W: Write> Visit for Object<W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.bare(field, &value) } else { self.text(field, format_args!("{value}")) }
    }
}

fn key(out: &mut impl Write, field: &Field) -> io::Result<()> {
    let name = if field.name() == MESSAGE { "msg" } else { field.name() };
    out.write_all(b",\"")?;
    Escaped { out: &mut *out }.write_all(name.as_bytes())?;
    out.write_all(b"\":")
}

/// Writes the inside of a JSON string (RFC 8259, section 7).
struct Escaped<W> {
    out: W,
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // All that needs an escape is ASCII, so multi-byte characters pass whole.
        let mut from = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f {
                continue;
            }
            self.out.write_all(&bytes[from..at])?;
            match byte {
                b'"' => self.out.write_all(b"\\\"")?,
                b'\\' => self.out.write_all(b"\\\\")?,
                b'\n' => self.out.write_all(b"\\n")?,
                b'\t' => self.out.write_all(b"\\t")?,
                other => write!(self.out, "\\u{other:04x}")?,
            }
            from = at + 1;
        }
        self.out.write_all(&bytes[from..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
