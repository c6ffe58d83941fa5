//! Clients that cannot be served because of TLS: why, in a log line of each of them, and without a line for mere probes.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::{AlertDescription, Error, PeerIncompatible};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::OncePer;
use super::tls::Shaken;
use crate::failure::Class;
use crate::transport::Socket;

/// What is said of clients that are turned away: one line of each and class in ten minutes.
pub(super) struct Greeting {
    said: OncePer<(IpAddr, &'static str)>,
}

/// Hears why a client is turned away: its class and the evidence.
pub(super) type Hearing<'a> = &'a (dyn Fn(Class, &str) + Sync);

/// Why a handshake failed.
#[derive(Debug, PartialEq, Eq)]
enum Reason {
    /// A class with what is known beside it.
    Known(Class, String),
    /// The client left in the middle, without a word.
    Left,
}

impl Greeting {
    pub(super) fn new() -> Greeting {
        Greeting { said: OncePer::new(LOG_INTERVAL, LOG_KEYS) }
    }

    /// The client at `peer` speaks TLS, which is not spoken here.
    pub(super) fn sent_tls(&self, peer: SocketAddr, hearing: Hearing<'_>) {
        self.warn(peer, hearing, Class::PeerSentTls, "the first bytes are a TLS handshake");
    }

    /// The client at `peer` speaks no TLS, which it should. One that speaks HTTP/1.1 is told so.
    pub(super) async fn sent_plaintext(&self, peer: SocketAddr, mut stream: Socket, hearing: Hearing<'_>) {
        self.warn(peer, hearing, Class::PeerSentPlaintext, "the first bytes are no TLS handshake");
        let answered = async {
            // A connection that is closed with unread bytes takes the answer back.
            let mut unread = [0; 1024];
            let length = stream.read(&mut unread).await?;
            if unread[..length].first().is_some_and(u8::is_ascii_uppercase) && !unread.starts_with(b"PRI") {
                stream.write_all(USE_HTTPS).await?;
            }
            stream.shutdown().await
        };
        let _ = tokio::time::timeout(ANSWER_TIME, answered).await;
    }

    /// The handshake with the client at `peer` failed.
    pub(super) fn not_shaken(&self, peer: SocketAddr, shaken: &Shaken, hearing: Hearing<'_>) {
        match reason(&shaken.error, &shaken.certificate) {
            Reason::Known(class, cause) => self.warn(peer, hearing, class, &cause),
            Reason::Left => {
                let client = peer.ip().to_canonical();
                // Probes do so; so do clients that distrust our certificate and do not say it: Node's.
                if self.said.admits((client, "left")) {
                    tracing::info!(%client, "a client left in the middle of the TLS handshake; it may be a probe, or not trust our certificate");
                }
            }
        }
    }

    fn warn(&self, peer: SocketAddr, hearing: Hearing<'_>, class: Class, cause: &str) {
        hearing(class, cause);
        let client = peer.ip().to_canonical();
        if self.said.admits((client, class.code())) {
            let row = class.row();
            tracing::warn!(class = class.code(), %client, cause, remedy = row.remedy, "{}", row.meaning);
        }
    }
}

fn reason(error: &io::Error, certificate: &str) -> Reason {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Reason::Left,
            // The way to the client was lost.
            _ => Reason::Left,
        };
    };
    let (class, cause) = match tls {
        Error::InvalidMessage(_) => (Class::PeerSentPlaintext, "the client's bytes are not TLS".to_owned()),
        Error::NoCertificatesPresented => (Class::PeerCertificateMissing, "the client sent none".to_owned()),
        Error::InvalidCertificate(error) => (Class::PeerCertificateInvalid, error.to_string()),
        Error::AlertReceived(alert) if is_about_certificate(*alert) => {
            (Class::PeerRejectedOurCertificate, format!("the client says {alert:?} to our certificate {certificate}"))
        }
        Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
            (Class::PeerTlsMismatch, "no signature algorithm fits both sides".to_owned())
        }
        Error::PeerIncompatible(reason) => (Class::PeerTlsMismatch, format!("both sides do not fit: {reason:?}")),
        Error::NoApplicationProtocol => {
            (Class::PeerTlsMismatch, "the client offers neither h2 nor http/1.1 (ALPN)".to_owned())
        }
        Error::AlertReceived(alert) => {
            (Class::PeerTlsMismatch, format!("the client ends the handshake: it says {alert:?}"))
        }
        other => (Class::PeerTlsMismatch, format!("the TLS handshake failed: {other}")),
    };
    Reason::Known(class, cause)
}

/// What clients say to a certificate: OpenSSL and Python UnknownCA, Go BadCertificate, Java CertificateUnknown.
fn is_about_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::UnknownCA
            | A::BadCertificate
            | A::CertificateUnknown
            | A::CertificateExpired
            | A::CertificateRevoked
            | A::UnsupportedCertificate
            | A::DecryptError
    )
}

const USE_HTTPS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 39\r\n\r\n\
    this port speaks TLS: use https:// here";

const ANSWER_TIME: Duration = Duration::from_secs(3);

const LOG_INTERVAL: Duration = Duration::from_secs(600);

const LOG_KEYS: usize = 512;

#[cfg(test)]
mod tests {
    use rustls::{CertificateError, InvalidMessage};

    use super::*;

    #[track_caller]
    fn check(error: Error, expected: Class) {
        match reason(&io::Error::new(ErrorKind::InvalidData, error.clone()), "relay") {
            Reason::Known(class, cause) => assert_eq!((class, cause.is_empty()), (expected, false), "{error:?}"),
            Reason::Left => unreachable!("{error:?}"),
        }
    }

    #[test]
    fn what_went_wrong_is_told_by_type() {
        check(Error::InvalidMessage(InvalidMessage::InvalidContentType), Class::PeerSentPlaintext);
        check(Error::NoCertificatesPresented, Class::PeerCertificateMissing);
        check(Error::InvalidCertificate(CertificateError::UnknownIssuer), Class::PeerCertificateInvalid);
        check(Error::AlertReceived(AlertDescription::UnknownCA), Class::PeerRejectedOurCertificate);
        check(Error::AlertReceived(AlertDescription::BadCertificate), Class::PeerRejectedOurCertificate);
        check(Error::AlertReceived(AlertDescription::InternalError), Class::PeerTlsMismatch);
        check(Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), Class::PeerTlsMismatch);
    }

    #[test]
    fn leaving_in_the_middle_is_no_failure_of_a_class() {
        assert_eq!(reason(&ErrorKind::UnexpectedEof.into(), ""), Reason::Left);
    }

    #[test]
    fn the_answer_has_the_length_that_it_says() {
        let (_, body) = std::str::from_utf8(USE_HTTPS).ok().and_then(|text| text.split_once("\r\n\r\n")).unzip();
        assert_eq!(body.map(str::len), Some(39));
    }
}
