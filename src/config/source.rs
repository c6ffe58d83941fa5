//! Where a configuration text comes from: the Collector's URIs `file:`, `env:`, `yaml:`, `http:` and `https:`.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::environment::{Environment, FetchError};
use super::problem::{Mistake, Place, Problem};
use super::yaml::{Document, parse};

/// What a URI names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location<'u> {
    /// `file:/p`, `file:rel` or a bare path.
    File(&'u str),
    /// `env:NAME`
    Variable(&'u str),
    /// `yaml:a::b: v`
    Inline(&'u str),
    /// `http://…` or `https://…`, whole.
    Web(&'u str),
}

/// A text that was found, and how places call it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub name: Arc<str>,
    pub text: String,
}

impl<'u> Location<'u> {
    /// A value of `--config`. What has no scheme is a path, and so is a drive letter with what follows.
    pub(crate) fn parse(uri: &'u str) -> Result<Location<'u>, Problem> {
        let Some((scheme, rest)) = split_scheme(uri) else { return Ok(Location::File(uri)) };
        Location::with_scheme(scheme, rest, uri).ok_or_else(|| {
            Problem::new(None, "", format!("unsupported scheme on URI \"{scheme}:\""))
                .hint("a configuration comes from file:, env:, yaml:, http: or https:, or from a path")
        })
    }

    /// What `scheme:rest`, in whole `uri`, names; nothing for schemes that the Collector does not have either.
    pub(crate) fn with_scheme(scheme: &str, rest: &'u str, uri: &'u str) -> Option<Location<'u>> {
        match scheme {
            "file" => Some(Location::File(rest)),
            "env" => Some(Location::Variable(rest)),
            "yaml" => Some(Location::Inline(rest)),
            "http" | "https" => Some(Location::Web(uri)),
            _ => None,
        }
    }

    /// Finds the text.
    pub(crate) fn read(self, env: &dyn Environment) -> Result<Source, Problem> {
        let name = self.name();
        let text = match self {
            Location::File(path) => {
                let bytes = env.read(Path::new(path)).map_err(|error| {
                    let problem = Problem::new(None, "", format!("unable to read the file {path}: {error}"));
                    problem.hint(match error.kind() {
                        ErrorKind::IsADirectory => {
                            "give the file in it; Docker makes a directory where the file to be mounted is not on the host"
                        }
                        _ => "check the path as this process sees it: inside a container, the file must be mounted",
                    })
                })?;
                utf8(bytes, &name)?
            }
            Location::Variable(variable) => env.var(variable).ok_or_else(|| {
                let problem = Problem::new(None, "", format!("the environment variable {variable} is not set"));
                problem.is(Mistake::UnexpandedVariable)
            })?,
            Location::Inline(text) => text.to_owned(),
            Location::Web(url) => utf8(fetch(url, env)?, &name)?,
        };
        Ok(Source { name, text })
    }

    /// For people: never a value that may be secret, such as the text behind `yaml:` or a query.
    fn name(self) -> Arc<str> {
        match self {
            Location::File(path) => path.into(),
            Location::Variable(name) => format!("environment variable {name}").into(),
            Location::Inline(text) => {
                let key = text.split([' ', '\n', '{', '[']).next().unwrap_or_default();
                format!("yaml:{}", key.trim_end_matches(':')).into()
            }
            Location::Web(url) => shown(url).into(),
        }
    }
}

impl Source {
    /// The tree of the text.
    pub(crate) fn document(&self) -> Result<Document, Problem> {
        parse(&self.text, &self.name)
    }
}

/// The scheme and what is behind its colon (`[A-Za-z][A-Za-z0-9+.-]+`).
fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    let is_scheme =
        1 < scheme.len() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits);
    is_scheme.then_some((scheme, rest))
}

fn fetch(url: &str, env: &dyn Environment) -> Result<Vec<u8>, Problem> {
    let shown = shown(url);
    let parsed: http::Uri =
        url.parse().map_err(|error| Problem::new(None, "", format!("invalid uri: {shown:?}: {error}")))?;
    let authority = parsed.authority().map_or("", |authority| authority.as_str());
    if authority.is_empty() || authority.contains('@') {
        let what = if authority.is_empty() { "it names no host" } else { "it holds a user name or a password" };
        return Err(Problem::new(None, "", format!("invalid uri: {shown:?}: {what}")));
    }
    env.fetch(&parsed).map_err(|error| match error {
        FetchError::Status(code) => {
            Problem::new(None, "", format!("failed to load resource from uri {shown:?}. status code: {code}"))
        }
        FetchError::Failed(why) => {
            Problem::new(None, "", format!("unable to download the file via HTTP GET for uri {shown:?}: {why}"))
        }
    })
}

/// A URL without user name, password and query.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}[REDACTED]{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

fn utf8(bytes: Vec<u8>, name: &Arc<str>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let in_line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(in_line).chars().count() + 1;
        let place = Place { source: name.clone(), line, column };
        Problem::new(Some(place), "", "the text is not UTF-8").hint("save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme_of_two_letters_or_is_a_path() {
        for (uri, expected) in [
            ("relay.yaml", Ok(Location::File("relay.yaml"))),
            ("file:/etc/a.yaml", Ok(Location::File("/etc/a.yaml"))),
            ("C:\\relay.yaml", Ok(Location::File("C:\\relay.yaml"))),
            ("my_dir:a.yaml", Ok(Location::File("my_dir:a.yaml"))),
            ("env:CONFIG", Ok(Location::Variable("CONFIG"))),
            ("yaml:a::b: 1", Ok(Location::Inline("a::b: 1"))),
            ("https://h/c?t=1", Ok(Location::Web("https://h/c?t=1"))),
        ] {
            assert_eq!(Location::parse(uri), expected, "{uri}");
        }
        assert!(Location::parse("s3://bucket/c").is_err_and(|problem| problem.what.contains("unsupported scheme")));
    }

    #[test]
    fn names_show_no_value() {
        for (uri, expected) in [
            ("yaml:exporters::otlp::headers::a: s3cr3t", "yaml:exporters::otlp::headers::a"),
            ("yaml:{a: s3cr3t}", "yaml:"),
            ("https://me:s3cr3t@h/c?token=s3cr3t", "https://[REDACTED]@h/c"),
        ] {
            assert_eq!(Location::parse(uri).map(|location| location.name().to_string()), Ok(expected.to_owned()));
        }
    }
}
