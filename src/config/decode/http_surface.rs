//! How an OTLP/HTTP receiver meets its clients: paths, encodings, CORS, headers and times.

use std::collections::BTreeMap;

use http::HeaderName;

use crate::config::model::{AllowedHeaders, ContentEncodings, Cors, HttpSurface};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::signal::Signal;

use super::{compression, headers};

/// Reads the keys of `http` that its clients notice.
pub(super) fn read(http: &mut Section<'_>) -> HttpSurface {
    let mut time = |key| {
        let time = http.duration(key, &format!("'{key}' must be non-negative"));
        time.filter(|time| !time.is_zero())
    };
    let read_timeout = time("read_timeout");
    // As in Go, the time for the whole is also that for its head, and for the pause before it.
    let header_timeout = time("read_header_timeout").or(read_timeout);
    let idle_timeout = time("idle_timeout").or(read_timeout);
    http.rest(REST);
    HttpSurface {
        url_paths: url_paths(http),
        encodings: encodings(http),
        cors: cors(http),
        response_headers: headers::of_responses(http),
        include_metadata: http.boolean("include_metadata").unwrap_or(false),
        read_timeout,
        header_timeout,
        idle_timeout,
        one_request: http.boolean("keep_alives_enabled") == Some(false),
    }
}

fn url_paths(http: &mut Section<'_>) -> BTreeMap<Signal, String> {
    let mut paths: BTreeMap<Signal, String> = BTreeMap::new();
    for (key, signal) in URL_PATHS {
        let Some(value) = http.value(key) else { continue };
        let Some(path) = value.text().and_then(|text| url_path(&value, &text)) else { continue };
        let other = Signal::ALL.into_iter().find(|other| {
            let known = paths.get(other).map_or(other.facts().http_path, String::as_str);
            *other != *signal && known == path && (paths.contains_key(other) || !is_written(http, *other))
        });
        match other {
            Some(other) => value.wrong(format!("{path} is the path of {other} already")),
            None => drop(paths.insert(*signal, path)),
        }
    }
    paths
}

fn is_written(http: &Section<'_>, signal: Signal) -> bool {
    URL_PATHS.iter().any(|(key, of)| *of == signal && http.has(key))
}

/// With the slash that may be left out.
fn url_path(value: &Reading<'_>, text: &str) -> Option<String> {
    let path = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
    let problem = if let Some(c) = path.chars().find(|c| !c.is_ascii_graphic()) {
        Some(format!("{c:?} has to be percent-encoded"))
    } else if let Some(c) = path.chars().find(|c| ['?', '#'].contains(c)) {
        Some(format!("{c:?} ends a path"))
    } else {
        let escapes = path.split('%').skip(1);
        let broken = |escape: &str| {
            let digits = escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count();
            digits != 2
        };
        escapes.into_iter().any(broken).then(|| "a % is not followed by two hexadecimal digits".to_owned())
    };
    if let Some(problem) = problem {
        value.wrong(format!("invalid HTTP URL path set for signal: {path:?}: {problem}"));
        return None;
    }
    Some(path)
}

fn encodings(http: &mut Section<'_>) -> ContentEncodings {
    let Some(value) = http.value("compression_algorithms") else { return ContentEncodings::All };
    let words = value.words();
    if words.is_empty() {
        return ContentEncodings::Ignored;
    }
    let known = words.iter().filter_map(|(word, place)| compression::content_encoding(place, word));
    ContentEncodings::Only(known.collect())
}

fn cors(http: &mut Section<'_>) -> Option<Cors> {
    // What `cors::allowed_origins` was called before.
    let early = http.value("cors_allowed_origins").map(|value| {
        value.warn("the key \"cors_allowed_origins\" is called \"allowed_origins\" under cors today");
        let allowed_headers = AllowedHeaders::Listed(Vec::new());
        Cors { allowed_origins: origins(&value), allowed_headers, exposed_headers: Vec::new(), max_age: 0 }
    });
    let cors = http.optional("cors").map(todays_cors).or(early);
    cors.filter(|cors| !cors.allowed_origins.is_empty())
}

fn todays_cors(mut section: Section<'_>) -> Cors {
    let mut words = |key| section.value(key).map(|value| value.words()).unwrap_or_default();
    let (allowed, exposed) = (words("allowed_headers"), words("exposed_headers"));
    let any = allowed.iter().any(|(word, _)| word == "*");
    let allowed_headers = if any { AllowedHeaders::Any } else { AllowedHeaders::Listed(header_names(&allowed)) };
    let allowed_origins = section.value("allowed_origins").map(|value| origins(&value)).unwrap_or_default();
    let max_age = section.unsigned("max_age").unwrap_or(0);
    if allowed_origins.is_empty() && !allowed.is_empty() {
        section
            .whole()
            .warn("The CORS configuration specifies allowed headers but no allowed origins, and is therefore ignored.");
    }
    section.finish();
    Cors { allowed_origins, allowed_headers, exposed_headers: header_names(&exposed), max_age }
}

fn origins(value: &Reading<'_>) -> Vec<String> {
    let mut origins = Vec::new();
    for (origin, place) in value.words() {
        if 1 < origin.matches('*').count() {
            place.warn(format!("only the first * of {origin} stands for anything"));
        } else if origin != "*" && (!origin.contains("://") || origin.ends_with('/')) {
            place.warn(format!("{origin} is no origin that a browser names: write scheme://host:port without a path"));
        }
        origins.push(origin.to_ascii_lowercase());
    }
    origins
}

fn header_names(words: &[(String, Reading<'_>)]) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for (word, place) in words {
        match HeaderName::from_bytes(word.as_bytes()) {
            Ok(name) => names.push(name),
            Err(_) => place.wrong(format!("{word:?} is not the name of a header")),
        }
    }
    names
}

/// The path of profiles is fixed, as in the Collector.
const URL_PATHS: &[(&str, Signal)] =
    &[("traces_url_path", Signal::Traces), ("metrics_url_path", Signal::Metrics), ("logs_url_path", Signal::Logs)];

const REST: &[(&str, Rule)] =
    &[("write_timeout", Rule::NoEffect("answers are small, and the system takes them at once"))];
