//! One export: a payload becomes a POST, and the answer a receipt or a failure.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use http::Request;

use super::encode::{Packing, body, json_body, message};
use super::{grpc_answer, headers, http_answer};
use crate::attempt::Progress;
use crate::auth::Credentials;
use crate::failure::{Class, Failure, Mask, Retry};
use crate::flow::{Consume, Consumed, Receipt};
use crate::ident::ComponentId;
use crate::payload::{Metadata, Payload};
use crate::transport::client::{Answer, Client, RequestBody, within};
use crate::units::ByteCount;

/// How a request is written and its answer read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A unary gRPC call, written and read here, since only own code sees what a proxy makes of it.
    Grpc,
    /// A plain POST of protobuf. Redirects are not followed: they turn a POST into something else.
    Http,
    /// The same in JSON.
    HttpJson,
}

/// What the stages of one exporter have in common.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: Arc<ComponentId>,
    /// As the configuration writes it.
    pub(super) endpoint: Arc<str>,
    pub(super) client: Arc<Client>,
    /// What is added to the headers of each request.
    pub(super) credentials: Option<Arc<Credentials>>,
    pub(super) shape: Shape,
    pub(super) packing: Packing,
    /// Answers that are tried again although they are final: gRPC codes, or HTTP statuses.
    pub(super) retryable: Vec<u16>,
    /// Of one attempt, from looking the host up to the end of the answer.
    pub(super) timeout: Option<Duration>,
    /// What no answer may bring back to light.
    pub(super) mask: Mask,
}

/// A request, to whoever reads its answer.
pub(super) struct Sent<'a> {
    pub(super) head: &'a Request<()>,
    known: &'a Mask,
    mask: OnceCell<Mask>,
}

impl<'a> Sent<'a> {
    /// A request with `head`. `known` masks what is the same in all requests of the exporter.
    pub(super) fn new(head: &'a Request<()>, known: &'a Mask) -> Sent<'a> {
        Sent { head, known, mask: OnceCell::new() }
    }

    /// Masks what its answer must not bring back to light, credentials that were good for this request alone among it.
    /// Made when it is needed: most answers say nothing.
    pub(super) fn mask(&self) -> &Mask {
        self.mask.get_or_init(|| self.known.with(headers::secrets(self.head.headers())))
    }
}

/// The stage of one signal. One `consume` is one attempt.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) target: Arc<Target>,
    /// Its requests without a body.
    pub(super) head: Request<()>,
}

/// An answer, and what it says of the export.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) answer: Answer,
    pub(super) verdict: Result<Receipt, Failure>,
}

impl Consume for Stage {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            let progress = Progress::of_attempt();
            let export = Box::pin(self.export(payload, &progress));
            self.conclude(export, &progress).await
        })
    }
}

impl Stage {
    /// The outcome of `export`, within the time that one attempt has.
    pub(super) async fn conclude(
        &self,
        export: impl Future<Output = Result<Receipt, Failure>>,
        progress: &Progress,
    ) -> Result<Receipt, Failure> {
        let target = &self.target;
        let outcome = within(target.timeout, progress, export).await;
        match masked(outcome, &target.mask) {
            Ok(receipt) => Ok(Receipt { attempt: Some(Arc::new(progress.record())), ..receipt }),
            Err(failure) => Err(failure.at(Arc::clone(&target.endpoint)).with_attempt(progress.record())),
        }
    }

    async fn export(&self, payload: Payload, progress: &Progress) -> Result<Receipt, Failure> {
        self.exchange(payload, progress).await?.verdict
    }

    /// Sends `payload`; the answer, whatever it says.
    pub(super) async fn exchange(&self, payload: Payload, progress: &Progress) -> Result<Answered, Failure> {
        let target = &self.target;
        let metadata = payload.metadata().cloned();
        let parts = match target.shape {
            Shape::Grpc => message(payload, target.packing).await?,
            Shape::Http => body(payload, target.packing).await?,
            Shape::HttpJson => json_body(payload, target.packing).await?,
        };
        self.deliver(RequestBody::new(parts), metadata.as_deref(), progress).await
    }

    /// Sends `body`, which is written as the target wants it.
    pub(super) async fn deliver(
        &self,
        body: RequestBody,
        metadata: Option<&Metadata>,
        progress: &Progress,
    ) -> Result<Answered, Failure> {
        let Some(credentials) = &self.target.credentials else { return self.post(&self.head, body, progress).await };
        // Boxed: requests without credentials should not be the larger for it.
        let first = self.post_as(credentials, metadata, body.clone(), progress);
        let outcome = Box::pin(first).await;
        let failure = match &outcome {
            Ok(answered) => answered.verdict.as_ref().err(),
            Err(failure) => Some(failure),
        };
        // A token may have been withdrawn before its time.
        if failure.is_some_and(|failure| failure.class() == Class::Unauthenticated) && credentials.renew().await {
            return Box::pin(self.post_as(credentials, metadata, body, progress)).await;
        }
        outcome
    }

    async fn post_as(
        &self,
        credentials: &Credentials,
        metadata: Option<&Metadata>,
        body: RequestBody,
        progress: &Progress,
    ) -> Result<Answered, Failure> {
        let mut head = self.head.clone();
        credentials.add(head.headers_mut(), metadata).await?;
        self.post(&head, body, progress).await
    }

    async fn post(&self, head: &Request<()>, body: RequestBody, progress: &Progress) -> Result<Answered, Failure> {
        let (target, size) = (&self.target, ByteCount(body.len() as u64));
        let outcome = target.client.send(head, body, progress).await;
        let sent = Sent::new(head, &target.mask);
        let answer = outcome.map_err(|failure| failure.masked(sent.mask()))?;
        let (verdict, code) = match target.shape {
            Shape::Grpc => {
                let verdict = grpc_answer::verdict(&answer, &sent, &target.id);
                let code = verdict.as_ref().err().and_then(Failure::peer).map_or(0, |peer| peer.code as u16);
                (verdict, code)
            }
            Shape::Http | Shape::HttpJson => (http_answer::verdict(&answer, &sent, &target.id), answer.status.as_u16()),
        };
        let verdict = match verdict {
            Ok(receipt) if receipt.message.is_none() => Ok(receipt),
            told => masked(told, sent.mask()),
        };
        let verdict = verdict.map_err(|failure| {
            let failure = match failure.class() {
                Class::MessageTooLarge => failure.and(&format!(" (this request has {} bytes as it is sent)", size.0)),
                _ => failure,
            };
            let failure = match target.client.stands_in() {
                Some(proxy) => failure.and(&format!("; it was sent to {proxy}, which may have answered itself")),
                None => failure,
            };
            let is_asked_for = failure.retry() == Retry::Never && target.retryable.contains(&code);
            if is_asked_for { failure.retry_when(Retry::BackOff) } else { failure }
        });
        Ok(Answered { answer, verdict })
    }
}

/// `outcome` without what the mask hides, in the words of a peer above all.
pub(super) fn masked(outcome: Result<Receipt, Failure>, mask: &Mask) -> Result<Receipt, Failure> {
    match outcome {
        Ok(receipt) => Ok(Receipt {
            message: receipt.message.map(|words| mask.apply(&words).map_or(words, Into::into)),
            ..receipt
        }),
        Err(failure) => Err(failure.masked(mask)),
    }
}
