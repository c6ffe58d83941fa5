//! Whether a relay is well, asked from outside: a health check for images that have neither a shell nor curl.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, Uri, header};

use crate::attempt::Progress;
use crate::config::{ClientTls, Config, Endpoint, Extension, ListenAddress, Receiver};
use crate::failure::{Class, Failure};
use crate::protocol::Protocol;
use crate::transport::client;
use crate::transport::client::{Answer, Client, ClientSettings, RequestBody, TlsClient, within};

/// Who is asked.
#[derive(Debug)]
pub enum Whom {
    /// The relay that runs with this configuration.
    Configured(Box<Config>),
    /// Whoever answers at this URL: 200 is well.
    Url(String),
}

/// Asks whether the relay is well.
///
/// # Errors
/// Why it is not, or why it cannot be asked, in one line.
pub async fn ask(whom: &Whom, limit: Duration) -> Result<String, String> {
    match whom {
        Whom::Url(url) => page(url, limit).await,
        Whom::Configured(config) => match question(config) {
            Some(Question::Page(listen, path)) => {
                let endpoint = endpoint(&listen);
                get(&endpoint, None, &path, limit).await
            }
            Some(Question::Receiver(listen, Protocol::Grpc, tls)) => serving(&endpoint(&listen), tls, limit).await,
            Some(Question::Receiver(listen, Protocol::Http, tls)) => answers(&endpoint(&listen), tls, limit).await,
            None => Err("the configuration has neither a health_check extension nor a receiver to ask".to_owned()),
        },
    }
}

/// What a configuration offers to be asked.
enum Question {
    Page(ListenAddress, String),
    Receiver(ListenAddress, Protocol, Tls),
}

/// Whether a receiver speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    On,
    Off,
}

/// The `health_check` extension before the receivers: it knows of draining.
fn question(config: &Config) -> Option<Question> {
    let extensions = config.started_extensions.iter().filter_map(|id| config.extensions.get(id));
    let page = extensions.filter_map(|extension| match extension {
        Extension::HealthCheck(check) => Some(Question::Page(check.listen.clone(), check.path.clone())),
        _ => None,
    });
    let used = |id| config.pipelines.values().any(|pipeline| pipeline.receivers.contains(id));
    let receivers = config.receivers.iter().filter(|(id, _)| used(id)).flat_map(|(_, receiver)| match receiver {
        Receiver::Otlp(otlp) => {
            let on = |is_on| if is_on { Tls::On } else { Tls::Off };
            let grpc = otlp.grpc.as_ref();
            let grpc = grpc.map(|grpc| Question::Receiver(grpc.listen.clone(), Protocol::Grpc, on(grpc.tls.is_some())));
            let http = otlp.http.as_ref();
            let http = http.map(|http| Question::Receiver(http.listen.clone(), Protocol::Http, on(http.tls.is_some())));
            vec![grpc, http]
        }
        Receiver::Prometheus(_) | Receiver::Nop => Vec::new(),
    });
    page.chain(receivers.flatten()).next()
}

/// Where a listener is reached from its own machine.
fn endpoint(listen: &ListenAddress) -> Endpoint {
    let host = match listen.host.as_str() {
        "" | "0.0.0.0" | "::" => "127.0.0.1",
        host => host,
    };
    Endpoint { text: listen.to_string(), host: host.to_owned(), port: listen.port }
}

async fn page(url: &str, limit: Duration) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|_| format!("{url} is no URL; write http://host:port/path"))?;
    let tls = match uri.scheme_str() {
        Some("http") => None,
        Some("https") => Some(ClientTls::default()),
        _ => return Err(format!("{url} is no URL of a page; write http://host:port/path")),
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut endpoint = Endpoint { text: String::new(), host, port };
    endpoint.text = endpoint.authority();
    get(&endpoint, tls.as_ref(), &path, limit).await
}

async fn get(endpoint: &Endpoint, tls: Option<&ClientTls>, path: &str, limit: Duration) -> Result<String, String> {
    let head = Request::get(url(endpoint, tls, path)).body(()).map_err(|error| error.to_string())?;
    let answer = send(endpoint, tls, client::Protocol::Http1Only, head, RequestBody::default(), limit).await?;
    match answer.status {
        StatusCode::OK => Ok(format!("{} says that it is well", endpoint.text)),
        status => Err(format!("{} answers {status}: {}", endpoint.text, words(&answer))),
    }
}

/// `grpc.health.v1.Health/Check` of the whole server, which is asked by an empty message.
async fn serving(endpoint: &Endpoint, tls: Tls, limit: Duration) -> Result<String, String> {
    let tls = tls.any();
    let head = Request::post(url(endpoint, tls.as_ref(), "/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"))
        .header(header::TE, HeaderValue::from_static("trailers"))
        .body(())
        .map_err(|error| error.to_string())?;
    let message = RequestBody::new([bytes::Bytes::from_static(&[0; 5])]);
    let answer = send(endpoint, tls.as_ref(), client::Protocol::Http2Only, head, message, limit).await?;
    let status = |headers: &http::HeaderMap| headers.get("grpc-status").map(|status| status.as_bytes() == b"0");
    let is_ok = answer.trailers.as_ref().and_then(status).or_else(|| status(&answer.headers)).unwrap_or(false);
    // The prefix, then field 1, a varint: SERVING.
    match (is_ok, answer.body.get(5..)) {
        (true, Some([0x08, 0x01])) => Ok(format!("{} is serving (grpc.health.v1)", endpoint.text)),
        _ => Err(format!("{} does not say that it is serving (grpc.health.v1)", endpoint.text)),
    }
}

/// A receiver that answers at all is there.
async fn answers(endpoint: &Endpoint, tls: Tls, limit: Duration) -> Result<String, String> {
    let tls = tls.any();
    let head = Request::get(url(endpoint, tls.as_ref(), "/")).body(()).map_err(|error| error.to_string())?;
    let answer = send(endpoint, tls.as_ref(), client::Protocol::Http1Only, head, RequestBody::default(), limit).await?;
    Ok(format!("the receiver at {} answers (HTTP {})", endpoint.text, answer.status.as_u16()))
}

async fn send(
    endpoint: &Endpoint,
    tls: Option<&ClientTls>,
    protocol: client::Protocol,
    head: Request<()>,
    body: RequestBody,
    limit: Duration,
) -> Result<Answer, String> {
    let tls = tls.map(|tls| TlsClient::load(tls, endpoint)).transpose().map_err(|problem| problem.to_string())?;
    let client = Client::new(ClientSettings::new(endpoint.clone(), tls.map(Arc::new), protocol));
    let progress = Progress::new();
    let answer = within(Some(limit), &progress, Box::pin(client.send(&head, body, &progress))).await;
    answer.map_err(|failure: Failure| {
        let class = failure.class();
        match class {
            // What else there is to say of a refusal is about backends.
            Class::ConnectionRefused => {
                format!("{}: {class}: nothing listens there: the relay does not run", endpoint.text)
            }
            _ => format!("{}: {class}: {}", endpoint.text, failure.cause()),
        }
    })
}

fn url(endpoint: &Endpoint, tls: Option<&ClientTls>, path: &str) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}{path}", endpoint.authority())
}

fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_CHARS).collect()
}

impl Tls {
    /// A relay asks itself: whose certificate it is does not matter.
    fn any(self) -> Option<ClientTls> {
        (self == Tls::On).then(|| ClientTls { skip_verify: true, ..ClientTls::default() })
    }
}

const MAX_CHARS: usize = 200;
