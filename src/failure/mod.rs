//! The one error of the data path: what failed, where, whether to try again, and what to do about it.
//!
//! A [`Failure`] is decided where the type of the cause is still known, from first-hand evidence: phases, errno, rustls
//! errors, the head of an HTTP answer, the gRPC status that the peer itself sent. Text is for people only.

mod answer;
mod class;
mod foreign;
mod mask;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tonic::Code;

pub use answer::{code_for_http, code_name, from_grpc, from_http, size_limit, status_text};
pub use class::{Class, Row};
pub use foreign::{Recognised, recognise};
pub use mask::Mask;

use crate::attempt::Attempt;

/// Any cause, kept as the source of a failure.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The group of classes that a person thinks of first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// The configuration asks for something that cannot work.
    Config,
    /// This process or machine.
    Local,
    /// The sending queue.
    Queue,
    /// What is kept on disk.
    Storage,
    /// Listening for senders.
    Listen,
    /// Finding the address of a name.
    Resolve,
    /// The connection is refused.
    Refused,
    /// The host or network cannot be reached.
    Unreachable,
    /// The proxy in front of the peer.
    Proxy,
    /// A certificate is not accepted, by us or by the peer.
    X509,
    /// TLS, other than certificates.
    Tls,
    /// The peer speaks another protocol.
    Protocol,
    /// A connection that was there ended.
    Connection,
    /// The time was up.
    Deadline,
    /// Credentials.
    Unauthenticated,
    /// The peer asks to send less for a while.
    Throttled,
    /// A size or quota of the peer is exceeded for good.
    ResourceExhausted,
    /// The peer is not available at the moment.
    Unavailable,
    /// The peer refuses the request or its data.
    Rejected,
    /// The peer itself failed.
    ServerFault,
    /// What a sender did to one of our receivers.
    Receiver,
    /// No family yet.
    Other,
}

/// Where in an attempt something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Reading the configuration.
    Config,
    /// Opening an address to listen on.
    Listen,
    /// Reading or writing what is kept on disk.
    Storage,
    /// In this process: memory, shutdown.
    Local,
    /// Waiting in, or not taken into, an exporter's queue.
    Queue,
    /// Finding addresses.
    Resolve,
    /// TCP.
    Connect,
    /// The proxy's answer to CONNECT.
    Proxy,
    /// TLS handshake.
    Tls,
    /// HTTP/2 preface, settings, connection control.
    Http2,
    /// Writing the request.
    Request,
    /// Waiting for or reading the answer.
    Response,
    /// The peer's verdict on credentials.
    Auth,
    /// Taking a request in.
    Receive,
}

/// What the OTLP specification makes of a class of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sending the same data again cannot help.
    Never,
    /// Try again with exponential backoff.
    BackOff,
    /// Nothing was accepted and only a person can mend it: keep the data and try at the longest interval.
    Hold,
}

/// When to try again: a verdict, refined by what the peer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Never: the outcome is final.
    Never,
    /// By the backoff schedule.
    BackOff,
    /// At the schedule's longest interval at once.
    Hold,
    /// Not before this delay (RetryInfo or Retry-After), nor before the backoff schedule says.
    After(Duration),
}

/// Whether waiting helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heals {
    /// It may pass by itself.
    Time,
    /// A person must change something.
    Person,
    /// Either.
    Either,
}

/// The gRPC status that a peer sent, or the one synthesised from its HTTP answer, to be handed on unchanged.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// The code.
    pub code: Code,
    /// The peer's words.
    pub message: String,
    /// An encoded `google.rpc.Status`, or nothing.
    pub details: Bytes,
}

/// Why something was not delivered, and whose move is next.
pub struct Failure(Box<Detail>);

struct Detail {
    class: Class,
    phase: Phase,
    retry: Retry,
    endpoint: Option<Arc<str>>,
    text: Cow<'static, str>,
    peer: Option<PeerStatus>,
    attempt: Option<Attempt>,
    source: Option<BoxError>,
}

impl Failure {
    /// A failure of `class`, with the class's own phase and retry verdict. `text` is the evidence in words: lower case,
    /// no full stop, no repetition of the source.
    pub fn new(class: Class, text: impl Into<Cow<'static, str>>) -> Failure {
        let row = class.row();
        let retry = match row.retry {
            Verdict::Never => Retry::Never,
            Verdict::BackOff => Retry::BackOff,
            Verdict::Hold => Retry::Hold,
        };
        Failure(Box::new(Detail {
            class,
            phase: row.phase,
            retry,
            endpoint: None,
            text: text.into(),
            peer: None,
            attempt: None,
            source: None,
        }))
    }

    /// In this phase rather than the one of its class.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Failure {
        self.0.phase = phase;
        self
    }

    /// With this verdict rather than the one of its class.
    #[must_use]
    pub fn retry_when(mut self, retry: Retry) -> Failure {
        self.0.retry = retry;
        self
    }

    /// At this endpoint, as the configuration writes it.
    #[must_use]
    pub fn at(mut self, endpoint: Arc<str>) -> Failure {
        self.0.endpoint = Some(endpoint);
        self
    }

    /// Said by the peer itself.
    #[must_use]
    pub fn said_by_peer(mut self, status: PeerStatus) -> Failure {
        self.0.peer = Some(status);
        self
    }

    /// With the record of the attempt that failed.
    #[must_use]
    pub fn with_attempt(mut self, attempt: Attempt) -> Failure {
        self.0.attempt = Some(attempt);
        self
    }

    /// With `words` behind the evidence.
    #[must_use]
    pub fn and(mut self, words: &str) -> Failure {
        self.0.text.to_mut().push_str(words);
        self
    }

    /// Caused by `source`.
    #[must_use]
    pub fn because(mut self, source: impl Into<BoxError>) -> Failure {
        self.0.source = Some(source.into());
        self
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Where it happened.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Whether and when to try again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The endpoint, as the configuration writes it.
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// The status that the peer sent.
    pub fn peer(&self) -> Option<&PeerStatus> {
        self.0.peer.as_ref()
    }

    /// The record of the attempt that failed.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.0.attempt.as_ref()
    }

    /// The evidence and its whole chain of causes, each once, joined by `: `.
    pub fn cause(&self) -> String {
        let mut text = self.0.text.to_string();
        let mut source: Option<&(dyn StdError + 'static)> = self.0.source.as_deref().map(|cause| cause as _);
        while let Some(cause) = source {
            let words = cause.to_string();
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            source = cause.source();
        }
        text
    }

    /// The gRPC code for our own caller: the peer's, else the class's.
    pub fn grpc_code(&self) -> Code {
        self.0.peer.as_ref().map_or(self.0.class.row().grpc, |peer| peer.code)
    }

    /// How long our own caller should wait: what the peer asked for, or a second for anything that is our own load.
    pub fn retry_delay(&self) -> Option<Duration> {
        match (self.0.retry, self.0.class) {
            (Retry::After(delay), _) => Some(delay),
            (_, Class::QueueFull | Class::MemoryLimited | Class::ShuttingDown) => Some(OWN_RETRY_DELAY),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("class", &self.0.class)
            .field("phase", &self.0.phase)
            .field("retry", &self.0.retry)
            .field("endpoint", &self.0.endpoint)
            .field("cause", &self.cause())
            .finish_non_exhaustive()
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|cause| cause as _)
    }
}

macro_rules! named {
    ($of:ident: $($variant:ident $name:literal),+ $(,)?) => {
        impl $of {
            /// Every one of them.
            pub const ALL: &'static [$of] = &[$($of::$variant),+];

            /// The one with this name.
            pub fn of_name(name: &str) -> Option<$of> {
                $of::ALL.iter().copied().find(|known| known.name() == name)
            }

            /// The word for it in logs and labels.
            pub fn name(self) -> &'static str {
                match self {
                    $($of::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! { Family:
    Config "config", Local "local", Queue "queue", Storage "storage", Listen "listen", Resolve "resolve", Refused "refused", Unreachable "unreachable",
    Proxy "proxy", X509 "x509", Tls "tls", Protocol "protocol", Connection "connection", Deadline "deadline",
    Unauthenticated "unauthenticated", Throttled "throttled", ResourceExhausted "resource_exhausted",
    Unavailable "unavailable", Rejected "rejected", ServerFault "server_fault", Receiver "receiver", Other "other",
}

named! { Phase:
    Config "config", Listen "listen", Storage "storage", Local "local", Queue "queue", Resolve "resolve", Connect "connect", Proxy "proxy", Tls "tls", Http2 "http2", Request "request",
    Response "response", Auth "auth", Receive "receive",
}

/// What a sender is asked to wait when it is this relay that has no room.
const OWN_RETRY_DELAY: Duration = Duration::from_secs(1);
