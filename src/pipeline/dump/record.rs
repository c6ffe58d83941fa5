//! From an attempt, or from what was given up, to the record on disk: without secrets, and as small as was asked for.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use prost::Message;

use super::heads::{body, fields, uri, with_sent};
use crate::attempt::{Attempt, Exchange, RequestHead, Response, Session};
use crate::config::DumpPayload;
use crate::failure::{Failure, Mask, Retry};
use crate::ident::ComponentId;
use crate::interface::record::{self, Head, Record, Step, Tls};
use crate::payload::Payload;

/// An attempt that is over, as it is handed to whoever writes it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) exporter: Arc<ComponentId>,
    pub(super) number: Option<u32>,
    pub(super) facts: Option<Facts>,
    pub(super) endpoint: Option<Arc<str>>,
    pub(super) attempt: Attempt,
    pub(super) exchange: Exchange,
    pub(super) mask: Arc<Mask>,
    pub(super) payload: Payload,
}

/// What a failure says of itself. Its exporter has masked what it sent; what the mask of a record knows may be more.
#[derive(Debug)]
pub(in crate::pipeline) struct Facts(record::Failure);

impl Job {
    /// The memory that it keeps alive.
    pub(super) fn weight(&self) -> u64 {
        let body = self.exchange.response.as_ref().map_or(0, |response| response.body.len());
        self.payload.held().0 + body as u64 + OVERHEAD
    }
}

impl Facts {
    pub(in crate::pipeline) fn of(failure: &Failure) -> Facts {
        let row = failure.class().row();
        let mut chain = vec![failure.to_string()];
        let mut source = failure.source();
        while let Some(cause) = source.filter(|_| chain.len() < MAX_CHAIN) {
            chain.push(cause.to_string());
            source = cause.source();
        }
        Facts(record::Failure {
            class: row.code.to_owned(),
            family: row.family.name().to_owned(),
            phase: failure.phase().name().to_owned(),
            cause: failure.cause(),
            remedy: row.remedy.to_owned(),
            retryable: failure.retry() != Retry::Never,
            chain,
        })
    }

    fn masked(self, mask: &Mask) -> record::Failure {
        let Facts(failure) = self;
        let chain = failure.chain.into_iter().map(|cause| mask.clean(cause)).collect();
        record::Failure { cause: mask.clean(failure.cause), chain, ..failure }
    }
}

/// The encoded record of an attempt, with its payload as `keep` says.
pub(super) fn dumped(job: Job, keep: DumpPayload) -> Vec<u8> {
    let Job { began, ended, exporter, number, facts, endpoint, attempt, exchange, mask, payload } = job;
    let Exchange { request, response, session } = exchange;
    let mask = match &request {
        Some(request) => with_sent(&mask, &request.headers),
        None => Mask::clone(&mask),
    };
    let asked = || request.as_ref().and_then(|request| request.uri.authority()).map(ToString::to_string);
    let endpoint = endpoint.map(|endpoint| endpoint.to_string()).or_else(asked);
    let steps = attempt
        .phases
        .iter()
        .map(|(phase, took)| Step { phase: phase.name().to_owned(), duration_nanos: nanos(*took) });
    let record = Record {
        time_unix_nano: unix_nanos(ended),
        began_unix_nano: unix_nanos(began),
        exporter: exporter.to_string(),
        endpoint: mask.clean(endpoint.unwrap_or_default()),
        signal: payload.signal().name().to_owned(),
        attempt: number.unwrap_or(0),
        items: payload.items().0,
        failure: facts.map(|facts| facts.masked(&mask)),
        steps: steps.collect(),
        request: request.map(|request| request_head(&request, &mask)),
        response: response.map(|response| response_head(&response, &mask)),
        tls: session.map(|session| tls(&session)),
        peer: attempt.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        via: mask.cleaned(attempt.via.as_deref().unwrap_or_default()).into_owned(),
        payload: kept(&payload, keep),
    };
    record.encode_to_vec()
}

/// The encoded record of what `exporter` gave up.
pub(in crate::pipeline) fn dead_letter(
    exporter: &ComponentId,
    payload: &Payload,
    failure: &Failure,
    mask: &Mask,
) -> Vec<u8> {
    let record = Record {
        time_unix_nano: unix_nanos(SystemTime::now()),
        exporter: exporter.to_string(),
        endpoint: mask.cleaned(failure.endpoint().unwrap_or_default()).into_owned(),
        signal: payload.signal().name().to_owned(),
        items: payload.items().0,
        failure: Some(Facts::of(failure).masked(mask)),
        payload: kept(payload, DumpPayload::OtlpProtobuf),
        ..Record::default()
    };
    record.encode_to_vec()
}

fn kept(payload: &Payload, keep: DumpPayload) -> Option<record::record::Payload> {
    use record::record::Payload as Kept;
    match keep {
        DumpPayload::OtlpProtobuf => Some(Kept::OtlpProtobuf(payload.chunks().concat())),
        DumpPayload::OtlpJson => Some(Kept::OtlpJson(String::from_utf8_lossy(&payload.to_json()).into_owned())),
        DumpPayload::Summary => {
            let noun = payload.signal().facts().item_noun;
            Some(Kept::Summary(format!("{} {noun} in {}", payload.items(), payload.len())))
        }
        DumpPayload::None => None,
    }
}

fn request_head(request: &RequestHead, mask: &Mask) -> Head {
    Head {
        line: format!("{} {}", request.method, uri(mask, &request.uri)),
        headers: fields(mask, &request.headers),
        trailers: Vec::new(),
        body: Vec::new(),
    }
}

fn response_head(response: &Response, mask: &Mask) -> Head {
    Head {
        line: response.status.to_string(),
        headers: fields(mask, &response.headers),
        trailers: response.trailers.as_ref().map(|trailers| fields(mask, trailers)).unwrap_or_default(),
        // In a compressed body nobody sees a secret, nor anything else.
        body: if is_plain(&response.headers) { body(mask, &response.body, MAX_BODY) } else { Vec::new() },
    }
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity")
}

fn tls(session: &Session) -> Tls {
    let Session { version, cipher_suite, alpn, server_name } = session.clone();
    Tls { version, cipher_suite, alpn, server_name }
}

fn unix_nanos(time: SystemTime) -> u64 {
    nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What is kept of an answer's body.
const MAX_BODY: usize = 2 << 10;
/// No chain of causes is longer.
const MAX_CHAIN: usize = 16;
/// What a job takes beside its payload: heads and words.
const OVERHEAD: u64 = 4 << 10;
