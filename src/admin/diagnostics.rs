//! The gRPC service of diagnostics, with reflection beside it, so that `grpcurl` needs no file to ask it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use http::Request;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::interface::DESCRIPTORS;
use crate::interface::diagnostics as shown;
use crate::interface::diagnostics::diagnostics_server::{Diagnostics, DiagnosticsServer};
use crate::transport::server::Services;

use super::server::Calls;
use super::status::StatusFacts;

/// Answers gRPC calls, by the service in their path.
pub fn diagnostics_calls(facts: Arc<StatusFacts>, end: CancellationToken) -> Calls {
    let own = Own { facts, watchers: Arc::new(Semaphore::new(MOST_WATCHERS)), end };
    let services = Services::default().with(DIAGNOSTICS, DiagnosticsServer::new(own));
    let services = services.with_reflection(&[DIAGNOSTICS], &[DESCRIPTORS]);
    Arc::new(move |request: Request<Incoming>| services.answer(request))
}

struct Own {
    facts: Arc<StatusFacts>,
    watchers: Arc<Semaphore>,
    end: CancellationToken,
}

#[tonic::async_trait]
impl Diagnostics for Own {
    type WatchStream = BoxStream<'static, Result<shown::RelayStatus, Status>>;

    async fn status(
        &self,
        _request: tonic::Request<shown::StatusRequest>,
    ) -> Result<tonic::Response<shown::RelayStatus>, Status> {
        Ok(tonic::Response::new(self.facts.status()))
    }

    async fn list_events(
        &self,
        request: tonic::Request<shown::ListEventsRequest>,
    ) -> Result<tonic::Response<shown::ListEventsResponse>, Status> {
        let shown::ListEventsRequest { exporter, class } = request.into_inner();
        let wanted = |event: &shown::Event| {
            (exporter.is_empty() || event.exporter == exporter)
                && (class.is_empty() || event.class == class || event.family == class)
        };
        let events = self.facts.status().events.into_iter().filter(wanted).collect();
        Ok(tonic::Response::new(shown::ListEventsResponse { events }))
    }

    async fn watch(
        &self,
        request: tonic::Request<shown::WatchRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let every = match request.get_ref().interval_millis {
            0 => USUAL_INTERVAL,
            millis => Duration::from_millis(millis.into()).max(SHORTEST_INTERVAL),
        };
        let Ok(place) = Arc::clone(&self.watchers).try_acquire_owned() else {
            return Err(Status::resource_exhausted("too many watch the relay already"));
        };
        let watching = Watching { facts: Arc::clone(&self.facts), every, pause: Duration::ZERO, _place: place };
        let statuses = stream::unfold(watching, |mut watching| async move {
            sleep(watching.pause).await;
            watching.pause = watching.every;
            let status = watching.facts.status();
            Some((Ok(status), watching))
        });
        let end = self.end.clone();
        Ok(tonic::Response::new(statuses.take_until(end.cancelled_owned()).boxed()))
    }
}

/// One who watches, with the place that is given back when he leaves.
struct Watching {
    facts: Arc<StatusFacts>,
    every: Duration,
    pause: Duration,
    _place: OwnedSemaphorePermit,
}

const DIAGNOSTICS: &str = "otlp_relay.diagnostics.v1.Diagnostics";

/// Fewer than there are clients, so that the pages stay open to others.
const MOST_WATCHERS: usize = 16;

const USUAL_INTERVAL: Duration = Duration::from_secs(2);

const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptors_are_those_of_the_service() {
        let services = Services::default().with_reflection(&[DIAGNOSTICS], &[DESCRIPTORS]);
        for version in ["v1", "v1alpha"] {
            assert!(services.offer(&format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")));
        }
    }
}
