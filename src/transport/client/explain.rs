//! Why an exchange over an open connection failed: what the peer showed first, then the types of the errors.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use h2::Reason;

use super::frames::{DEBUG_LEN, GoAway};
use super::obstacle::Obstacle;
use super::tap::{Evidence, FIRST_LEN};
use crate::failure::{Class, Phase};

/// What we spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// HTTP/1.1
    Http1,
    /// HTTP/2
    Http2,
}

/// Which protocol someone speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1
    Http1,
    /// HTTP/2 from the first byte
    Http2,
    /// TLS
    Tls,
    /// None of these
    Other,
}

impl Speaks {
    /// Recognises a protocol by the first bytes of its server; nothing when there are none.
    pub(super) fn recognise(first: &[u8]) -> Option<Speaks> {
        match first {
            [] => None,
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Speaks::Http1),
            // An alert or a handshake record.
            [0x15 | 0x16, 0x03, ..] => Some(Speaks::Tls),
            // SETTINGS (RFC 9113, section 3.4), or GOAWAY from those who skip it; short, so the length has two leading zeros.
            [0, 0, _, 4 | 7, ..] => Some(Speaks::Http2),
            _ => Some(Speaks::Other),
        }
    }
}

/// The obstacle that `error` and what was seen of the peer stand for.
pub(super) fn explain(error: &hyper::Error, evidence: &Evidence, wire: Wire) -> Obstacle {
    if let Some(obstacle) = mixed_up(evidence, wire) {
        return obstacle;
    }
    let h2 = find::<h2::Error>(error);
    if is_stream_reset(error) {
        return reset_by(h2.and_then(h2::Error::reason).unwrap_or(Reason::NO_ERROR));
    }
    if let Some(goaway) = &evidence.goaway {
        return going_away(goaway);
    }
    if error.is_timeout() {
        return Obstacle::new(Class::KeepaliveTimeout, "the peer did not answer a keepalive ping");
    }
    if error.is_parse_too_large() {
        return Obstacle::new(Class::ResponseTooLarge, "the head of the answer is larger than any OTLP answer's");
    }
    if error.is_parse() || h2.is_some_and(h2::Error::is_library) {
        let text = format!("the peer breaks the rules of {}", name(wire));
        return Obstacle::new(Class::ProtocolMismatch, text).because(Words(error.to_string()));
    }
    let kind = evidence.read_error.or_else(|| find::<io::Error>(error).map(io::Error::kind));
    ended(kind)
}

/// The obstacle when the peer speaks another protocol than we did, as its first bytes show.
fn mixed_up(evidence: &Evidence, wire: Wire) -> Option<Obstacle> {
    let speaks = Speaks::recognise(&evidence.first)?;
    if speaks == Speaks::Other {
        let (first, service) = (quoted(&evidence.first, FIRST_LEN), service(&evidence.first));
        let text = format!("the peer speaks neither HTTP nor TLS; it begins with {first}{service}");
        return Some(Obstacle::new(Class::ProtocolMismatch, text).in_phase(Phase::Http2));
    }
    mismatch(wire, speaks)
}

/// Which service begins so, as far as its protocol says.
fn service(first: &[u8]) -> String {
    let known = match first {
        // RFC 4253, section 4.2.
        [b'S', b'S', b'H', b'-', ..] => "an SSH server",
        // RFC 5321, section 4.2, and RFC 959, section 5.4.
        [b'2', b'2', b'0', b' ' | b'-', ..] => "a mail or FTP server",
        [b'-', b'E', b'R', b'R', ..] => "Redis or one that speaks as it does",
        [b'A', b'M', b'Q', b'P', ..] => "a message broker (AMQP)",
        // The length of the first packet, its number, and version 10 of the protocol.
        [_, 0, 0, 0, 10, ..] => "a MySQL or MariaDB server",
        // ErrorResponse: its length, and the first field, the severity.
        [b'E', 0, 0, _, _, b'S', ..] => "a PostgreSQL server",
        _ => return String::new(),
    };
    format!(": that is {known}")
}

/// The obstacle of speaking `wire` to someone who speaks something else.
pub(super) fn mismatch(wire: Wire, speaks: Speaks) -> Option<Obstacle> {
    match (wire, speaks) {
        (_, Speaks::Tls) => {
            let text =
                "the port speaks TLS, and the exporter sent plaintext: tls::insecure is true, or the scheme is http";
            Some(Obstacle::new(Class::PlaintextToTlsPort, text))
        }
        (Wire::Http2, Speaks::Http1) => {
            let text =
                "the port answers HTTP/1.1, not gRPC: it looks like a port for otlp_http (otlphttp, usually 4318)";
            Some(Obstacle::new(Class::GrpcToHttp1Port, text))
        }
        (Wire::Http1, Speaks::Http2) => {
            let text =
                "the port speaks HTTP/2 from the first byte, as gRPC does; otlp_http (otlphttp) usually goes to 4318";
            Some(Obstacle::new(Class::Http1ToGrpcPort, text))
        }
        _ => None,
    }
}

fn reset_by(reason: Reason) -> Obstacle {
    let class = match reason {
        Reason::REFUSED_STREAM => Class::Http2RefusedStream,
        Reason::ENHANCE_YOUR_CALM => Class::Http2EnhanceYourCalm,
        Reason::HTTP_1_1_REQUIRED => Class::Http2Http11Required,
        _ => Class::Http2StreamReset,
    };
    Obstacle::new(class, format!("the peer reset the stream: {}", shown(reason)))
}

fn going_away(goaway: &GoAway) -> Obstacle {
    let reason = Reason::from(goaway.code);
    let debug = goaway.debug.as_slice();
    let class = match reason {
        // The words of grpc-go and grpc-core (gRFC A8), and of h2.
        Reason::ENHANCE_YOUR_CALM if debug.is_empty() || debug == b"too_many_pings" => Class::Http2TooManyPings,
        Reason::ENHANCE_YOUR_CALM if debug.starts_with(b"header_list") => Class::RequestHeadersTooLarge,
        Reason::ENHANCE_YOUR_CALM => Class::Http2EnhanceYourCalm,
        Reason::HTTP_1_1_REQUIRED => Class::Http2Http11Required,
        _ => Class::Http2Goaway,
    };
    let mut text = format!("the peer closed the connection (GOAWAY {}", shown(reason));
    if !debug.is_empty() {
        text.push_str(&format!(", {}", quoted(debug, DEBUG_LEN)));
    }
    text.push(')');
    Obstacle::new(class, text)
}

/// What a peer said, of which no more than `most` bytes were kept. The mark of a cut tells whoever masks secrets where to
/// look for the beginning of one.
fn quoted(said: &[u8], most: usize) -> String {
    let cut = if said.len() < most { "" } else { "…" };
    format!("\"{}{cut}\"", said.escape_ascii())
}

fn ended(kind: Option<ErrorKind>) -> Obstacle {
    let (class, text) = match kind {
        Some(ErrorKind::TimedOut) => (Class::ConnectionLost, "the peer did not acknowledge anything any more"),
        Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => {
            (Class::ConnectionReset, "the peer reset the connection before it answered")
        }
        // A chunk without a length, for one.
        Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
            (Class::ProtocolMismatch, "the peer breaks the rules of HTTP in its answer")
        }
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            (Class::ConnectionLost, "the way to the peer was lost")
        }
        _ => (Class::ConnectionReset, "the peer closed the connection before it answered"),
    };
    Obstacle::new(class, text)
}

/// Whether the peer reset this one stream.
pub(super) fn is_stream_reset(error: &hyper::Error) -> bool {
    find::<h2::Error>(error).is_some_and(|h2| h2.is_reset() && h2.is_remote())
}

/// Whether the peer certainly did not look at the request, so that it may go elsewhere at once.
pub(super) fn is_unprocessed(error: &hyper::Error) -> bool {
    // h2 fails with the GOAWAY exactly the streams beyond its last one (RFC 9113, section 6.8).
    find::<h2::Error>(error).is_some_and(|h2| {
        h2.is_remote()
            && match h2.reason() {
                Some(Reason::NO_ERROR) => h2.is_go_away(),
                Some(Reason::REFUSED_STREAM) => h2.is_reset(),
                _ => false,
            }
    })
}

fn find<'a, E: StdError + 'static>(error: &'a hyper::Error) -> Option<&'a E> {
    let mut next: Option<&'a (dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::Http1 => "HTTP/1.1",
        Wire::Http2 => "HTTP/2",
    }
}

fn shown(reason: Reason) -> String {
    // The Debug form is the name in the specification.
    format!("{reason:?}")
}

/// An error of which only the words are kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Words(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_recognised_by_their_first_bytes() {
        assert_eq!(Speaks::recognise(b""), None);
        assert_eq!(Speaks::recognise(b"HTTP/1.1 400 Bad"), Some(Speaks::Http1));
        assert_eq!(Speaks::recognise(&[0x15, 3, 3, 0, 2, 2, 50]), Some(Speaks::Tls));
        assert_eq!(Speaks::recognise(&[0, 0, 18, 4, 0, 0, 0, 0, 0]), Some(Speaks::Http2));
        assert_eq!(Speaks::recognise(b"SSH-2.0-OpenSSH"), Some(Speaks::Other));
    }

    #[test]
    fn known_services_are_named_by_their_first_bytes() {
        assert_eq!(service(b"SSH-2.0-OpenSSH_9.6\r\n"), ": that is an SSH server");
        assert_eq!(service(b"J\0\0\0\n8.0.36"), ": that is a MySQL or MariaDB server");
        assert_eq!(service(b"E\0\0\0\x85SFATAL"), ": that is a PostgreSQL server");
        assert_eq!(service(b"-ERR unknown command"), ": that is Redis or one that speaks as it does");
        assert_eq!(service(b"hello"), "");
        assert_eq!(service(b""), "");
    }

    #[test]
    fn a_goaway_is_classified_by_its_code_and_words() {
        let class = |code: Reason, debug: &[u8]| going_away(&GoAway { code: code.into(), debug: debug.to_vec() }).class;
        assert_eq!(class(Reason::NO_ERROR, b"max_age"), Class::Http2Goaway);
        assert_eq!(class(Reason::ENHANCE_YOUR_CALM, b"too_many_pings"), Class::Http2TooManyPings);
        assert_eq!(class(Reason::ENHANCE_YOUR_CALM, b"header_list_way_too_large"), Class::RequestHeadersTooLarge);
        assert_eq!(class(Reason::ENHANCE_YOUR_CALM, b""), Class::Http2TooManyPings);
        assert_eq!(class(Reason::ENHANCE_YOUR_CALM, b"rate"), Class::Http2EnhanceYourCalm);
        assert_eq!(class(Reason::HTTP_1_1_REQUIRED, b""), Class::Http2Http11Required);
        let cause = going_away(&GoAway { code: 0, debug: b"max_age".to_vec() }).into_failure().cause();
        assert_eq!(cause, "the peer closed the connection (GOAWAY NO_ERROR, \"max_age\")");
    }

    #[test]
    fn resets_are_classified_by_their_reason() {
        assert_eq!(reset_by(Reason::REFUSED_STREAM).class, Class::Http2RefusedStream);
        assert_eq!(reset_by(Reason::INTERNAL_ERROR).class, Class::Http2StreamReset);
    }
}
