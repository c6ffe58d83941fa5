//! gRPC services that are made elsewhere, such as health and reflection: found by the path of a request, and called.

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_reflection::server::Builder;

use super::Reply;

/// Services by their names, such as `grpc.health.v1.Health`.
#[derive(Default)]
pub struct Services(Vec<(&'static str, Call)>);

/// Calls a service.
type Call = Box<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Reply>> + Send + Sync>;

impl Services {
    /// With `service`, which is called `name`.
    #[must_use]
    pub fn with<S>(mut self, name: &'static str, service: S) -> Services
    where
        S: Service<Request<Incoming>, Response = Response<tonic::body::Body>> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.0.push((name, call(service)));
        self
    }

    /// With reflection, in both of its versions, that tells of `names` and of itself. `descriptors` describe them.
    #[must_use]
    pub fn with_reflection(mut self, names: &[&str], descriptors: &[&'static [u8]]) -> Services {
        let described = || {
            let own =
                [tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET];
            let builder = Builder::configure().include_reflection_service(false);
            let all = descriptors.iter().chain(&own);
            let builder = all.fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set));
            let names = names.iter().copied().chain([REFLECTION, REFLECTION_ALPHA]);
            names.fold(builder, |builder, name| builder.with_service_name(name))
        };
        // Descriptors that cannot be read would be a fault of the build, found by the tests: the relay does without them.
        if let Ok(service) = described().build_v1() {
            self = self.with(REFLECTION, service.max_decoding_message_size(LARGEST));
        }
        if let Ok(service) = described().build_v1alpha() {
            self = self.with(REFLECTION_ALPHA, service.max_decoding_message_size(LARGEST));
        }
        self
    }

    /// Whether one of them has the gRPC method `path`.
    pub fn offer(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// What the service of the request's path says.
    pub fn answer(&self, request: Request<Incoming>) -> BoxFuture<'static, Response<Reply>> {
        match self.find(request.uri().path()) {
            Some(call) => call(request),
            None => Box::pin(async { Status::new(Code::Unimplemented, "unknown service").into_http() }),
        }
    }

    fn find(&self, path: &str) -> Option<&Call> {
        let service = service_of(path)?;
        self.0.iter().find(|(name, _)| *name == service).map(|(_, call)| call)
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

/// More than a name of a service has.
const LARGEST: usize = 16 << 10;

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";
