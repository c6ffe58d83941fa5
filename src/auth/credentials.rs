//! What an exporter shows with each request, so that the backend knows who it is.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::AuthProblem;
use super::basic::Login;
use super::bearer::Bearer;
use super::headers::Rule;
use super::oauth2::{Fetch, Tokens};
use crate::config::{ClientAuth, ClientMeans};
use crate::failure::Failure;
use crate::ident::ComponentId;
use crate::payload::Metadata;

/// The credentials of one exporter.
pub struct Credentials {
    id: Arc<ComponentId>,
    means: Means,
}

enum Means {
    Bearer(Bearer),
    Basic(Login),
    Headers { rules: Vec<Rule>, first: Option<Box<Credentials>> },
    Oauth2(Box<Tokens>),
}

impl Credentials {
    /// Those that `auth` asks for. `fetch` makes a client for the token server of `oauth2client`.
    ///
    /// # Errors
    /// The key whose file cannot be used.
    pub fn load(
        auth: &ClientAuth,
        fetch: &dyn Fn(&ComponentId, &crate::config::Oauth2) -> Result<Fetch, AuthProblem>,
    ) -> Result<Credentials, AuthProblem> {
        let id = &auth.id;
        let means = match &auth.means {
            ClientMeans::Bearer(bearer) => Means::Bearer(Bearer::load(id, bearer)?),
            ClientMeans::Basic(basic) => Means::Basic(Login::load(id, basic)?),
            ClientMeans::Headers(setter) => Means::Headers {
                rules: setter.rules.iter().map(|rule| Rule::load(id, rule)).collect::<Result<_, _>>()?,
                first: setter.additional.as_deref().map(|auth| Self::load(auth, fetch)).transpose()?.map(Box::new),
            },
            ClientMeans::Oauth2(oauth2) => Means::Oauth2(Box::new(Tokens::load(id, oauth2, fetch(id, oauth2)?)?)),
        };
        Ok(Credentials { id: Arc::new(id.clone()), means })
    }

    /// Adds them to the headers of a request for data that came with `metadata`. They are marked as sensitive.
    ///
    /// # Errors
    /// When there are none: a token server that does not answer, or refuses.
    pub fn add<'a>(
        &'a self,
        headers: &'a mut HeaderMap,
        metadata: Option<&'a Metadata>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match &self.means {
                Means::Bearer(bearer) => bearer.add(headers),
                Means::Basic(login) => login.add(headers),
                Means::Headers { rules, first } => {
                    if let Some(first) = first {
                        first.add(headers, metadata).await?;
                    }
                    rules.iter().for_each(|rule| rule.apply(headers, metadata));
                    Ok(())
                }
                Means::Oauth2(tokens) => tokens.add(headers).await,
            }
        })
    }

    /// The backend refused what was shown: whether other credentials can be had, so that another try makes sense.
    pub async fn renew(&self) -> bool {
        match &self.means {
            Means::Oauth2(tokens) => tokens.forget().await,
            Means::Headers { first: Some(first), .. } => Box::pin(first.renew()).await,
            Means::Bearer(_) | Means::Basic(_) | Means::Headers { .. } => false,
        }
    }
}

/// No secret is shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.id).finish()
    }
}
