//! What a configuration sees of the world: this process's variables and files, and pages fetched by the relay's own client.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use tokio::runtime::Builder;

use crate::attempt::Progress;
use crate::config::{ClientTls, Endpoint, Environment, FetchError, SystemEnvironment};
use crate::transport::client::{Client, ClientSettings, Extent, Protocol, RequestBody, TlsClient, within};

/// The world around this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Environment for System {
    fn var(&self, name: &str) -> Option<String> {
        SystemEnvironment.var(name)
    }

    fn exists(&self, path: &Path) -> bool {
        SystemEnvironment.exists(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        SystemEnvironment.read(path)
    }

    /// On a thread of its own: whoever asks may already be on a runtime.
    fn fetch(&self, url: &Uri) -> Result<Vec<u8>, FetchError> {
        let fetched = thread::scope(|scope| scope.spawn(|| fetch(url)).join());
        fetched.unwrap_or_else(|_| Err(FetchError::Failed("the client panicked".to_owned())))
    }
}

fn fetch(url: &Uri) -> Result<Vec<u8>, FetchError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(get(url))
}

async fn get(url: &Uri) -> Result<Vec<u8>, FetchError> {
    let client = client(url)?;
    let head = Request::get(url).header(header::ACCEPT, "*/*").body(()).map_err(failed)?;
    let progress = Progress::new();
    let sent = client.send(&head, RequestBody::default(), &progress);
    let answer =
        within(Some(TIME_LIMIT), &progress, sent).await.map_err(|failure| FetchError::Failed(failure.cause()))?;
    match (answer.status, answer.extent) {
        (StatusCode::OK, Extent::Whole) => Ok(answer.body.to_vec()),
        (StatusCode::OK, Extent::Cut) => {
            Err(FetchError::Failed(format!("it is larger than {} KiB", answer.body.len() >> 10)))
        }
        (StatusCode::OK, Extent::Broken) => Err(FetchError::Failed("the connection broke in the answer".to_owned())),
        (status, _) => Err(FetchError::Status(status.as_u16())),
    }
}

fn client(url: &Uri) -> Result<Client, FetchError> {
    let is_tls = url.scheme_str() == Some("https");
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let text = format!("{}://{}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default());
    let endpoint = Endpoint { text, host, port };
    let tls = is_tls.then(|| TlsClient::load(&ClientTls::default(), &endpoint)).transpose();
    let tls = tls.map_err(|problem| FetchError::Failed(problem.what))?.map(Arc::new);
    Ok(Client::new(ClientSettings::new(endpoint, tls, Protocol::Any)))
}

fn failed(error: impl std::fmt::Display) -> FetchError {
    FetchError::Failed(error.to_string())
}

/// A start that hangs is worse than one that fails.
const TIME_LIMIT: Duration = Duration::from_secs(10);
