//! Whether a client may send: asked for each request, before anything of its body is read.

use std::fmt;

use http::{HeaderMap, HeaderValue};

use super::AuthProblem;
use super::basic::{self, Users};
use super::bearer::Bearer;
use crate::config::{ServerAuth, ServerMeans};
use crate::failure::Failure;
use crate::ident::ComponentId;

/// What one port asks its clients for.
pub struct Gate {
    id: ComponentId,
    means: Means,
}

enum Means {
    Bearer(Bearer),
    Basic(Users),
}

impl Gate {
    /// The gate that `auth` asks for.
    ///
    /// # Errors
    /// The key whose file cannot be used.
    pub fn load(auth: &ServerAuth) -> Result<Gate, AuthProblem> {
        let means = match &auth.means {
            ServerMeans::Bearer(bearer) => Means::Bearer(Bearer::load(&auth.id, bearer)?),
            ServerMeans::Basic(htpasswd) => Means::Basic(Users::load(&auth.id, htpasswd)?),
        };
        Ok(Gate { id: auth.id.clone(), means })
    }

    /// Lets a request with these headers in.
    ///
    /// # Errors
    /// [`Class::PeerUnauthenticated`](crate::failure::Class::PeerUnauthenticated), in the Collector's words but for what
    /// the client showed, which is never repeated.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), Failure> {
        match &self.means {
            Means::Bearer(bearer) => bearer.admit(headers),
            Means::Basic(users) => users.admit(headers).await,
        }
    }

    /// Who shows these headers, of a request that was let in.
    pub fn user(&self, headers: &HeaderMap) -> Option<String> {
        match &self.means {
            Means::Bearer(_) => None,
            Means::Basic(_) => basic::user(headers),
        }
    }

    /// What an answer of 401 says is asked for (RFC 9110, section 11.6.1).
    pub fn challenge(&self) -> HeaderValue {
        match &self.means {
            Means::Bearer(bearer) => bearer.challenge(),
            Means::Basic(_) => HeaderValue::from_static("Basic realm=\"otlp-relay\""),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.id).finish()
    }
}
