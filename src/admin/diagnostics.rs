//! The gRPC service of diagnostics, with reflection beside it, so that `grpcurl` needs no file to ask it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_reflection::server::Builder;

use crate::interface::DESCRIPTORS;
use crate::interface::diagnostics as shown;
use crate::interface::diagnostics::diagnostics_server::{Diagnostics, DiagnosticsServer};
use crate::transport::server::Reply;

use super::server::Calls;
use super::status::StatusFacts;

/// Answers gRPC calls, by the service in their path.
pub fn diagnostics_calls(facts: Arc<StatusFacts>, end: CancellationToken) -> Calls {
    let own = Own { facts, watchers: Arc::new(Semaphore::new(MOST_WATCHERS)), end };
    let mut services = vec![(DIAGNOSTICS, call(DiagnosticsServer::new(own)))];
    // Descriptors that cannot be read would be a fault of the build, found by the tests: the relay does without them.
    services.extend(reflection().build_v1().ok().map(|service| (REFLECTION, call(service))));
    services.extend(reflection().build_v1alpha().ok().map(|service| (REFLECTION_ALPHA, call(service))));
    let services: Arc<[(&str, Call)]> = services.into();
    Arc::new(move |request: Request<Incoming>| {
        let service = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
        let found = service.and_then(|(name, _)| services.iter().find(|(known, _)| *known == name));
        match found {
            Some((_, call)) => call(request),
            None => Box::pin(async { Status::new(Code::Unimplemented, "unknown service").into_http() }),
        }
    })
}

/// Calls a service.
type Call = Box<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Reply>> + Send + Sync>;

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

fn reflection() -> Builder<'static> {
    let described = Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
    let names = [DIAGNOSTICS, REFLECTION, REFLECTION_ALPHA];
    names.into_iter().fold(described, |builder, name| builder.with_service_name(name))
}

fn call<S>(service: S) -> Call
where
    S: Service<Request<Incoming>, Response = Response<tonic::body::Body>> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Box::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.map(Reply::streamed),
                Err(_) => Status::new(Code::Internal, "the service failed").into_http(),
            }
        })
    })
}

const DIAGNOSTICS: &str = "otlp_relay.diagnostics.v1.Diagnostics";

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Fewer than there are clients, so that the pages stay open to others.
const MOST_WATCHERS: usize = 16;

const USUAL_INTERVAL: Duration = Duration::from_secs(2);

const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptors_are_those_of_the_service() {
        assert!(reflection().build_v1().is_ok() && reflection().build_v1alpha().is_ok());
    }
}
