//! Which class a TLS error belongs to, and what a person should read instead of it.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::super::obstacle::Obstacle;
use super::Identity;
use super::shown::Shown;
use crate::attempt::Session;
use crate::failure::{Class, Phase};

/// What is known beside the error itself.
#[derive(Clone, Debug)]
pub(in super::super) struct TlsContext {
    pub(super) server_name: String,
    pub(super) identity: Identity,
    pub(super) roots: usize,
    /// The versions that we accept, in words.
    pub(super) versions: &'static str,
    pub(super) shown: Option<Shown>,
    /// Where the server asked for a certificate of ours: the authorities that it names.
    pub(super) accepted: Option<Vec<String>>,
    /// What was agreed on, once the handshake is over.
    pub(in super::super) session: Option<Arc<Session>>,
}

impl TlsContext {
    /// The obstacle that a failed handshake is.
    pub(in super::super) fn explain_handshake(&self, error: &io::Error) -> Obstacle {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            return self.explain(tls);
        }
        let obstacle = match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                if self.accepted.is_some() =>
            {
                self.shut_out("closed the connection without a word")
            }
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                let text =
                    format!("the peer closed the connection when it was asked for TLS with {}", self.server_name);
                Obstacle::new(Class::TlsHandshakeClosed, text)
            }
            ErrorKind::TimedOut => Obstacle::new(Class::ConnectionLost, "the peer went silent in the TLS handshake"),
            _ => Obstacle::new(Class::TlsHandshakeFailure, format!("the TLS handshake failed: {error}")),
        };
        obstacle.in_phase(Phase::Tls)
    }

    /// The obstacle that a TLS error is, in the handshake or after it.
    pub(in super::super) fn explain(&self, error: &Error) -> Obstacle {
        let obstacle = match error {
            Error::InvalidCertificate(error) => self.certificate(error),
            Error::AlertReceived(alert) => self.alert(*alert),
            Error::InvalidMessage(_) => Obstacle::new(
                Class::TlsToPlaintextPort,
                "the peer answers the TLS handshake with something that is not TLS: the port is plaintext",
            ),
            Error::PeerIncompatible(reason) => incompatible(reason, self.versions),
            Error::NoApplicationProtocol => no_http2(),
            other => Obstacle::new(Class::TlsHandshakeFailure, "the TLS handshake failed").because(other.clone()),
        };
        obstacle.in_phase(Phase::Tls)
    }

    fn certificate(&self, error: &CertificateError) -> Obstacle {
        let (class, text) = match error {
            CertificateError::UnknownIssuer => (Class::TlsUnknownCa, self.unknown_issuer()),
            CertificateError::Expired => (Class::TlsCertificateExpired, "the server's certificate expired".to_owned()),
            CertificateError::ExpiredContext { time, not_after } => (
                Class::TlsCertificateExpired,
                format!(
                    "the server's certificate expired on {}, {} ago; it must be renewed",
                    date(*not_after),
                    span(*not_after, *time)
                ),
            ),
            CertificateError::NotValidYet => {
                (Class::TlsCertificateNotYetValid, "the server's certificate is not valid yet".to_owned())
            }
            CertificateError::NotValidYetContext { time, not_before } => (
                Class::TlsCertificateNotYetValid,
                format!(
                    "the server's certificate is valid only from {}, in {}; this machine's clock says {}",
                    date(*not_before),
                    span(*time, *not_before),
                    date(*time)
                ),
            ),
            CertificateError::NotValidForName => {
                (Class::TlsHostnameMismatch, format!("the server's certificate is not for {}", self.server_name))
            }
            CertificateError::NotValidForNameContext { expected, presented } => {
                (Class::TlsHostnameMismatch, wrong_name(&shown(expected), presented))
            }
            CertificateError::BadSignature => (
                Class::TlsBadSignature,
                format!(
                    "the signature of the server's certificate{} does not verify{}",
                    self.issued_by(),
                    self.shown.as_ref().map(Shown::bad_signature).unwrap_or_default()
                ),
            ),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                (Class::TlsCertificateWrongPurpose, format!("the server's certificate is not for servers: {error}"))
            }
            CertificateError::Revoked => {
                (Class::TlsCertificateRevoked, "the server's certificate is revoked".to_owned())
            }
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
                Class::TlsBadSignature,
                format!(
                    "the signature of the server's certificate{} does not verify: an authority of that name is trusted \
                     here (tls::ca_file), but with a key of another kind; was the authority created anew?",
                    self.issued_by()
                ),
            ),
            CertificateError::UnsupportedSignatureAlgorithmContext { .. } => (
                Class::TlsCertificateWeak,
                format!(
                    "the server's certificate{} is signed with an algorithm that is no longer accepted{}",
                    self.issued_by(),
                    self.shown.as_ref().map(Shown::algorithm).unwrap_or_default()
                ),
            ),
            CertificateError::Other(other) if is_authority_as_leaf(other) => (
                Class::TlsSelfSignedCertificate,
                format!("the server's own certificate{} is marked as an authority (CA:TRUE)", self.issued_by()),
            ),
            other => {
                let text = format!("the server's certificate{} cannot be used: {}", self.issued_by(), flaw(other));
                (Class::TlsCertificateInvalid, text)
            }
        };
        Obstacle::new(class, text)
    }

    fn unknown_issuer(&self) -> String {
        let roots = self.roots;
        let lacking = self.shown.as_ref().and_then(Shown::may_lack_a_link);
        let lacking = lacking.map(|lacking| format!("; {lacking}")).unwrap_or_default();
        format!(
            "the server's certificate{} is not from an authority that is trusted here ({roots} known); \
             name the issuer's certificate in tls::ca_file{lacking}",
            self.issued_by()
        )
    }

    fn issued_by(&self) -> String {
        self.shown.as_ref().map(Shown::issued_by).unwrap_or_default()
    }

    /// The obstacle of a connection that the server closed before it said anything over it. Several servers do so, rather
    /// than send the alert, to a client whose certificate does not please them; nothing if this one asked for none.
    pub(in super::super) fn explain_silence(&self) -> Option<Obstacle> {
        let obstacle = self.accepted.as_ref().map(|_| self.shut_out("closed the connection without a word"));
        obstacle.map(|obstacle| obstacle.in_phase(Phase::Tls))
    }

    /// Whether we had a certificate to show.
    pub(in super::super) fn has_identity(&self) -> bool {
        self.identity == Identity::Configured
    }

    /// The server asked who we are, and then `did` something that is a no.
    fn shut_out(&self, did: &str) -> Obstacle {
        let accepts = match self.accepted.as_deref() {
            None | Some([]) => String::new(),
            Some(names) => format!("; it accepts those of \"{}\"", names.join("\", \"")),
        };
        let (class, what) = match self.identity {
            Identity::None => (
                Class::TlsClientCertificateRequired,
                "the server demands a client certificate, none is configured (tls::cert_file and tls::key_file)",
            ),
            Identity::Configured => (
                Class::TlsClientCertificateRejected,
                "the server asked for a client certificate, got the one of tls::cert_file",
            ),
        };
        Obstacle::new(class, format!("{what}, and it {did}{accepts}"))
    }

    /// What the server said before it closed. Under TLS 1.3 it says so only after our side of the handshake is done.
    fn alert(&self, alert: AlertDescription) -> Obstacle {
        let (class, text) = match (alert, self.identity) {
            (AlertDescription::CertificateRequired, _) | (AlertDescription::BadCertificate, Identity::None) => {
                let says = format!("says {alert:?}");
                let asked = TlsContext { identity: Identity::None, ..self.clone() };
                return asked.shut_out(&says);
            }
            // What servers of TLS 1.2 say to someone without a certificate, if they asked for one.
            (AlertDescription::HandshakeFailure, Identity::None) if self.accepted.is_some() => {
                return self.shut_out("says HandshakeFailure");
            }
            (
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied,
                Identity::Configured,
            ) => (
                Class::TlsClientCertificateRejected,
                format!("the server rejects the client certificate of tls::cert_file: it says {alert:?}"),
            ),
            (AlertDescription::ProtocolVersion, _) => (
                Class::TlsVersionMismatch,
                format!("the server does not accept {}: it says ProtocolVersion", self.versions),
            ),
            (AlertDescription::NoApplicationProtocol, _) => return no_http2(),
            (AlertDescription::UnrecognisedName, _) => (
                Class::TlsUnrecognizedName,
                format!("the server does not know the name {} that it was asked for", self.server_name),
            ),
            (alert, _) => {
                (Class::TlsHandshakeFailure, format!("the server ended the TLS handshake: it says {alert:?}"))
            }
        };
        Obstacle::new(class, text)
    }
}

/// The obstacle of a TLS connection that does not carry HTTP/2.
pub(in super::super) fn no_http2() -> Obstacle {
    let text = "the server agrees to TLS, but not to HTTP/2 (ALPN h2), which gRPC needs";
    Obstacle::new(Class::TlsAlpnMismatch, text).in_phase(Phase::Tls)
}

/// A server name without the decoration of its type.
pub(super) fn shown(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

fn incompatible(reason: &PeerIncompatible, versions: &str) -> Obstacle {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => {
            Obstacle::new(Class::TlsVersionMismatch, format!("the server does not speak {versions}: {reason:?}"))
        }
        other => Obstacle::new(Class::TlsHandshakeFailure, format!("both sides of TLS do not fit: {other:?}")),
    }
}

fn wrong_name(expected: &str, presented: &[String]) -> String {
    // Their form is that of webpki: `DnsName("otel.example.com")`.
    let names: Vec<&str> = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
    if names.is_empty() {
        format!("the server's certificate names no host at all (no subjectAltName), so it is not for {expected}")
    } else {
        format!(
            "the server's certificate is for {}, not for {expected}; a name of it can be set as tls::server_name_override",
            names.join(", ")
        )
    }
}

/// What is wrong with a certificate, in words where they are known.
fn flaw(error: &CertificateError) -> String {
    let of_webpki = match error {
        CertificateError::Other(other) => other.0.downcast_ref::<webpki::Error>(),
        _ => None,
    };
    match (error, of_webpki) {
        (CertificateError::BadEncoding, _) => "it is not well-formed".to_owned(),
        (_, Some(webpki::Error::UnsupportedCertVersion)) => "it is not of version 3 of X.509".to_owned(),
        (_, Some(webpki::Error::NameConstraintViolation)) => {
            "its name is not among those that its authority may sign (name constraints)".to_owned()
        }
        (CertificateError::UnhandledCriticalExtension, _) | (_, Some(webpki::Error::UnsupportedCriticalExtension)) => {
            "it has a critical extension that is not known here".to_owned()
        }
        (_, Some(webpki)) => webpki.to_string(),
        (other, None) => other.to_string(),
    }
}

fn is_authority_as_leaf(error: &rustls::OtherError) -> bool {
    matches!(error.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn date(time: UnixTime) -> String {
    // The formatter knows no year beyond 9999.
    match Duration::from_secs(time.as_secs()) {
        since if since < LAST_DATE => httpdate::fmt_http_date(UNIX_EPOCH + since),
        _ => "an impossible date".to_owned(),
    }
}

fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The first second of the year 9999.
const LAST_DATE: Duration = Duration::from_secs(253_370_764_800);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn context(identity: Identity) -> TlsContext {
        TlsContext {
            server_name: "localhost".to_owned(),
            identity,
            versions: "TLS 1.2 or TLS 1.3",
            roots: 1,
            shown: None,
            accepted: None,
            session: None,
        }
    }

    #[track_caller]
    fn check(error: Error, identity: Identity, class: Class) {
        let obstacle = context(identity).explain(&error);
        assert_eq!(obstacle.class, class, "{obstacle:?}");
        let failure = obstacle.into_failure();
        assert_eq!(failure.phase(), Phase::Tls);
    }

    #[test]
    fn an_alert_is_read_by_whether_we_showed_a_certificate() {
        use AlertDescription as A;
        for identity in [Identity::Configured, Identity::None] {
            check(Error::AlertReceived(A::CertificateRequired), identity, Class::TlsClientCertificateRequired);
            check(Error::AlertReceived(A::ProtocolVersion), identity, Class::TlsVersionMismatch);
            check(Error::AlertReceived(A::NoApplicationProtocol), identity, Class::TlsAlpnMismatch);
            check(Error::AlertReceived(A::UnrecognisedName), identity, Class::TlsUnrecognizedName);
            check(Error::AlertReceived(A::HandshakeFailure), identity, Class::TlsHandshakeFailure);
        }
        check(Error::AlertReceived(A::BadCertificate), Identity::None, Class::TlsClientCertificateRequired);
        check(Error::AlertReceived(A::BadCertificate), Identity::Configured, Class::TlsClientCertificateRejected);
        check(Error::AlertReceived(A::UnknownCA), Identity::Configured, Class::TlsClientCertificateRejected);
        check(Error::AlertReceived(A::UnknownCA), Identity::None, Class::TlsHandshakeFailure);
    }

    #[test]
    fn certificate_errors_are_told_apart() {
        let certificate = |error| Error::InvalidCertificate(error);
        let none = Identity::None;
        check(certificate(CertificateError::Revoked), none, Class::TlsCertificateRevoked);
        check(certificate(CertificateError::BadSignature), none, Class::TlsBadSignature);
        check(certificate(CertificateError::InvalidPurpose), none, Class::TlsCertificateWrongPurpose);
        check(certificate(CertificateError::BadEncoding), none, Class::TlsCertificateInvalid);
        check(certificate(CertificateError::NotValidYet), none, Class::TlsCertificateNotYetValid);
        let leaf = rustls::OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity));
        check(certificate(CertificateError::Other(leaf)), none, Class::TlsSelfSignedCertificate);
        check(Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), none, Class::TlsHandshakeFailure);
        let version = PeerIncompatible::ServerDoesNotSupportTls12Or13;
        check(Error::PeerIncompatible(version), none, Class::TlsVersionMismatch);
    }

    #[test]
    fn dates_are_readable() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(date(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(at(u64::MAX)), "an impossible date");
        assert_eq!(span(at(0), at(864_000)), "10 days");
        assert_eq!(span(at(5), at(3)), "0 seconds");
    }
}
