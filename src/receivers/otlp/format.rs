//! In which of OTLP/HTTP's two formats is a request written, and hence its answer?

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::failure::Failure;
use crate::payload::{JsonError, Payload};
use crate::signal::Signal;
use crate::units::ByteCount;

use super::refusal::malformed;

/// A format of requests and answers (OTLP specification, "OTLP/HTTP").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// The format of a request with these headers: of its content type, whatever its case and parameters.
    /// A parameter that is none makes the whole no media type, as in the Collector.
    pub(super) fn of(headers: &HeaderMap) -> Option<Format> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let mut parts = value.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        if parts.any(|parameter| !parameter.is_empty() && !parameter.contains('=')) {
            return None;
        }
        [Format::Protobuf, Format::Json].into_iter().find(|format| format.name().eq_ignore_ascii_case(media_type))
    }

    /// The content type.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        }
    }

    /// Reads a request of `signal`; what JSON becomes is asked of `grant` first.
    pub(super) fn parse(
        self,
        signal: Signal,
        body: Bytes,
        grant: &mut dyn FnMut(ByteCount) -> bool,
        no_room: impl Fn() -> Failure,
    ) -> Result<Payload, Failure> {
        match self {
            Format::Protobuf => Payload::parse(signal, body).map_err(|error| malformed(error.to_string())),
            Format::Json => Payload::from_json_within(signal, &body, grant).map_err(|error| match error {
                JsonError::Malformed(error) => malformed(error.to_string()),
                JsonError::NoRoom => no_room(),
            }),
        }
    }
}
