//! The floor: takes requests over HTTP/2 without TLS, holds each whole, and sends the same bytes on, one runtime for each
//! core. What a relay costs beside this is what it does with the data.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream as StdStream};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self as client, SendRequest};
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// Forwards what comes to the port `listen` to the port `target`, until the process is killed.
pub fn run(listen: u16, target: u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen)).expect("a free port");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers: Vec<_> = (0..cores)
        .map(|_| {
            let (hand, handed) = mpsc::unbounded_channel();
            thread::spawn(move || work(target, handed));
            hand
        })
        .collect();
    let _ = writeln!(std::io::stderr(), "forwarding {listen} to {target}");
    for (socket, worker) in listener.incoming().zip(workers.iter().cycle()) {
        let Ok(socket) = socket else { continue };
        if worker.send(socket).is_err() {
            return;
        }
    }
}

/// One runtime with one connection to the target.
fn work(target: u16, mut handed: mpsc::UnboundedReceiver<StdStream>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let onward = connect(target).await;
        while let Some(socket) = handed.recv().await {
            socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true)).expect("a socket");
            let socket = TokioIo::new(TcpStream::from_std(socket).expect("a socket"));
            let onward = onward.clone();
            let service = service_fn(move |request| forward(request, onward.clone()));
            let mut http = server::Builder::new(TokioExecutor::new());
            http.initial_stream_window_size(WINDOW).initial_connection_window_size(2 * WINDOW);
            http.max_concurrent_streams(512);
            tokio::spawn(http.serve_connection(socket, service));
        }
    });
}

async fn connect(target: u16) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await.expect("connect");
    socket.set_nodelay(true).expect("a socket");
    let mut http = client::Builder::new(TokioExecutor::new());
    http.initial_stream_window_size(WINDOW).initial_connection_window_size(2 * WINDOW);
    let (onward, connection) = http.handshake(TokioIo::new(socket)).await.expect("HTTP/2");
    tokio::spawn(connection);
    onward
}

async fn forward(
    request: Request<Incoming>,
    mut onward: SendRequest<Full<Bytes>>,
) -> Result<Response<Incoming>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    onward.ready().await?;
    onward.send_request(Request::from_parts(head, Full::new(body))).await
}

/// Bytes that may be under way of one request.
const WINDOW: u32 = 1 << 20;
