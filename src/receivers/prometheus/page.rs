//! How a page of a target is had: one GET, classified where it fails as an export is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};

use super::exposition::Text;
use crate::attempt::Progress;
use crate::auth::{AuthProblem, Credentials, Fetch};
use crate::config::{ClientTls, Oauth2, ProxyKind, ScrapeFormats, ScrapeJob, ScrapeProtocol, ScrapeTarget, Secret};
use crate::failure::{Class, Failure, Mask, from_http};
use crate::payload::Encoding;
use crate::transport::client::{Answer, Client, ClientSettings, Extent, Protocol, RequestBody, TlsClient, within};
use crate::transport::codec::decompress;
use crate::transport::tls::TlsProblem;
use crate::units::ByteCount;

/// A page that is asked for again and again.
pub(super) struct Page {
    client: Client,
    head: Request<()>,
    endpoint: Arc<str>,
    credentials: Option<Arc<Credentials>>,
    timeout: Duration,
    follows: Follows,
    most: ByteCount,
    fallback: ScrapeProtocol,
    /// What no answer may bring back to light.
    mask: Mask,
}

/// Makes a client for a token server.
pub type MakeFetch = fn(&crate::ident::ComponentId, &Oauth2) -> Result<Fetch, AuthProblem>;

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text(Text),
    Protobuf,
}

/// Whether an answer may lead to another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Yes,
    No,
}

/// What a page said.
pub(super) struct Shown {
    pub(super) format: Format,
    pub(super) body: Bytes,
}

/// What of a job cannot be used, by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeProblem {
    /// Below the receiver: `config::scrape_configs::0::tls_config::ca_file`.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
}

impl Page {
    /// The page of `target`, with the files of its job read.
    ///
    /// # Errors
    /// The key whose file or value cannot be used.
    pub(super) fn of(
        target: &ScrapeTarget,
        job: &ScrapeJob,
        credentials: Option<Arc<Credentials>>,
    ) -> Result<Page, ScrapeProblem> {
        let unusable = |TlsProblem { key, what, .. }| ScrapeProblem {
            key: format!("{}::tls_config{}{key}", job.key, if key.is_empty() { "" } else { "::" }),
            what,
        };
        let tls = target.tls.as_ref().map(|tls| TlsClient::load(tls, &target.endpoint)).transpose();
        let tls = tls.map_err(unusable)?;
        let most = job.limits.body.unwrap_or(MOST);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{}{}", target.endpoint.authority(), target.path);
        let mut head = Request::get(&uri).body(()).map_err(|error| ScrapeProblem {
            key: format!("{}::metrics_path", job.key),
            what: format!("{uri} is no valid URL: {error}"),
        })?;
        add_headers(head.headers_mut(), job, target.timeout);
        let mut settings = ClientSettings::new(target.endpoint.clone(), tls.map(Arc::new), Protocol::Any);
        settings.max_answer = most.as_len().max(1);
        settings.proxy = target.proxy.clone();
        if let Some(proxy) = target.proxy.as_ref().filter(|proxy| proxy.kind == ProxyKind::Https) {
            // The authorities of the target count for its proxy as well. Its name is its own.
            let tls = ClientTls { server_name: None, ..target.tls.clone().unwrap_or_default() };
            settings.proxy_tls = Some(Arc::new(TlsClient::load(&tls, &proxy.endpoint).map_err(unusable)?));
        }
        Ok(Page {
            client: Client::new(settings),
            head,
            endpoint: target.endpoint.text.as_str().into(),
            credentials,
            timeout: target.timeout,
            follows: if job.follow_redirects { Follows::Yes } else { Follows::No },
            most,
            fallback: job.formats.fallback,
            mask: Mask::new(job.secrets().iter().map(Secret::reveal)),
        })
    }

    /// Asks for it once, within its time.
    pub(super) async fn ask(&self) -> Result<Shown, Failure> {
        let progress = Progress::new();
        let exchange = Box::pin(self.exchange(&progress));
        let outcome = within(Some(self.timeout), &progress, exchange).await;
        outcome.map_err(|failure| failure.at(Arc::clone(&self.endpoint)).with_attempt(progress.record()))
    }

    async fn exchange(&self, progress: &Progress) -> Result<Shown, Failure> {
        let mut head = self.head.clone();
        if let Some(credentials) = &self.credentials {
            credentials.add(head.headers_mut(), None).await?;
        }
        let secrets = head.headers().values().filter(|value| value.is_sensitive());
        let mask = self.mask.with(secrets.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()));
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.client.send(&head, RequestBody::default(), progress).await;
            let answer = answer.map_err(|failure| failure.masked(&mask))?;
            if let Some(credentials) = self.credentials.as_ref().filter(|_| answer.status == StatusCode::UNAUTHORIZED) {
                // The next scrape shows others, where others can be had.
                credentials.renew().await;
            }
            match self.elsewhere(&answer, head.uri()) {
                Some(uri) => *head.uri_mut() = uri,
                None => return self.shown(answer, &mask),
            }
        }
        Err(Failure::new(Class::HttpRedirect, "the answers lead from page to page, and to no metrics"))
    }

    /// Where `answer` leads to, if that is on the same server.
    fn elsewhere(&self, answer: &Answer, from: &Uri) -> Option<Uri> {
        if self.follows == Follows::No || !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let to: Uri = answer.headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
        let is_near = to.authority().is_none_or(|authority| Some(authority) == from.authority());
        let is_alike = to.scheme().is_none_or(|scheme| Some(scheme) == from.scheme());
        let path = to.path_and_query().filter(|path| path.as_str().starts_with('/'))?;
        if !is_near || !is_alike {
            return None;
        }
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(path.clone());
        Uri::from_parts(parts).ok()
    }

    fn shown(&self, answer: Answer, mask: &Mask) -> Result<Shown, Failure> {
        if answer.status != 200 {
            // Masked before it is cut: of a part of a secret nobody could tell that it is one.
            let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(MOST_LOOKED_AT)]).into_owned();
            let text = mask.cleaned(&text).into_owned();
            let words: String =
                text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_WORDS).collect();
            let mut failure = from_http(answer.status, None, &words);
            if let Some(to) = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok()) {
                let to = to.split('?').next().unwrap_or_default();
                failure = failure.and(&format!(" (it leads to {to})"));
            }
            return Err(failure.masked(mask));
        }
        let too_large =
            || Failure::new(Class::ScrapeTooLarge, format!("body_size_limit: the page has more than {}", self.most));
        if answer.extent != Extent::Whole {
            return Err(too_large());
        }
        let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = match header(CONTENT_ENCODING) {
            "gzip" => decompress(Encoding::Gzip, &answer.body, self.most).map_err(|_| too_large())?,
            _ => answer.body.clone(),
        };
        Ok(Shown { format: format(header(CONTENT_TYPE), self.fallback), body })
    }
}

/// What a page of this type is written in.
fn format(kind: &str, fallback: ScrapeProtocol) -> Format {
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/openmetrics-text" => Format::Text(Text::OpenMetrics),
        "application/vnd.google.protobuf" => Format::Protobuf,
        "text/plain" => Format::Text(Text::Prometheus),
        _ => match fallback {
            ScrapeProtocol::PrometheusProto => Format::Protobuf,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::Text(Text::Prometheus),
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
                Format::Text(Text::OpenMetrics)
            }
        },
    }
}

/// What is asked for, best first.
fn accepted(formats: &ScrapeFormats) -> String {
    let mut accepted = String::new();
    let mut weight = 6;
    for protocol in &formats.protocols {
        let (kind, escapes) = match protocol {
            ScrapeProtocol::PrometheusProto => {
                ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", false)
            }
            ScrapeProtocol::PrometheusText0_0_4 => ("text/plain;version=0.0.4", false),
            ScrapeProtocol::PrometheusText1_0_0 => ("text/plain;version=1.0.0", true),
            ScrapeProtocol::OpenMetricsText0_0_1 => ("application/openmetrics-text;version=0.0.1", false),
            ScrapeProtocol::OpenMetricsText1_0_0 => ("application/openmetrics-text;version=1.0.0", true),
        };
        let escaping = if escapes { format!(";escaping={}", formats.escaping) } else { String::new() };
        accepted.push_str(&format!("{kind}{escaping};q=0.{weight},"));
        // There are five of them.
        weight = 1.max(weight - 1);
    }
    format!("{accepted}*/*;q=0.{weight}")
}

/// What the targets of `job` are shown: the same for all of them.
///
/// # Errors
/// The key whose file or value cannot be used.
pub(super) fn credentials(job: &ScrapeJob, fetch: MakeFetch) -> Result<Option<Arc<Credentials>>, ScrapeProblem> {
    let Some(auth) = &job.auth else { return Ok(None) };
    let credentials = Credentials::load(auth, &fetch);
    let credentials = credentials.map_err(|problem| ScrapeProblem { key: job.key.clone(), what: problem.what })?;
    Ok(Some(Arc::new(credentials)))
}

fn add_headers(headers: &mut HeaderMap, job: &ScrapeJob, timeout: Duration) {
    if let Ok(accepted) = HeaderValue::try_from(accepted(&job.formats)) {
        headers.insert(ACCEPT, accepted);
    }
    let encoding = if job.formats.compression { "gzip" } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("otlp-relay/", env!("CARGO_PKG_VERSION"))));
    if let Ok(seconds) = HeaderValue::try_from(timeout.as_secs_f64().to_string()) {
        headers.insert("x-prometheus-scrape-timeout-seconds", seconds);
    }
    for (name, secret) in &job.headers {
        let Ok(mut value) = HeaderValue::from_str(secret.reveal()) else { continue };
        value.set_sensitive(true);
        headers.append(name.clone(), value);
    }
}

/// Some hundred thousand series.
const MOST: ByteCount = ByteCount::mib(64);
const MOST_REDIRECTS: usize = 5;
const MOST_WORDS: usize = 200;
const MOST_LOOKED_AT: usize = 8 << 10;
