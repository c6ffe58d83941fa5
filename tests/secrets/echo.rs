//! Who says back what it is told? A server that refuses whatever it is asked, over HTTP and over gRPC, as a backend, a proxy
//! or a token server, and puts the secrets of the request into each place and each form that an answer has.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::net::local;

/// A server that gives everything away.
pub(crate) struct Echo {
    pub(crate) port: u16,
    answers: Arc<AtomicUsize>,
    heard: Heard,
}

/// All that it was told.
type Heard = Arc<Mutex<BTreeSet<String>>>;

/// The headers whose values are told, beside the values of the query and of a form.
const TOLD: [&str; 5] = ["authorization", "proxy-authorization", "x-planted", "x-file", "x-context"];

/// In how many forms something is told.
pub(crate) const FORMS: usize = 10;

impl Echo {
    /// Refuses everything.
    pub(crate) async fn start() -> Echo {
        Echo::serve(None).await
    }

    /// A token server that gives everybody `token`.
    pub(crate) async fn granting(token: &str) -> Echo {
        Echo::serve(Some(format!(r#"{{"access_token":{},"token_type":"Bearer"}}"#, json(token)))).await
    }

    /// Ends each HTTP/2 connection when it is sent a request, and says `secret` in its last frame.
    pub(crate) async fn going_away(secret: &str) -> Echo {
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(AtomicUsize::new(0));
        let heard = Arc::new(Mutex::new(BTreeSet::from([secret.to_owned()])));
        let (count, secret) = (Arc::clone(&answers), secret.to_owned());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                // What is kept of it is cut wherever there is room no more.
                let words = format!("{} you said {secret}", "x".repeat(number % 48));
                tokio::spawn(go_away(socket, words));
            }
        });
        Echo { port, answers, heard }
    }

    async fn serve(grant: Option<String>) -> Echo {
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(AtomicUsize::new(0));
        let heard = Heard::default();
        let (count, hears) = (Arc::clone(&answers), Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (count, hears, grant) = (Arc::clone(&count), Arc::clone(&hears), grant.clone());
                let service =
                    service_fn(move |request| answer(request, Arc::clone(&count), Arc::clone(&hears), grant.clone()));
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Echo { port, answers, heard }
    }

    /// Whether it was told `secret`.
    pub(crate) fn heard(&self, secret: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| heard.contains(secret))
    }

    /// How many answers told a secret.
    pub(crate) fn answers(&self) -> usize {
        self.answers.load(Ordering::SeqCst)
    }
}

async fn go_away(mut socket: TcpStream, words: String) {
    // SETTINGS without settings (RFC 9113, section 6.5).
    let _ = socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let mut request = Vec::new();
    // The preface, and frames up to the HEADERS (type 1) of the first request.
    while !request.windows(9).any(|frame| frame[3] == 1 && frame[4] & 4 == 4 && frame[5..] == [0, 0, 0, 1]) {
        if !matches!(socket.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let length = u8::try_from(8 + words.len()).unwrap();
    let mut frame = vec![0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    frame.extend_from_slice(words.as_bytes());
    let _ = socket.write_all(&frame).await;
}

async fn answer(
    request: Request<Incoming>,
    count: Arc<AtomicUsize>,
    heard: Heard,
    grant: Option<String>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(grant) = grant {
        return Ok(reply(StatusCode::OK, "application/json", &HeaderMap::new(), grant));
    }
    let is_form = header("content-type").is_some_and(|kind| kind.contains("form-urlencoded"));
    let form = if is_form { String::from_utf8_lossy(&body).into_owned() } else { String::new() };
    let pairs = head.uri.query().unwrap_or_default().split('&').chain(form.split('&'));
    let values = pairs.filter_map(|pair| pair.split_once('=')).map(|(_, value)| unescaped(value));
    let told: Vec<String> = TOLD.iter().filter_map(|name| header(name)).chain(values).collect();
    if told.is_empty() {
        return Ok(reply(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain",
            &HeaderMap::new(),
            "nothing was told".to_owned(),
        ));
    }
    heard.lock().unwrap().extend(told.iter().flat_map(|value| [value.clone(), decoded(value)]));
    let number = count.fetch_add(1, Ordering::SeqCst);
    let words = format!("you said {}", form_of(&told[number / FORMS % told.len()], number % FORMS));
    let mut headers = HeaderMap::new();
    for name in ["x-echo", "server", "www-authenticate", "proxy-authenticate", "location", "allow", "via"] {
        let value = HeaderValue::from_str(&words.replace(|c: char| !(' '..='~').contains(&c), "?")).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    }
    match header("content-type") {
        Some(kind) if kind.starts_with("application/grpc") => Ok(grpc(headers, &words, number)),
        _ => Ok(http(&head.method, &headers, words, number)),
    }
}

/// Refusals that differ in what is read of them.
fn http(method: &Method, headers: &HeaderMap, words: String, number: usize) -> Response<Full<Bytes>> {
    const STATUSES: [u16; 7] = [401, 403, 400, 503, 429, 404, 415];
    let status = StatusCode::from_u16(STATUSES[number % STATUSES.len()]).unwrap();
    match number % 5 {
        _ if method == Method::CONNECT => reply(status, "text/plain", headers, words),
        0 => reply(status, "text/plain", headers, words),
        1 => reply(
            status,
            "application/json",
            headers,
            format!(r#"{{"error":"refused","error_description":{0},"message":{0}}}"#, json(&words)),
        ),
        2 => reply(status, "text/html", headers, format!("<html><title>{words}</title><p>{words}</p></html>")),
        3 => reply(status, "application/x-protobuf", headers, status_of(&words)),
        // What looks like a success and is none.
        _ => reply(StatusCode::OK, "text/plain", headers, words),
    }
}

fn grpc(mut headers: HeaderMap, words: &str, number: usize) -> Response<Full<Bytes>> {
    const CODES: [&str; 6] = ["16", "7", "14", "3", "12", "8"];
    headers.insert("grpc-status", HeaderValue::from_static(CODES[number % CODES.len()]));
    headers.insert("grpc-message", HeaderValue::from_str(&escaped(words, |c| (' '..='~').contains(&c))).unwrap());
    let details = STANDARD_NO_PAD.encode(status_of(words));
    headers.insert("grpc-status-details-bin", HeaderValue::from_str(&details).unwrap());
    reply(StatusCode::OK, "application/grpc", &headers, Vec::new())
}

fn reply(status: StatusCode, kind: &str, headers: &HeaderMap, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().clone_from(headers);
    response.headers_mut().insert("content-type", HeaderValue::from_str(kind).unwrap());
    response
}

fn status_of(words: &str) -> Vec<u8> {
    tonic_types::Status { code: 16, message: words.to_owned(), details: Vec::new() }.encode_to_vec()
}

/// The credential in `value`: what is behind its scheme, decoded.
fn decoded(value: &str) -> String {
    let credential = value.split_once(' ').map_or(value, |(_, credential)| credential);
    let login = STANDARD.decode(credential).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // The login of an OAuth client is escaped as well.
    login.map_or(credential.to_owned(), |login| unescaped(&login))
}

/// `value` as some peer may write it.
fn form_of(value: &str, form: usize) -> String {
    let decoded = &*decoded(value);
    match form {
        0 => value.to_owned(),
        1 => decoded.to_owned(),
        2 => escaped(decoded, |c| c.is_ascii_alphanumeric()),
        3 => json(&json(decoded)),
        4 => STANDARD.encode(format!("as {decoded} says")),
        5 => format!("{:?}", decoded.replace('/', "\\/")),
        6 => decoded.replace('"', "&quot;").replace('/', "&#x2F;"),
        // Cut in the middle by whoever shortens what it shows.
        7 => format!("{} {decoded}", "x".repeat(200 - "you said ".len() - 12)),
        // Cut in the middle by the peer.
        8 => decoded[decoded.find(':').map_or(0, |at| at + 1)..].chars().take(10).collect(),
        _ => escaped(&json(decoded), |c| c.is_ascii_alphanumeric()),
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii() && c != '%' && keep(c) {
            escaped.push(c);
        } else {
            c.to_string().bytes().for_each(|byte| write!(escaped, "%{byte:02x}").unwrap());
        }
    }
    escaped
}

fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
