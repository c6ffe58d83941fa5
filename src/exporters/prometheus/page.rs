//! The page that is scraped: `/metrics`, in the format that the scraper asks for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use crate::flow::{Lifetime, Workers};
use crate::payload::Encoding;
use crate::transport::codec::compress;
use crate::transport::server::{self, Answer, Listener, Reply, Terms};

use super::negotiation::{Format, Offer, negotiate, takes_gzip};
use super::protobuf;
use super::shown::{Escaping, Exposition};
use super::store::Store;
use super::text;

/// What one exporter shows. It is there as long as the exporter keeps its settings.
#[derive(Debug)]
pub struct Page {
    pub(super) store: Arc<Store>,
    pub(super) offer: Offer,
    pub(super) timestamps: bool,
    pub(super) target_info: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Writing down many series takes memory, once for each scrape.
    pub(super) turns: Arc<Semaphore>,
}

/// A door to a page, which may be another one tomorrow.
pub struct PageDoor {
    page: ArcSwap<Page>,
    terms: Arc<ArcSwap<Terms>>,
}

impl PageDoor {
    /// A door to `page`, for connections on these `terms`.
    pub fn to(page: Arc<Page>, terms: Terms) -> Arc<PageDoor> {
        Arc::new(PageDoor { page: ArcSwap::new(page), terms: Arc::new(ArcSwap::from_pointee(terms)) })
    }

    /// Serves the connections of `listener` until the intake of `lifetime` ends.
    ///
    /// # Errors
    /// When the system gives no file descriptor for the listener's share.
    pub fn serve(self: &Arc<Self>, listener: &Listener, workers: &Workers, lifetime: &Lifetime) -> io::Result<()> {
        server::serve(listener, workers, lifetime, Arc::clone(&self.terms), Arc::clone(self))
    }

    /// From the next request on `page` is shown; from the next connection on these `terms` hold.
    pub fn lead_to(&self, page: Arc<Page>, terms: Terms) {
        self.terms.store(Arc::new(terms));
        self.page.store(page);
    }
}

impl Answer for PageDoor {
    async fn answer(self: Arc<Self>, _: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        let page = self.page.load_full();
        let mut answer = match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => Arc::clone(&page).scraped(request.headers()).await,
            ("/metrics", _) => {
                let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
            _ => plain(StatusCode::NOT_FOUND, "404 page not found\n"),
        };
        answer.headers_mut().extend(page.headers.iter().cloned());
        let length = answer.body().len();
        let is_head = request.method() == Method::HEAD;
        let mut answer = answer.map(Reply::of);
        // What HEAD is told is what GET would be.
        if is_head {
            answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            *answer.body_mut() = Reply::empty();
        }
        answer
    }
}

impl Page {
    async fn scraped(self: Arc<Self>, headers: &HeaderMap) -> Response<Bytes> {
        let (format, escaping) = negotiate(headers, self.offer);
        let gzip = takes_gzip(headers);
        // Only fails on a closed semaphore, and nobody closes this one.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        // As long as it takes with many series, the thread has other clients.
        let work = move || {
            let written = self.written(format, escaping);
            drop(turn);
            let packed = gzip.then(|| compress(Encoding::Gzip, std::slice::from_ref(&written)).ok()).flatten();
            (packed.is_some(), packed.unwrap_or(written))
        };
        let Ok((is_packed, body)) = tokio::task::spawn_blocking(work).await else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n");
        };
        let mut answer = Response::new(body);
        if let Ok(kind) = HeaderValue::from_str(&format.content_type(escaping)) {
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        if is_packed {
            answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }

    pub(super) fn written(&self, format: Format, escaping: Escaping) -> Bytes {
        let snapshot = self.store.snapshot(Instant::now());
        let exposition = Exposition::of(snapshot, &self.target_info, self.timestamps).escaped(escaping);
        match format {
            Format::Text(dialect, _) => text::write(&exposition, dialect).into(),
            Format::Protobuf => protobuf::write(&exposition).into(),
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(text.as_bytes()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
