//! One endpoint without a configuration: what was asked on the command line as the configuration that would say the same.
//!
//! So that it is read, checked and complained of by the one decoder.

use serde_json::{Map, Value, json};

use crate::signal::Signal;

/// One endpoint, as the command line names it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `http://host:4318`, `https://host:4317`, `host:4317`.
    pub url: String,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// What to speak; by the port and the path where it is not said.
    pub speak: Option<Speak>,
    /// Plaintext, or TLS that accepts any certificate where the URL says https.
    pub insecure: Insecure,
    /// The file of the authority that is trusted.
    pub ca_file: Option<String>,
}

/// What to speak to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speak {
    /// OTLP/gRPC
    Grpc,
    /// OTLP/HTTP
    Http,
}

/// `--insecure`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insecure {
    /// It was given.
    Yes,
    /// It was not.
    No,
}

/// A configuration with one exporter, as text that the configuration's own reader takes (JSON is YAML).
pub fn configuration(asked: &Asked) -> String {
    let speak = asked.speak.unwrap_or_else(|| guess(&asked.url));
    let mut exporter = Map::new();
    let mut signals = vec![Signal::Traces, Signal::Metrics, Signal::Logs];
    let (key, url) = match (speak, signal_of(&asked.url)) {
        // The URL of one signal, as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has it.
        (Speak::Http, Some(signal)) => {
            signals = vec![signal];
            (signal.facts().endpoint_key, asked.url.clone())
        }
        (Speak::Http, None) if !asked.url.contains("://") => ("endpoint", format!("http://{}", asked.url)),
        (Speak::Http | Speak::Grpc, _) => ("endpoint", asked.url.clone()),
    };
    let is_https = url.starts_with("https://");
    exporter.insert(key.to_owned(), literal(&url));
    let headers: Map<String, Value> =
        asked.headers.iter().map(|(name, value)| (name.clone(), literal(value))).collect();
    exporter.insert("headers".to_owned(), Value::Object(headers));
    let mut tls = Map::new();
    match (asked.insecure, is_https) {
        (Insecure::Yes, true) => drop(tls.insert("insecure_skip_verify".to_owned(), json!(true))),
        (Insecure::Yes, false) => drop(tls.insert("insecure".to_owned(), json!(true))),
        // For the Collector http:// alone is no word for plaintext.
        (Insecure::No, false) if speak == Speak::Grpc && url.starts_with("http://") => {
            tls.insert("insecure".to_owned(), json!(true));
        }
        (Insecure::No, _) => {}
    }
    if let Some(file) = &asked.ca_file {
        tls.insert("ca_file".to_owned(), literal(file));
    }
    if !tls.is_empty() {
        exporter.insert("tls".to_owned(), Value::Object(tls));
    }
    let id = match speak {
        Speak::Grpc => "otlp_grpc",
        Speak::Http => "otlp_http",
    };
    let pipelines: Map<String, Value> = signals
        .into_iter()
        .map(|signal| (signal.name().to_owned(), json!({"receivers": ["nop"], "exporters": [id]})))
        .collect();
    json!({
        "receivers": {"nop": {}},
        "exporters": {id: exporter},
        "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": pipelines},
    })
    .to_string()
}

/// gRPC on its own port, as an SDK's `OTEL_EXPORTER_OTLP_ENDPOINT` is read here; else HTTP.
fn guess(url: &str) -> Speak {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_path = rest.trim_end_matches('/').len() > authority.len();
    match scheme {
        Some("http" | "https") | None if authority.ends_with(":4317") && !has_path => Speak::Grpc,
        Some("http" | "https") | None => Speak::Http,
        Some(_) => Speak::Grpc,
    }
}

fn signal_of(url: &str) -> Option<Signal> {
    let path = url.split_once("://")?.1;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Signal::ALL.into_iter().find(|signal| path.ends_with(signal.facts().http_path))
}

/// A text in which nothing is expanded.
fn literal(text: &str) -> Value {
    Value::String(text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_guessed_as_the_port_suggests() {
        for (url, speak) in [
            ("http://b:4317", Speak::Grpc),
            ("b:4317", Speak::Grpc),
            ("https://b:4317/", Speak::Grpc),
            ("https://b:4317/otlp", Speak::Http),
            ("http://b:4318", Speak::Http),
            ("https://api.example.com", Speak::Http),
            ("grpc://b:1", Speak::Grpc),
        ] {
            assert_eq!(guess(url), speak, "{url}");
        }
    }

    #[test]
    fn the_url_of_one_signal_asks_for_that_signal_only() {
        let asked = Asked {
            url: "https://b/otlp/v1/logs".to_owned(),
            headers: vec![("x".to_owned(), "a${env:HOME}$".to_owned())],
            speak: None,
            insecure: Insecure::No,
            ca_file: None,
        };
        let text = configuration(&asked);
        assert!(text.contains("logs_endpoint") && !text.contains("traces"), "{text}");
        assert!(text.contains("a$${env:HOME}$$"), "{text}");
    }
}
