//! Who is asked or told over plain HTTP, and speaks no OTLP? A web server that answers as told and records every request.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use super::eventually;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// The path and query.
    pub path: String,
    /// Names in lower case, the values of one name with commas between them.
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Says {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Says {
    /// A page.
    pub fn page(kind: &str, body: &str) -> Says {
        Says::bytes(kind, Bytes::copy_from_slice(body.as_bytes()))
    }

    /// A page that is no text.
    pub fn bytes(kind: &str, body: Bytes) -> Says {
        Says { status: 200, headers: vec![("content-type", kind.to_owned())], body }
    }

    /// The same, with one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Says {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A status without a body.
    pub fn status(status: u16) -> Says {
        Says { status, headers: Vec::new(), body: Bytes::new() }
    }
}

/// A server on a port of its own, as long as its runtime lives.
pub struct Web {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    once: Mutex<VecDeque<Says>>,
    always: Mutex<Says>,
    asked: Mutex<Vec<Asked>>,
}

impl Web {
    /// A server that answers everything with `says`.
    pub async fn start(says: Says) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared { once: Mutex::default(), always: Mutex::new(says), asked: Mutex::default() });
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Web { port, shared }
    }

    /// From now on it answers with `says`.
    pub fn always(&self, says: Says) {
        *self.shared.always.lock().unwrap() = says;
    }

    /// One of its next answers is `says`.
    pub fn once(&self, says: Says) {
        self.shared.once.lock().unwrap().push_back(says);
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Asked> {
        eventually("requests to a web server", async || Some(self.asked()).filter(|asked| count <= asked.len())).await
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&shared), request));
            // An error is a client that went away.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let values = |name: &http::HeaderName| {
        let all: Vec<_> =
            parts.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        all.join(", ")
    };
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts.headers.keys().map(|name| (name.to_string(), values(name))).collect(),
        body: body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
    };
    let once = shared.once.lock().unwrap().pop_front();
    let says = once.unwrap_or_else(|| shared.always.lock().unwrap().clone());
    shared.asked.lock().unwrap().push(asked);
    let mut answer = Response::builder().status(says.status);
    for (name, value) in says.headers {
        answer = answer.header(name, value);
    }
    Ok(answer.body(Full::new(says.body)).expect("an answer"))
}
