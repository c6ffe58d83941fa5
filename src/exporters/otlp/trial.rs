//! An export with nothing in it: legal by the specification, so that it shows whether a real one would be taken.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Uri;
use http::header::{DATE, SERVER};
use tokio::time::timeout;

use super::stage::{Answered, Stage, masked};
use super::{Backend, headers, text_of};
use crate::attempt::{Attempt, Progress};
use crate::config::Secret;
use crate::failure::{Class, Failure};
use crate::flow::Receipt;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::transport::client::{Client, within};

/// One place that an exporter sends to, with the signals that share its connections.
#[derive(Debug)]
pub struct Way<'a> {
    /// What sends there.
    pub client: &'a Arc<Client>,
    /// The endpoint, as the configuration writes it.
    pub endpoint: &'a str,
    /// Each signal, with the whole URL of its requests.
    pub signals: Vec<(Signal, &'a Uri)>,
}

/// What became of an empty export.
#[derive(Debug)]
pub struct Trial {
    /// The verdict, as a real export would get it.
    pub outcome: Result<Receipt, Failure>,
    /// Its phases, and how long each took.
    pub attempt: Attempt,
    /// The `Date` of the answer: the backend's clock.
    pub date: Option<SystemTime>,
    /// The `Server` of the answer.
    pub server: Option<String>,
    /// What the request held that nobody may see, and that the answer may have said back.
    pub secrets: Vec<Secret>,
}

impl Backend {
    /// Where it sends `signals` to, each place once.
    pub fn ways(&self, signals: &[Signal]) -> Vec<Way<'_>> {
        let mut ways: Vec<Way<'_>> = Vec::new();
        for (signal, (target, head)) in self.ways.iter().filter(|(signal, _)| signals.contains(signal)) {
            match ways.iter_mut().find(|way| Arc::ptr_eq(way.client, &target.client)) {
                Some(way) => way.signals.push((*signal, head.uri())),
                None => ways.push(Way {
                    client: &target.client,
                    endpoint: &target.endpoint,
                    signals: vec![(*signal, head.uri())],
                }),
            }
        }
        ways
    }

    /// Exports nothing as `signal`, with the headers, credentials and compression of a real request, for at most `limit`
    /// or the exporter's own timeout. Nothing if the configuration says no place for the signal.
    pub async fn try_out(&self, signal: Signal, limit: Duration) -> Option<Trial> {
        let (target, head) = self.ways.get(&signal)?;
        let stage = Stage { target: Arc::clone(target), head: head.clone() };
        let limit = target.timeout.map_or(limit, |timeout| timeout.min(limit));
        let progress = Progress::new();
        let answered = within(Some(limit), &progress, Box::pin(stage.export_nothing(signal, &progress))).await;
        let answer = answered.as_ref().ok().map(|answered| &answered.answer);
        let header = |name: &str| answer.and_then(|answer| text_of(&answer.headers, name));
        let date = header(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        let secrets = stage.secrets().await;
        let mask = target.mask.with(secrets.iter().map(Secret::reveal));
        let server = header(SERVER.as_str()).map(|server| mask.cleaned(server).chars().take(MAX_CHARS).collect());
        let outcome = masked(answered.and_then(|answered| answered.verdict), &mask);
        let attempt = progress.record();
        let outcome = outcome.map_err(|failure| failure.at(Arc::clone(&target.endpoint)));
        Some(Trial { outcome, attempt, date, server, secrets })
    }
}

impl Stage {
    /// The values of its requests' headers that are marked as secrets. A token is at hand when a request was sent.
    async fn secrets(&self) -> Vec<Secret> {
        let mut headers = self.head.headers().clone();
        if let Some(credentials) = &self.target.credentials {
            let _ = timeout(AT_HAND, credentials.add(&mut headers, None)).await;
        }
        headers::secrets(&headers).map(Secret::new).collect()
    }

    async fn export_nothing(&self, signal: Signal, progress: &Progress) -> Result<Answered, Failure> {
        let payload = Payload::parse(signal, Bytes::new());
        let payload = payload.map_err(|error| Failure::new(Class::MalformedRequest, error.to_string()))?;
        self.exchange(payload, progress).await
    }
}

const AT_HAND: Duration = Duration::from_millis(100);
const MAX_CHARS: usize = 100;
