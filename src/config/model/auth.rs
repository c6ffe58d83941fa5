//! `auth` of exporters and receivers, with the extension that it names: who shows credentials, and who asks for them.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::secret::in_query;
use super::{ClientTls, ContextFact, Endpoint, Secret};
use crate::ident::ComponentId;

/// `exporters::<id>::auth::authenticator`: what is shown with each request.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientAuth {
    /// The extension.
    pub id: ComponentId,
    /// What it asks for.
    pub means: ClientMeans,
}

/// How an exporter shows who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMeans {
    /// `bearertokenauth`
    Bearer(BearerToken),
    /// `basicauth::client_auth`
    Basic(BasicClient),
    /// `headers_setter`
    Headers(HeadersSetter),
    /// `oauth2client`
    Oauth2(Box<Oauth2>),
}

impl ClientAuth {
    /// What of it stands in the configuration and is shown to nobody but those who ask for it.
    pub fn secrets(&self) -> Vec<Secret> {
        match &self.means {
            ClientMeans::Bearer(BearerToken { tokens: Tokens::Written(tokens), .. }) => tokens.clone(),
            ClientMeans::Bearer(BearerToken { tokens: Tokens::File(_), .. }) => Vec::new(),
            ClientMeans::Basic(basic) => login(&basic.username, &basic.password).collect(),
            ClientMeans::Headers(setter) => {
                let values = setter.rules.iter().filter_map(|rule| rule.value.as_ref()?.written()).cloned();
                let first = setter.additional.iter().flat_map(|auth| auth.secrets());
                values.chain(first).collect()
            }
            ClientMeans::Oauth2(oauth2) => {
                login(&oauth2.client_id, &oauth2.client_secret).chain(oauth2.secrets()).collect()
            }
        }
    }
}

/// A login, as far as it stands in the configuration. A user name alone is none.
fn login(name: &TextSource, password: &TextSource) -> impl Iterator<Item = Secret> {
    let password = password.written();
    let both = name.written().zip(password).map(|(name, password)| Secret::login(name.reveal(), password.reveal()));
    both.into_iter().chain(password.cloned())
}

/// `receivers::<id>::protocols::*::auth::authenticator`: what clients have to show.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerAuth {
    /// The extension.
    pub id: ComponentId,
    /// What it asks for.
    pub means: ServerMeans,
}

/// How a receiver tells who may send.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMeans {
    /// `bearertokenauth`
    Bearer(BearerToken),
    /// `basicauth::htpasswd`
    Basic(Htpasswd),
}

/// A text that stands in the configuration or in a file of its own, which is read again when it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// In the configuration.
    Written(Secret),
    /// In a file. A line break at its end does not belong to it.
    File(PathBuf),
}

impl TextSource {
    /// The text that stands in the configuration.
    pub fn written(&self) -> Option<&Secret> {
        match self {
            TextSource::Written(text) => Some(text),
            TextSource::File(_) => None,
        }
    }
}

/// `extensions::bearertokenauth`
#[derive(Clone, Debug, PartialEq)]
pub struct BearerToken {
    /// `header`; Authorization.
    pub header: HeaderName,
    /// `scheme`; Bearer. Empty: the token alone.
    pub scheme: String,
    /// `filename`, else `tokens`, else `token`.
    pub tokens: Tokens,
}

/// The tokens that count. A client shows the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Those written; at least one.
    Written(Vec<Secret>),
    /// Those in a file, one in a line.
    File(PathBuf),
}

/// `extensions::basicauth`, which is for one side only.
#[derive(Clone, Debug, PartialEq)]
pub enum BasicAuth {
    /// `htpasswd`
    Server(Htpasswd),
    /// `client_auth`
    Client(BasicClient),
}

/// `basicauth::htpasswd`: who may send.
#[derive(Clone, Debug, PartialEq)]
pub struct Htpasswd {
    /// `file`
    pub file: Option<PathBuf>,
    /// `inline`: lines that replace those of the file for the same users.
    pub inline: Option<Secret>,
}

/// `basicauth::client_auth`
#[derive(Clone, Debug, PartialEq)]
pub struct BasicClient {
    /// `username` or `username_file`.
    pub username: TextSource,
    /// `password` or `password_file`.
    pub password: TextSource,
}

/// `extensions::headers_setter`
#[derive(Clone, Debug, PartialEq)]
pub struct HeadersSetter {
    /// `headers`
    pub rules: Vec<HeaderRule>,
    /// `additional_auth`: another authenticator, whose headers are set first.
    pub additional: Option<Box<ClientAuth>>,
}

/// One of `headers_setter::headers`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderRule {
    /// `key`
    pub name: HeaderName,
    /// `action`
    pub action: HeaderAction,
    /// Where the value comes from; nothing where the header is deleted.
    pub value: Option<HeaderSource>,
}

/// `headers_setter::headers::*::action`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderAction {
    /// Only where it is not there yet.
    Insert,
    /// Only where it is there.
    Update,
    /// In any case.
    #[default]
    Upsert,
    /// Away with it.
    Delete,
}

/// Where the value of a header comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// `value` or `value_file`
    Text(TextSource),
    /// `from_context`: a header of the request that the data came in, else `default_value`.
    Context {
        /// Its name, in lower case.
        key: String,
        /// `default_value`
        otherwise: Option<Secret>,
    },
    /// `from_attribute`: what the authenticator that let the data in knows of its sender, else `default_value`.
    Fact {
        /// What.
        fact: ContextFact,
        /// `default_value`
        otherwise: Option<Secret>,
    },
}

impl HeaderSource {
    /// The value that stands in the configuration.
    fn written(&self) -> Option<&Secret> {
        match self {
            HeaderSource::Text(text) => text.written(),
            HeaderSource::Context { otherwise, .. } | HeaderSource::Fact { otherwise, .. } => otherwise.as_ref(),
        }
    }
}

/// `extensions::oauth2client`: the client-credentials grant (RFC 6749, section 4.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Oauth2 {
    /// `client_id` or `client_id_file`.
    pub client_id: TextSource,
    /// `client_secret` or `client_secret_file`.
    pub client_secret: TextSource,
    /// `token_url`: the server.
    pub endpoint: Endpoint,
    /// `token_url`: its path and query.
    pub path: String,
    /// `tls`, where `token_url` is https.
    pub tls: Option<ClientTls>,
    /// `scopes`
    pub scopes: Vec<String>,
    /// `endpoint_params`, in the order written.
    pub params: Vec<(String, Secret)>,
    /// `timeout` of one request for a token; none: that of the export.
    pub timeout: Option<Duration>,
    /// `expiry_buffer`: how long before its end a token is replaced; 5 minutes.
    pub expiry_buffer: Duration,
}

impl Oauth2 {
    /// What a token server is shown beside the login.
    pub fn secrets(&self) -> impl Iterator<Item = Secret> {
        self.params.iter().map(|(_, value)| value.clone()).chain(in_query(&self.path))
    }
}
