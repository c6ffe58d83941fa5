//! Who takes a payload out of the process.

pub mod otlp;
