//! gRPC services that are made elsewhere, such as health and reflection: found by the path of a request, and called.

use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_reflection::server::Builder;

use super::Reply;

/// Services by their names, such as `grpc.health.v1.Health`.
#[derive(Default)]
pub struct Services(Vec<(&'static str, Made)>);

/// A service, made when it is first called; none where it cannot be made.
type Made = LazyLock<Option<Call>, Box<dyn FnOnce() -> Option<Call> + Send>>;

/// Calls a service.
type Call = Box<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Reply>> + Send + Sync>;

impl Services {
    /// With `service`, which is called `name`.
    #[must_use]
    pub fn with<S>(self, name: &'static str, service: S) -> Services
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let service = call(service);
        self.with_lazy(name, move || Some(service))
    }

    fn with_lazy(mut self, name: &'static str, make: impl FnOnce() -> Option<Call> + Send + 'static) -> Services {
        self.0.push((name, LazyLock::new(Box::new(make))));
        self
    }

    /// With reflection, in both of its versions, that tells of `names` and of itself. `descriptors` describe them. It is made
    /// when somebody first asks: that takes half as long as the whole start of a relay, and hardly anybody does.
    #[must_use]
    pub fn with_reflection(self, names: &[&str], descriptors: &[&'static [u8]]) -> Services {
        let own = [tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET];
        let all: Vec<&'static [u8]> = descriptors.iter().copied().chain(own).collect();
        let names: Vec<String> =
            names.iter().copied().chain([REFLECTION, REFLECTION_ALPHA]).map(str::to_owned).collect();
        let described = move || {
            let builder = Builder::configure().include_reflection_service(false);
            let builder = all.iter().copied().fold(builder, Builder::register_encoded_file_descriptor_set);
            names.iter().fold(builder, |builder, name| builder.with_service_name(name.clone()))
        };
        let described_again = described.clone();
        // Descriptors that cannot be read would be a fault of the build, found by the tests: the relay does without them.
        self.with_lazy(REFLECTION, move || Some(call(described().build_v1().ok()?.max_decoding_message_size(LARGEST))))
            .with_lazy(REFLECTION_ALPHA, move || {
                Some(call(described_again().build_v1alpha().ok()?.max_decoding_message_size(LARGEST)))
            })
    }

    /// Whether one of them has the gRPC method `path`.
    pub fn offer(&self, path: &str) -> bool {
        service_of(path).is_some_and(|service| self.0.iter().any(|(name, _)| *name == service))
    }

    /// What the service of the request's path says.
    pub fn answer<B>(&self, request: Request<B>) -> BoxFuture<'static, Response<Reply>>
    where
        B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
    {
        match self.find(request.uri().path()) {
            Some(call) => call(request.map(Body::new)),
            None => Box::pin(async { Status::new(Code::Unimplemented, "unknown service").into_http() }),
        }
    }

    fn find(&self, path: &str) -> Option<&Call> {
        let service = service_of(path)?;
        let (_, made) = self.0.iter().find(|(name, _)| *name == service)?;
        made.as_ref()
    }
}

/// Tells their names.
impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The service in `/service/method`.
pub fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split_once('/').map(|(service, _)| service)
}

fn call<S>(service: S) -> Call
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
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

/// More than a name of a service has.
const LARGEST: usize = 16 << 10;

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_reflection_are_made_when_they_are_asked_for() {
        let services = Services::default().with_reflection(&[REFLECTION], &[]);
        for name in [REFLECTION, REFLECTION_ALPHA] {
            let path = format!("/{name}/Any");
            assert!(services.offer(&path) && services.find(&path).is_some(), "{name}");
        }
        assert!(!services.offer("/other/Any") && services.find("/other/Any").is_none());
    }
}
