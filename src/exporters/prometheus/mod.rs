//! The `prometheus` exporter (contrib: exporter/prometheusexporter): metrics on a page that Prometheus scrapes.
//!
//! A request changes series and is answered at once; a scrape shows them. Each series is known by its name and labels,
//! so that no scrape has one twice. Sums and histograms of delta temporality are added up: a gap between two deltas, or
//! a second writer, loses nothing. What cannot be shown is answered as rejected, with the reason.

mod labels;
mod name;
mod negotiation;
mod page;
mod protobuf;
mod refusals;
mod shown;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod typed;
mod value;
mod write;

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use tokio::sync::Semaphore;

use crate::config::Prometheus;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::units::Items;

pub use page::{Page, PageDoor};
pub(super) use write::remote_write;

use labels::{Labeller, ScopeLabels};
use name::Namer;
use negotiation::Offer;
use store::Store;
use typed::Reader;

/// A `prometheus` exporter with its series.
#[derive(Debug)]
pub struct Scraped {
    stage: Arc<Stage>,
    page: Arc<Page>,
}

#[derive(Debug)]
struct Stage {
    id: Arc<ComponentId>,
    reader: Reader,
    store: Arc<Store>,
}

/// The `prometheus` exporter called `id`, without a series yet. It does not listen: whoever owns listeners serves its
/// page.
pub fn prometheus(id: Arc<ComponentId>, asked: &Prometheus) -> Scraped {
    let namer = Namer::new(asked.translation, &asked.namespace);
    let store = Arc::new(Store::new(asked.metric_expiration, asked.max_series));
    let header = |(name, value): &(http::HeaderName, crate::config::Secret)| {
        Some((name.clone(), HeaderValue::from_str(value.reveal()).ok()?))
    };
    let page = Page {
        store: Arc::clone(&store),
        offer: if asked.open_metrics { Offer::All } else { Offer::WithoutOpenMetrics },
        timestamps: asked.send_timestamps,
        target_info: namer.own("target_info"),
        headers: asked.response_headers.iter().filter_map(header).collect(),
        turns: Arc::new(Semaphore::new(MOST_TURNS)),
    };
    let scope = if asked.scope_labels { ScopeLabels::Whole } else { ScopeLabels::Left };
    let labeller = Labeller::new(namer.clone(), &asked.const_labels, &asked.resource_labels, scope);
    let reader = Reader { labeller, namer };
    Scraped { stage: Arc::new(Stage { id, reader, store }), page: Arc::new(page) }
}

impl Scraped {
    /// The stage that takes metrics.
    pub fn stage(&self) -> Next {
        Arc::clone(&self.stage) as Next
    }

    /// The page that shows them.
    pub fn page(&self) -> Arc<Page> {
        Arc::clone(&self.page)
    }
}

impl Consume for Stage {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            let request = ExportMetricsServiceRequest::decode(payload.to_bytes()).map_err(unreadable)?;
            let refusals = self.reader.read(&request, &self.store, Instant::now());
            let mut receipt = Receipt::delivered(Arc::clone(&self.id));
            receipt.rejected = Items(refusals.points());
            receipt.message = refusals.message().map(Into::into);
            Ok(receipt)
        })
    }
}

fn unreadable(error: prost::DecodeError) -> Failure {
    Failure::new(Class::InvalidData, "the request cannot be decoded to be shown").because(error)
}

/// Scrapes that are written down at a time: more than one Prometheus and its twin are rare.
const MOST_TURNS: usize = 2;
