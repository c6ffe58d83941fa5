//! A receiver to talk to, a pipeline that remembers, and clients that say exactly what a test wants said.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::config::{self, Config, Environment, ListenAddress, Origin};
use otlp_relay::failure::{Class, Failure};
use otlp_relay::flow::{Consume, Consumed, Lifetime, Receipt, Workers};
use otlp_relay::payload::{Budget, Payload};
use otlp_relay::protocol::Protocol;
use otlp_relay::receivers::otlp::{Door, Entries, MessageLimits, OtlpServer, Refusals, Settings, Sign};
use otlp_relay::signal::Signal;
use otlp_relay::transport::server::{Listener, Terms};
use otlp_relay::units::ByteCount;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

pub(crate) const INSTANCE: &str = "this-very-relay";

/// A running receiver with pipelines for all signals but profiles.
pub(crate) struct Rig {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) refused: Arc<Refused>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) lifetime: Lifetime,
    pub(crate) address: std::net::SocketAddr,
    door: Arc<Door>,
    listener: Listener,
    workers: Workers,
}

/// Remembers payloads and answers them as it is told.
pub(crate) struct Pipeline {
    taken: Mutex<Vec<Payload>>,
    answer: Box<dyn Fn() -> Result<Receipt, Failure> + Send + Sync>,
    /// One permit is taken by each request before its answer.
    pub(crate) gate: Semaphore,
    pub(crate) waiting: AtomicUsize,
    /// Whether it would take anything.
    pub(crate) closed: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Refused(Mutex<Vec<(Class, Protocol)>>);

/// What a client got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Rig {
    pub(crate) async fn start() -> Rig {
        Rig::answering(|| Ok(Receipt::held())).await
    }

    pub(crate) async fn answering(answer: impl Fn() -> Result<Receipt, Failure> + Send + Sync + 'static) -> Rig {
        Rig::with(ByteCount::mib(64), Settings::default(), answer).await
    }

    pub(crate) async fn limited(budget: ByteCount, limits: MessageLimits) -> Rig {
        Rig::with(budget, limits.into(), || Ok(Receipt::held())).await
    }

    /// The port of `protocol` of a receiver whose section of the configuration holds `text`.
    pub(crate) async fn configured(protocol: Protocol, text: &str) -> Rig {
        let config = Played::load(text);
        let plan = otlp_relay::pipeline::plan(&config).receivers.remove(0);
        let listen = plan.listens.into_iter().find(|listen| listen.sign.protocol() == protocol).unwrap();
        let terms = Terms { limits: listen.limits, ..Terms::default() };
        Rig::at(listen.sign, terms, ByteCount::mib(64), plan.settings, || Ok(Receipt::held())).await
    }

    async fn with(
        budget: ByteCount,
        settings: Settings,
        answer: impl Fn() -> Result<Receipt, Failure> + Send + Sync + 'static,
    ) -> Rig {
        Rig::at(Sign::new(Protocol::Http, None), Terms::default(), budget, settings, answer).await
    }

    async fn at(
        sign: Sign,
        terms: Terms,
        budget: ByteCount,
        settings: Settings,
        answer: impl Fn() -> Result<Receipt, Failure> + Send + Sync + 'static,
    ) -> Rig {
        let pipeline = Arc::new(Pipeline {
            taken: Mutex::default(),
            answer: Box::new(answer),
            gate: Semaphore::new(1_000_000),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let mut entries = Entries::new();
        for protocol in Protocol::ALL {
            for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
                entries = entries.with(protocol, signal, pipeline.clone());
            }
        }
        let (refused, budget) = (Arc::new(Refused::default()), Budget::new(budget));
        let server = OtlpServer::new(settings, entries, budget.clone(), INSTANCE.into(), refused.clone());
        let listener = Listener::bind(&ListenAddress { host: "127.0.0.1".into(), port: 0 }).await.unwrap();
        let (workers, lifetime) = (Workers::start_many(2).unwrap(), Lifetime::new());
        let door = Door::to(server, sign, terms);
        door.serve(&listener, &workers, &lifetime).unwrap();
        let address = listener.local_addr();
        Rig { pipeline, refused, budget, lifetime, address, door, listener, workers }
    }

    /// The same server on the same listener in a new life.
    pub(crate) fn serve_again(&self) -> Lifetime {
        let next = Lifetime::new();
        self.door.serve(&self.listener.clone(), &self.workers, &next).unwrap();
        next
    }

    /// One HTTP/1.1 request on a connection of its own, sent exactly as `head` and `body` say.
    pub(crate) async fn http1(&self, head: &str, body: &[u8]) -> Got {
        let mut stream = self.connect().await;
        stream.write_all(&http1_request(head, body)).await.unwrap();
        read_http1(&mut stream).await
    }

    /// An OTLP/HTTP request for traces with these headers more.
    pub(crate) async fn post(&self, headers: &str, body: &[u8]) -> Got {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n{headers}",
            body.len()
        );
        self.http1(&head, body).await
    }

    pub(crate) async fn http2(&self, request: Request<Full<Bytes>>) -> Got {
        self.http2_with(request).await
    }

    async fn http2_with<B>(&self, request: Request<B>) -> Got
    where
        B: http_body::Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let stream = TokioIo::new(self.connect().await);
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        Got::of(client.send_request(request).await.unwrap()).await
    }

    /// One gRPC call for traces with these headers more; `frames` is the request's whole body.
    pub(crate) async fn call(&self, headers: &[(&str, &str)], frames: Vec<u8>) -> Got {
        self.call_path(Signal::Traces.facts().grpc_path, headers, frames).await
    }

    pub(crate) async fn call_path(&self, path: &str, headers: &[(&str, &str)], frames: Vec<u8>) -> Got {
        self.http2(self.to_call(path, headers).body(Full::from(frames)).unwrap()).await
    }

    /// A gRPC call for traces whose client sends `begun` and then nothing more.
    pub(crate) async fn call_begun(&self, begun: Vec<u8>) -> Got {
        let begun = stream::iter([Ok(Frame::data(Bytes::from(begun)))]).chain(stream::pending());
        let request = self.to_call(Signal::Traces.facts().grpc_path, &[]);
        self.http2_with(request.body(StreamBody::new(begun)).unwrap()).await
    }

    fn to_call(&self, path: &str, headers: &[(&str, &str)]) -> http::request::Builder {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// A configuration of one receiver, which needs no file.
struct Played(String);

impl Played {
    fn load(receiver: &str) -> Config {
        let text = format!(
            "receivers: {{otlp: {{{receiver}}}}}\nexporters: {{nop: }}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}\n"
        );
        let origin = Origin { locations: vec!["played".to_owned()], ..Origin::default() };
        config::load(&origin, &Played(text)).unwrap_or_else(|it| panic!("{it}"))
    }
}

impl Environment for Played {
    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn exists(&self, _: &Path) -> bool {
        true
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

impl Pipeline {
    pub(crate) fn taken(&self) -> Vec<Payload> {
        self.taken.lock().unwrap().clone()
    }

    /// The bodies of all payloads, after which they are forgotten.
    pub(crate) fn take_bodies(&self) -> Vec<Bytes> {
        self.taken.lock().unwrap().drain(..).map(|payload| payload.to_bytes()).collect()
    }
}

impl Consume for Pipeline {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            self.taken.lock().unwrap().push(payload);
            (self.answer)()
        })
    }

    fn is_open(&self) -> Result<(), Failure> {
        match self.closed.load(Ordering::SeqCst) {
            true => Err(Failure::new(Class::MemoryLimited, "data refused due to high memory usage: closed")),
            false => Ok(()),
        }
    }
}

impl Refusals for Refused {
    fn refused(&self, class: Class, protocol: Protocol) {
        self.0.lock().unwrap().push((class, protocol));
    }
}

impl Refused {
    pub(crate) fn take(&self) -> Vec<(Class, Protocol)> {
        self.0.lock().unwrap().drain(..).collect()
    }
}

impl Got {
    async fn of(response: Response<hyper::body::Incoming>) -> Got {
        let (head, body) = response.into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Got { status: head.status.as_u16(), headers: head.headers, body: collected.to_bytes(), trailers }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The gRPC status, wherever it is.
    pub(crate) fn grpc(&self) -> tonic::Status {
        let headers = if self.trailers.is_empty() { &self.headers } else { &self.trailers };
        tonic::Status::from_header_map(headers).expect("a gRPC status")
    }

    /// The `google.rpc.Status` of an OTLP/HTTP failure.
    pub(crate) fn status(&self) -> tonic_types::Status {
        assert_eq!(self.header("content-type"), "application/x-protobuf", "{self:?}");
        tonic_types::Status::decode(self.body.clone()).unwrap()
    }
}

pub(crate) fn http1_request(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{}\r\nHost: relay\r\n\r\n", head.trim_end()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Reads one answer, which must have a Content-Length.
pub(crate) async fn read_http1(stream: &mut TcpStream) -> Got {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    let text = String::from_utf8(head).unwrap();
    let mut lines = text.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Got { status, headers, body: body.into(), trailers: HeaderMap::new() }
}

/// A traces request of `spans` spans whose names have `width` bytes.
pub(crate) fn traces(spans: usize, width: usize) -> Vec<u8> {
    let span = |n: usize| Span {
        trace_id: vec![7; 16],
        span_id: vec![n as u8 | 1; 8],
        name: format!("{n:0width$}"),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..spans).map(span).collect(), ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

/// `message` with the prefix of a gRPC message that has this compressed flag.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// All that `payload`, the only one, holds and is must be accounted for.
#[track_caller]
pub(crate) fn check_accounted_for(rig: &Rig, payload: &Payload) {
    let (used, held) = (rig.budget.used(), payload.held());
    assert!(held < used && used < held + ByteCount(1000), "{held} of {used}");
}
