//! Which pages a browser lets send here: CORS (Fetch standard, "HTTP-CORS protocol"), answered as the Collector does.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::config::{self, AllowedHeaders};
use crate::transport::server::Reply;

/// The pages that may send here, and what they may send and see.
#[derive(Clone, Debug)]
pub(super) struct Cors {
    origins: Vec<Origin>,
    headers: Headers,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

/// An origin, or what stands before and behind a `*` in it.
#[derive(Clone, Debug)]
enum Origin {
    Exactly(Box<str>),
    Around(Box<str>, Box<str>),
}

#[derive(Clone, Debug)]
enum Headers {
    Any,
    Listed(Vec<HeaderName>),
}

impl Cors {
    pub(super) fn of(config: &config::Cors) -> Cors {
        let config::Cors { allowed_origins, allowed_headers, exposed_headers, max_age } = config;
        let names: Vec<&str> = exposed_headers.iter().map(HeaderName::as_str).collect();
        let exposed = if names.is_empty() { None } else { HeaderValue::try_from(names.join(", ")).ok() };
        Cors {
            origins: allowed_origins.iter().map(|origin| Origin::of(origin)).collect(),
            headers: match allowed_headers {
                AllowedHeaders::Any => Headers::Any,
                AllowedHeaders::Listed(names) => Headers::Listed(names.clone()),
            },
            exposed,
            max_age: (*max_age != 0).then(|| HeaderValue::from(*max_age)),
        }
    }

    /// The answer to a preflight. One that allows nothing looks the same but for the headers.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Response<Reply>> {
        let asked = asked_method(head)?;
        let mut response = Response::new(Reply::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        for name in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            headers.append(VARY, HeaderValue::from(name));
        }
        let wanted = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(origin) = self.allowed(head)
            && METHODS.iter().any(|method| asked == method.as_str())
            && wanted.is_none_or(|wanted| self.headers.allow(wanted))
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, asked.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.extend(wanted.map(|wanted| (ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone())));
            headers.extend(self.max_age.clone().map(|seconds| (ACCESS_CONTROL_MAX_AGE, seconds)));
        }
        Some(response)
    }

    /// Lets the page that asked see an answer that is no preflight's.
    pub(super) fn allow(&self, head: &Parts, headers: &mut HeaderMap) {
        if asked_method(head).is_some() {
            return;
        }
        headers.append(VARY, HeaderValue::from(ORIGIN));
        if let Some(origin) = self.allowed(head).filter(|_| METHODS.contains(&head.method)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.extend(self.exposed.clone().map(|names| (ACCESS_CONTROL_EXPOSE_HEADERS, names)));
        }
    }

    /// What an answer names as the origin that may see it. Where every origin may, none is named, as browsers then refuse to
    /// send what would make a page act on behalf of its user.
    fn allowed(&self, head: &Parts) -> Option<HeaderValue> {
        let origin = head.headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let matching = self.origins.iter().any(|allowed| allowed.is(&text));
        let everyone = self.origins.iter().any(Origin::is_everyone);
        matching.then(|| if everyone { HeaderValue::from_static("*") } else { origin.clone() })
    }
}

/// Which method a browser asks about, if the request is a preflight.
fn asked_method(head: &Parts) -> Option<&HeaderValue> {
    head.headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| head.method == Method::OPTIONS)
}

impl Origin {
    fn of(text: &str) -> Origin {
        match text.split_once('*') {
            Some((before, behind)) => Origin::Around(before.into(), behind.into()),
            None => Origin::Exactly(text.into()),
        }
    }

    fn is(&self, origin: &str) -> bool {
        match self {
            Origin::Exactly(text) => **text == *origin,
            Origin::Around(before, behind) => {
                origin.strip_prefix(&**before).is_some_and(|rest| rest.ends_with(&**behind))
            }
        }
    }

    fn is_everyone(&self) -> bool {
        matches!(self, Origin::Around(before, behind) if before.is_empty() && behind.is_empty())
    }
}

impl Headers {
    /// Whether all of the comma-separated names may be sent.
    fn allow(&self, wanted: &HeaderValue) -> bool {
        let Headers::Listed(listed) = self else { return true };
        let Ok(wanted) = wanted.to_str() else { return false };
        let mut names = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.all(|name| {
            let known = |known: &str| known.eq_ignore_ascii_case(name);
            ALWAYS.into_iter().any(known) || listed.iter().map(HeaderName::as_str).any(known)
        })
    }
}

/// The Collector's.
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::HEAD];

/// What OTLP/HTTP needs, and what browsers send of themselves.
const ALWAYS: [&str; 6] =
    ["accept", "accept-language", "content-language", "content-type", "origin", "x-requested-with"];
