//! What else can be said over the connections of an OTLP/HTTP exporter: a payload becomes the body of another protocol.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::encode::{Packing, aside_if_large};
use super::http_answer::refusal;
use super::stage::Sent;
use super::text_of;
use super::words::{Circumstances, words};
use crate::failure::{Class, Failure, Retry};
use crate::flow::Receipt;
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::transport::client::{Answer, Extent};
use crate::transport::codec::compress_at;
use crate::units::Items;

/// A protocol that payloads are translated to.
pub trait Translate: Debug + Send + Sync + 'static {
    /// The body of a request that says what `payload` says.
    ///
    /// # Errors
    /// When nothing of it can be said.
    fn translate(&self, payload: &Payload) -> Result<Translated, Failure>;

    /// The path that servers usually take it on, for people.
    fn usual_path(&self) -> &'static str;
}

/// A payload in the words of another protocol.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The body, not compressed.
    pub body: Bytes,
    /// Items that the protocol has no words for.
    pub rejected: Items,
    /// Why they are not in it.
    pub message: Option<Arc<str>>,
}

/// Translates `payload` and packs it, beside the worker where that takes long.
pub(super) async fn translated(
    payload: Payload,
    by: &Arc<dyn Translate>,
    packing: Packing,
) -> Result<Translated, Failure> {
    let by = Arc::clone(by);
    let outcome = aside_if_large(payload, move |payload| {
        let translated = match by.translate(payload) {
            Ok(translated) => translated,
            Err(failure) => return Ok(Err(failure)),
        };
        let body = match packing {
            Packing::Plain => translated.body,
            Packing::Packed(encoding, level) => compress_at(encoding, level, &[translated.body])?,
        };
        Ok(Ok(Translated { body, ..translated }))
    });
    outcome.await?
}

/// Reads the answer to what was `sent`: whatever a server says of its success is one, but a page for people is
/// none. What fails in the server is worth another try, as the specifications of these protocols have it.
pub(super) fn verdict(
    answer: &Answer,
    sent: &Sent<'_>,
    by: &dyn Translate,
    id: &Arc<ComponentId>,
) -> Result<Receipt, Failure> {
    let circumstances = || Circumstances::of(sent, answer, by.usual_path());
    if !answer.status.is_success() {
        let failure = refusal(answer, sent.mask()).because(circumstances());
        let again = answer.status.is_server_error() && failure.retry() == Retry::Never;
        return Err(if again { failure.retry_when(Retry::BackOff) } else { failure });
    }
    let kind = text_of(&answer.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("text/html") && !answer.body.is_empty() && answer.extent != Extent::Broken {
        let text = format!("a page for people is the answer, HTTP {}: {}", answer.status, words(answer, sent.mask()));
        return Err(Failure::new(Class::NotOtlpResponse, text).because(circumstances()));
    }
    Ok(Receipt::delivered(Arc::clone(id)))
}
