//! OTLP/JSON in and out: how the JSON of a request becomes protobuf's wire format, and the other way round.
//!
//! Both ways are driven by the tables of the schema, and go from text to bytes without any structs in between (OTLP
//! specification, "JSON Protobuf Encoding"). Read is what the Collector reads: besides the specification's form that are
//! the names of the `.proto` files, names of enumeration values, numbers as strings, and null. Written is what the
//! Collector writes. JSON has no place for fields that the schema does not know: they are ignored in what is read, and
//! left out of what is written.

mod encode;
mod fault;
mod name;
mod number;
mod output;
mod print;
mod read;
mod text;

use bytes::Bytes;

pub use fault::{JsonError, MalformedJson};

use super::Payload;
use super::schema::MessageType;
use crate::signal::Signal;
use crate::units::ByteCount;

impl Payload {
    /// Reads the OTLP/JSON of one request. What follows its object is not looked at, as in the Collector.
    ///
    /// # Errors
    ///
    /// When `json` is not a request of `signal`, in whatever depth.
    pub fn from_json(signal: Signal, json: &[u8]) -> Result<Payload, JsonError> {
        Payload::from_json_within(signal, json, &mut |_| true)
    }

    /// Reads like [`Payload::from_json`], and asks `grant` before each allocation whether so many bytes more may be
    /// held. It asks for eight times the length of `json` at most, commonly for less than once.
    ///
    /// # Errors
    ///
    /// When `json` is not a request of `signal`, or `grant` refuses.
    pub fn from_json_within(
        signal: Signal,
        json: &[u8],
        grant: &mut dyn FnMut(ByteCount) -> bool,
    ) -> Result<Payload, JsonError> {
        let wire = read::read(signal, json, grant)?;
        Payload::parse(signal, wire).map_err(|malformed| MalformedJson::of_wire(&malformed).into())
    }

    /// It as OTLP/JSON, on one line. Unknown fields are left out.
    pub fn to_json(&self) -> Bytes {
        encode::encode(MessageType::request(self.signal()), &self.to_bytes()).into()
    }
}
