//! Tokens that a token server gives out for a client's id and secret (RFC 6749, section 4.4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::AuthProblem;
use super::basic::basic;
use super::watched::Text;
use crate::config::{Oauth2, Secret};
use crate::failure::{Class, Failure, Mask, Retry};
use crate::ident::ComponentId;

/// Posts a form to the token server, with an `Authorization` header where there is one.
pub type Fetch =
    Arc<dyn Fn(Option<HeaderValue>, Bytes) -> BoxFuture<'static, Result<TokenAnswer, Failure>> + Send + Sync>;

/// What a token server says.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body, or its beginning.
    pub body: Bytes,
}

/// The token of one client: fetched when it is first needed, and again before it ends.
pub(super) struct Tokens {
    client_id: Text,
    client_secret: Text,
    /// What is asked for, beside the grant type.
    form: String,
    /// Those of `form`.
    secrets: Vec<Secret>,
    expiry_buffer: Duration,
    fetch: Fetch,
    /// Locked while it is fetched: everybody else waits for the same one.
    token: Mutex<Option<Token>>,
}

struct Token {
    value: HeaderValue,
    got: Instant,
    /// When it has to be replaced; nothing where the server does not say.
    until: Option<Instant>,
}

impl Tokens {
    pub(super) fn load(id: &ComponentId, config: &Oauth2, fetch: Fetch) -> Result<Tokens, AuthProblem> {
        let load = |source, key: &str| {
            let problem =
                |what| AuthProblem::of_file(id, &format!("{key}_file"), format!("cannot use the file: {what}"));
            Text::load(source).map_err(problem)
        };
        let mut form = "grant_type=client_credentials".to_owned();
        if !config.scopes.is_empty() {
            add(&mut form, "scope", &config.scopes.join(" "));
        }
        config.params.iter().for_each(|(name, value)| add(&mut form, name, value.reveal()));
        Ok(Tokens {
            client_id: load(&config.client_id, "client_id")?,
            client_secret: load(&config.client_secret, "client_secret")?,
            form,
            secrets: config.secrets().collect(),
            expiry_buffer: config.expiry_buffer,
            fetch,
            token: Mutex::default(),
        })
    }

    pub(super) async fn add(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        let mut token = self.token.lock().await;
        let value = match &*token {
            Some(token) if token.until.is_none_or(|until| Instant::now() < until) => token.value.clone(),
            _ => {
                let fresh = self.ask().await?;
                let value = fresh.value.clone();
                *token = Some(fresh);
                value
            }
        };
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// Forgets the token, unless it is so fresh that another one would be refused as well.
    pub(super) async fn forget(&self) -> bool {
        let mut token = self.token.lock().await;
        let stale = token.as_ref().is_some_and(|token| FRESH < token.got.elapsed());
        if stale {
            *token = None;
        }
        stale
    }

    async fn ask(&self) -> Result<Token, Failure> {
        let (id, secret) = (self.client_id.current(), self.client_secret.current());
        // Section 2.3.1: id and secret in the header, or in the form for servers that know no better.
        let login = basic(&encoded(id.reveal()), &encoded(secret.reveal()))?;
        let own = [&Secret::login(id.reveal(), secret.reveal()), &*secret];
        let mask = Mask::new(own.into_iter().chain(&self.secrets).map(Secret::reveal).chain(login.to_str()));
        self.ask_as(&id, &secret, login, &mask).await.map_err(|failure| failure.masked(&mask))
    }

    async fn ask_as(&self, id: &Secret, secret: &Secret, login: HeaderValue, mask: &Mask) -> Result<Token, Failure> {
        let answer = (self.fetch)(Some(login), self.form.clone().into()).await.map_err(untold)?;
        let answer = if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            let mut form = self.form.clone();
            add(&mut form, "client_id", id.reveal());
            add(&mut form, "client_secret", secret.reveal());
            (self.fetch)(None, form.into()).await.map_err(untold)?
        } else {
            answer
        };
        self.token_of(&answer, mask)
    }

    fn token_of(&self, answer: &TokenAnswer, mask: &Mask) -> Result<Token, Failure> {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() {
            return Err(refused(answer.status, &said, mask));
        }
        let value = said.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let scheme = match said.get("token_type").and_then(Value::as_str) {
            Some(other) if !other.eq_ignore_ascii_case("bearer") && !other.is_empty() => other,
            _ => "Bearer",
        };
        let value = value.and_then(|token| HeaderValue::try_from(format!("{scheme} {token}")).ok());
        let mut value = value.ok_or_else(|| {
            let text = "the token server's answer holds no access_token";
            Failure::new(Class::Unauthenticated, text).retry_when(Retry::BackOff)
        })?;
        value.set_sensitive(true);
        let lasts = said.get("expires_in").and_then(|lasts| match lasts {
            Value::String(text) => text.parse().ok(),
            lasts => lasts.as_u64(),
        });
        let now = Instant::now();
        let until = lasts.filter(|lasts| *lasts != 0).map(|lasts: u64| {
            let lasts = Duration::from_secs(lasts.min(LONGEST));
            // A token that ends sooner than the buffer is used for half of its time.
            now + lasts.checked_sub(self.expiry_buffer).filter(|rest| !rest.is_zero()).unwrap_or(lasts / 2)
        });
        Ok(Token { value, got: now, until })
    }
}

/// The server's own words (section 5.2) without what `mask` hides. The data is kept: nobody has refused it.
fn refused(status: StatusCode, said: &Value, mask: &Mask) -> Failure {
    let word = |key| said.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut text = format!("the token server answers HTTP {status}");
    for words in [word("error"), word("error_description")].into_iter().filter(|words| !words.is_empty()) {
        text.push_str(": ");
        text.extend(mask.cleaned(words).chars().take(200));
    }
    match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        true => Failure::new(Class::ServerUnavailable, text),
        false => Failure::new(Class::Unauthenticated, text).retry_when(Retry::Hold),
    }
}

/// What kept the token server from answering, said of it and not of the backend.
fn untold(failure: Failure) -> Failure {
    let (class, phase, retry) = (failure.class(), failure.phase(), failure.retry());
    Failure::new(class, "no token from the token server").in_phase(phase).retry_when(retry).because(failure)
}

fn add(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(&encoded(name));
    form.push('=');
    form.push_str(&encoded(value));
}

/// More is encoded than has to be, which every server can read.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What was refused within so little time would be refused again.
const FRESH: Duration = Duration::from_secs(30);

/// Ten years.
const LONGEST: u64 = 10 * 365 * 24 * 3600;
