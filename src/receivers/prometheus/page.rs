//! How a page of a target is had: one GET, classified where it fails as an export is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Uri};

use super::exposition::Format;
use crate::attempt::Progress;
use crate::auth::{AuthProblem, Credentials};
use crate::config::{Mistake, ScrapeJob, ScrapeTarget, Secret};
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
    /// What no answer may bring back to light.
    mask: Mask,
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
    pub(super) fn of(target: &ScrapeTarget, job: &ScrapeJob) -> Result<Page, ScrapeProblem> {
        let tls = target.tls.as_ref().map(|tls| TlsClient::load(tls, &target.endpoint)).transpose();
        let tls = tls.map_err(|TlsProblem { key, what, .. }| ScrapeProblem {
            key: format!("{}::tls_config{}{key}", job.key, if key.is_empty() { "" } else { "::" }),
            what,
        })?;
        let credentials = credentials(job)?;
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
        Ok(Page {
            client: Client::new(settings),
            head,
            endpoint: target.endpoint.text.as_str().into(),
            credentials,
            timeout: target.timeout,
            follows: if job.follow_redirects { Follows::Yes } else { Follows::No },
            most,
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
        let open = header(CONTENT_TYPE).starts_with("application/openmetrics-text");
        Ok(Shown { format: if open { Format::OpenMetrics } else { Format::Text }, body })
    }
}

fn credentials(job: &ScrapeJob) -> Result<Option<Arc<Credentials>>, ScrapeProblem> {
    let Some(auth) = &job.auth else { return Ok(None) };
    let no_tokens = |_: &crate::ident::ComponentId, _: &crate::config::Oauth2| {
        let what = "a scrape fetches no tokens".to_owned();
        Err(AuthProblem { path: String::new(), what, mistake: Mistake::Invalid })
    };
    let credentials = Credentials::load(auth, &no_tokens);
    let credentials = credentials.map_err(|problem| ScrapeProblem { key: job.key.clone(), what: problem.what })?;
    Ok(Some(Arc::new(credentials)))
}

fn add_headers(headers: &mut HeaderMap, job: &ScrapeJob, timeout: Duration) {
    headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
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

/// OpenMetrics first: it knows units and start times.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                        application/openmetrics-text;version=1.0.0;q=0.5,\
                        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// Some hundred thousand series.
const MOST: ByteCount = ByteCount::mib(64);
const MOST_REDIRECTS: usize = 5;
const MOST_WORDS: usize = 200;
const MOST_LOOKED_AT: usize = 8 << 10;
