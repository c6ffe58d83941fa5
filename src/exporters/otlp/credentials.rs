//! The credentials of an exporter, and how tokens are fetched for it: with the same client that exports.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};

use super::{SetupProblem, load, scheme};
use crate::attempt::Progress;
use crate::auth::{AuthProblem, Credentials, Fetch, TokenAnswer};
use crate::config::{ClientAuth, Oauth2};
use crate::ident::ComponentId;
use crate::transport::client::{Client, ClientSettings, Protocol, RequestBody, within};

/// What `auth` of an exporter asks for.
pub(super) fn credentials(auth: Option<&ClientAuth>) -> Result<Option<Arc<Credentials>>, SetupProblem> {
    let Some(auth) = auth else { return Ok(None) };
    let credentials = Credentials::load(auth, &fetch).map_err(|problem| SetupProblem {
        mistake: problem.mistake,
        ..SetupProblem::new("auth", problem.to_string())
    })?;
    Ok(Some(Arc::new(credentials)))
}

/// A client for the token server of the extension `id`.
///
/// # Errors
/// The key whose file or value cannot be used.
pub fn fetch(id: &ComponentId, oauth2: &Oauth2) -> Result<Fetch, AuthProblem> {
    tokens(oauth2).map_err(|problem| AuthProblem {
        path: format!("extensions::{id}::{}", problem.key),
        what: problem.what,
        mistake: problem.mistake,
    })
}

/// Asks the token server.
fn tokens(config: &Oauth2) -> Result<Fetch, SetupProblem> {
    let tls = load(config.tls.as_ref(), &config.endpoint)?;
    let client = Arc::new(Client::new(ClientSettings::new(config.endpoint.clone(), tls, Protocol::Any)));
    let url = format!("{}://{}{}", scheme(config.tls.as_ref()), config.endpoint.authority(), config.path);
    let head = Request::post(&url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(())
        .map_err(|error| SetupProblem::new("token_url", format!("no valid URL: {error}")))?;
    let (timeout, endpoint): (_, Arc<str>) = (config.timeout, config.endpoint.text.as_str().into());
    Ok(Arc::new(move |login: Option<HeaderValue>, form: Bytes| {
        let (client, endpoint, mut head) = (Arc::clone(&client), Arc::clone(&endpoint), head.clone());
        head.headers_mut().extend(login.map(|login| (AUTHORIZATION, login)));
        Box::pin(async move {
            let progress = Progress::new();
            let exchange = client.send(&head, RequestBody::new(Arc::from([form])), &progress);
            let answer = within(timeout, &progress, exchange).await.map_err(|failure| failure.at(endpoint))?;
            Ok(TokenAnswer { status: answer.status, body: answer.body })
        })
    }))
}
