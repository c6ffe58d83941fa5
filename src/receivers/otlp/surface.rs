//! What clients of OTLP/HTTP see of a receiver beside the answers: its paths, its encodings, its headers.

use std::time::Duration;

use http::header::CONTENT_ENCODING;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response};

use crate::config::{ContentEncodings, HttpSurface, percent};
use crate::failure::{Class, Failure};
use crate::payload::Encoding;
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::transport::codec;
use crate::transport::server::Reply;

use super::cors::Cors;

/// How a receiver meets the clients of OTLP/HTTP.
#[derive(Clone, Debug, Default)]
pub(super) struct Surface {
    /// Paths that replace those of the specification, without percent-encoding.
    paths: Vec<(Signal, Box<str>)>,
    encodings: Encodings,
    cors: Option<Cors>,
    headers: HeaderMap,
    /// How long a client may take over the whole body.
    pub(super) read_timeout: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
enum Encodings {
    #[default]
    All,
    Ignored,
    /// None stands for bodies that are not compressed.
    Only(Vec<Option<Encoding>>),
}

impl Surface {
    pub(super) fn of(config: &HttpSurface) -> Surface {
        let encodings = match &config.encodings {
            ContentEncodings::All => Encodings::All,
            ContentEncodings::Ignored => Encodings::Ignored,
            ContentEncodings::Only(those) => Encodings::Only(those.iter().map(|one| codec::of(*one)).collect()),
        };
        let mut headers = HeaderMap::new();
        for (name, secret) in &config.response_headers {
            // The configuration has checked that it can be one.
            if let Ok(mut value) = HeaderValue::from_str(secret.reveal()) {
                value.set_sensitive(true);
                headers.insert(name.clone(), value);
            }
        }
        Surface {
            paths: config.url_paths.iter().map(|(signal, path)| (*signal, decoded(path))).collect(),
            encodings,
            cors: config.cors.as_ref().map(Cors::of),
            headers,
            read_timeout: config.read_timeout,
        }
    }

    /// The signal that is posted to `path`, as it is sent: a path with needless percent-encoding is the same path (RFC
    /// 3986, section 6.2.2.2).
    pub(super) fn signal(&self, path: &str) -> Option<Signal> {
        let decoded = Some(path).filter(|path| path.contains('%')).and_then(percent::decode);
        let path = decoded.as_deref().unwrap_or(path);
        if let Some((signal, _)) = self.paths.iter().find(|(_, own)| **own == *path) {
            return Some(*signal);
        }
        let signal = Signal::from_http_path(path)?;
        let moved = self.paths.iter().any(|(other, _)| *other == signal);
        (!moved).then_some(signal)
    }

    /// What a body is compressed with.
    pub(super) fn encoding(&self, headers: &HeaderMap) -> Result<Option<Encoding>, Failure> {
        if matches!(self.encodings, Encodings::Ignored) {
            return Ok(None);
        }
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let name = match (values.next(), values.next()) {
            (None, _) => String::new(),
            (Some(value), None) => String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase(),
            (Some(_), Some(_)) => return Err(unsupported("several")),
        };
        let encoding = match name.as_str() {
            "" | "identity" => None,
            name => Some(codec::from_name(Protocol::Http, name).ok_or_else(|| unsupported(name))?),
        };
        match &self.encodings {
            Encodings::Only(those) if !those.contains(&encoding) => Err(unsupported(&name)),
            _ => Ok(encoding),
        }
    }

    /// The answer to a browser that asks what it may do, before it does it.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Response<Reply>> {
        self.cors.as_ref().and_then(|cors| cors.preflight(head))
    }

    /// Gives an answer the headers that every answer has.
    pub(super) fn dress(&self, head: &Parts, response: &mut Response<Reply>) {
        if let Some(cors) = &self.cors {
            cors.allow(head, response.headers_mut());
        }
        for (name, value) in &self.headers {
            // The answer's own ones say what it is.
            response.headers_mut().entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn decoded(path: &str) -> Box<str> {
    percent::decode(path).unwrap_or_else(|| path.to_owned()).into()
}

fn unsupported(encoding: &str) -> Failure {
    Failure::new(Class::UnsupportedEncoding, format!("unsupported Content-Encoding: {encoding}"))
}
