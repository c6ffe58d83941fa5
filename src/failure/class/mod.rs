//! The failure table: one row for each class of failure, read by every other part that speaks of failures.
//!
//! The rows stand in the modules below, by where a failure arises; [`Class`] lists them all. A row reads:
//!
//! ```text
//! Variant "code"
//!     Family Phase Retry Heals GrpcCode HttpStatus {
//!     meaning "what it means"
//!     evidence "what identifies it"
//!     causes ["the likeliest first"]
//!     remedies ["the best first"]
//!     broken "a set-up that fails this way: YAML or a command"
//!     mended "the same, mended"
//! }
//! ```
//!
//! Texts are clauses: lower case, no full stop. Codes are stable: they are log fields, metric labels (`error_type`) and
//! words of the command line.

mod answers;
mod config;
mod connect;
mod local;
mod protocol;
mod receiving;
mod refusals;
mod tls;

use std::fmt;

use tonic::Code;

use super::{Family, Heals, Phase, Verdict};

/// What is known of a class of failures.
#[derive(Debug)]
pub struct Row {
    /// The stable name, in snake case.
    pub code: &'static str,
    /// The group that a person thinks of first.
    pub family: Family,
    /// Where it happens, unless the failure itself says otherwise.
    pub phase: Phase,
    /// What the OTLP specification makes of it.
    pub retry: Verdict,
    /// Whether waiting helps.
    pub heals: Heals,
    /// The gRPC code that our own caller is told, where the peer sent none.
    pub grpc: Code,
    /// The HTTP status that our own caller is told, where the peer sent none.
    pub http: u16,
    /// What it means, as one clause.
    pub meaning: &'static str,
    /// What identifies it, as one clause.
    pub evidence: &'static str,
    /// Why it comes to this, the likeliest first.
    pub causes: &'static [&'static str],
    /// What to do, as one clause: the best of `remedies`.
    pub remedy: &'static str,
    /// What can be done, the best first.
    pub remedies: &'static [&'static str],
    /// A set-up that fails this way: YAML or a command, indented as it stands in the table.
    pub broken: &'static str,
    /// The same, mended.
    pub mended: &'static str,
}

/// Makes a static of each row, named like the variant of [`Class`] that it belongs to.
macro_rules! rows {
    ($($variant:ident $code:literal $family:ident $phase:ident $retry:ident $heals:ident $grpc:ident $http:literal {
        meaning $meaning:literal
        evidence $evidence:literal
        causes [$($cause:literal),+ $(,)?]
        remedies [$remedy:literal $(, $other:literal)* $(,)?]
        broken $broken:literal
        mended $mended:literal
    })+) => {$(
        #[allow(non_upper_case_globals)]
        pub(super) static $variant: $crate::failure::class::Row = $crate::failure::class::Row {
            code: $code,
            family: $crate::failure::Family::$family,
            phase: $crate::failure::Phase::$phase,
            retry: $crate::failure::Verdict::$retry,
            heals: $crate::failure::Heals::$heals,
            grpc: tonic::Code::$grpc,
            http: $http,
            meaning: $meaning,
            evidence: $evidence,
            causes: &[$($cause),+],
            remedy: $remedy,
            remedies: &[$remedy $(, $other)*],
            broken: $broken,
            mended: $mended,
        };
    )+};
}

use rows;

macro_rules! classes {
    ($($module:ident: $($variant:ident)+;)+) => {
        /// A class of failures: one row of the table, which says what it means.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class {
            $($($variant,)+)+
        }

        impl Class {
            /// Every class, in the order of the table.
            pub const ALL: &'static [Class] = &[$($(Class::$variant),+),+];

            /// The row of this class.
            pub fn row(self) -> &'static Row {
                match self {
                    $($(Class::$variant => &$module::$variant,)+)+
                }
            }
        }
    };
}

classes! {
    local:
        TooManyOpenFiles MemoryLimited SourceAddressUnavailable ShuttingDown Panicked
        QueueFull TooLargeForQueue TooManyCombinations
        DiskFull StorageReadOnly DeadLetterFull StorageLocked StorageDamaged StorageFailed ExpiredInQueue
        BindAddressInUse BindPermissionDenied BindAddressUnavailable BindInvalidAddress BindFailed BindLoopbackOnly;
    connect:
        DnsNotFound DnsTemporaryFailure DnsTimeout
        ConnectionRefused ConnectTimeout NetworkUnreachable HostUnreachable ConnectBlocked
        ProxyUnreachable ProxyAuthRequired ProxyDenied ProxyUpstreamUnreachable ProxyProtocolMismatch ProxyClosed;
    tls:
        TlsToPlaintextPort TlsHandshakeTimeout TlsHandshakeClosed
        TlsUnknownCa TlsSelfSignedCertificate TlsCertificateExpired TlsCertificateNotYetValid TlsHostnameMismatch
        TlsBadSignature TlsCertificateWeak TlsCertificateWrongPurpose TlsCertificateInvalid TlsCertificateRevoked
        TlsClientCertificateRequired TlsClientCertificateRejected
        TlsVersionMismatch TlsHandshakeFailure TlsAlpnMismatch TlsUnrecognizedName;
    protocol:
        GrpcToHttp1Port PlaintextToTlsPort ProtocolMismatch Http1ToGrpcPort
        ConnectionReset ConnectionLost KeepaliveTimeout
        Http2Goaway Http2TooManyPings Http2RefusedStream Http2EnhanceYourCalm Http2StreamReset Http2Http11Required
        DeadlineExceededBeforeSend DeadlineExceeded ServerDeadlineExceeded;
    answers:
        Unauthenticated PermissionDenied
        RateLimited ResourceExhausted MessageTooLarge RequestHeadersTooLarge
        ServerUnavailable BadGateway GatewayTimeout LbProtocolMismatch
        ServerInternalError ServerUnknownError ServerTransientError ServerErrorOther GrpcMissingStatus
        NotOtlpResponse ResponseTooLarge;
    refusals:
        HttpNotFound HttpMethodNotAllowed HttpLengthRequired HttpUnsupportedMediaType UnsupportedCompression
        GrpcUnimplemented InvalidData HttpRedirect PartialSuccessRejected;
    receiving:
        MalformedRequest RequestTooLarge UnsupportedEncoding PeerUnknownPath PeerUnknownContentType PeerSentHttp PeerSentGrpc BodyInterrupted
        PeerSentTls PeerSentPlaintext PeerRejectedOurCertificate PeerCertificateMissing PeerCertificateInvalid
        PeerTlsMismatch PeerUnauthenticated;
    config:
        ConfigInvalid ConfigUnknownKey ConfigNotSupportedYet ConfigInvalidEndpoint ConfigMissingPort
        ConfigUnsupportedScheme ConfigSignalPathDoubled ConfigGrpcPathIgnored ConfigPortSuspicious
        ConfigUnexpandedVariable ConfigInvalidHeader ConfigEmptyCredential ConfigInvalidProxy
        ConfigFileUnreadable ConfigPemInvalid ConfigKeyMismatch ConfigWildcardDestination ExportLoop
        ConfigCycle;
    answers:
        Other;
}

impl Class {
    /// The class of this stable name.
    pub fn of_code(code: &str) -> Option<Class> {
        Class::ALL.iter().copied().find(|class| class.code() == code)
    }

    /// The stable name: `connection_refused`.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The family of this class.
    pub fn family(self) -> Family {
        self.row().family
    }

    /// Whether it is found in the configuration, before anything is sent.
    pub fn is_configuration(self) -> bool {
        self.family() == Family::Config
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let mut seen = std::collections::BTreeSet::new();
        for class in Class::ALL {
            let code = class.code();
            assert!(seen.insert(code), "{code} occurs twice");
            assert!(
                code == "_OTHER" || code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{code}"
            );
            assert_eq!(Class::of_code(code), Some(*class));
        }
    }

    #[test]
    fn texts_are_clauses() {
        for class in Class::ALL {
            let row = class.row();
            for text in [row.meaning, row.evidence].iter().chain(row.causes).chain(row.remedies) {
                assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
                assert!(!text.contains('\n'), "{text}");
            }
            assert_ne!(row.broken, row.mended, "{class}");
        }
    }

    #[test]
    fn the_families_that_people_ask_for_have_classes() {
        for family in Family::ALL {
            assert!(Class::ALL.iter().any(|class| class.family() == *family), "{family}");
        }
        for word in ["refused", "deadline", "unauthenticated", "x509", "resource_exhausted"] {
            assert!(Family::of_name(word).is_some(), "{word}");
        }
    }
}
