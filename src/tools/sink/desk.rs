//! What a sink's admin address answers: counts, runs, and faults that can be changed while it runs.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BadAsk, Sink};
use crate::config::percent;

/// A status of HTTP.
pub type Status = StatusCode;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// The status of HTTP.
    pub status: Status,
    /// The content type of the text.
    pub content_type: &'static str,
    /// The text.
    pub text: String,
}

impl Sink {
    /// Answers a request for `path` with this `body`.
    pub fn desk(&self, method: &Method, path: &str, body: &[u8]) -> Paper {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let run = path.strip_prefix("/api/runs/").filter(|run| !run.is_empty());
        match (path, run) {
            ("/" | "", _) if reads => Paper { status: StatusCode::OK, content_type: TEXT, text: GUIDE.to_owned() },
            ("/health", _) if reads => json_of(StatusCode::OK, &json!({"status": "ok"})),
            ("/api/status", _) if reads => json_of(StatusCode::OK, &self.report().to_json()),
            (_, Some(run)) if reads => self.answer_run(run),
            ("/api/faults", _) if reads => json_of(StatusCode::OK, &self.asked().to_json()),
            ("/api/faults", _) if *method == Method::POST => match self.change(body) {
                Ok(()) => json_of(StatusCode::OK, &self.asked().to_json()),
                Err(BadAsk { key, why }) => fault(StatusCode::BAD_REQUEST, &format!("{key}: {why}")),
            },
            ("/api/reset", _) if *method == Method::POST => {
                self.reset();
                json_of(StatusCode::OK, &json!({"status": "ok"}))
            }
            ("/api/reset", _) => fault(StatusCode::METHOD_NOT_ALLOWED, "use POST"),
            ("/" | "" | "/health" | "/api/status" | "/api/faults", _) | (_, Some(_)) => {
                fault(StatusCode::METHOD_NOT_ALLOWED, if path == "/api/faults" { "use GET or POST" } else { "use GET" })
            }
            _ => fault(StatusCode::NOT_FOUND, "there is nothing here; GET / lists what there is"),
        }
    }

    fn answer_run(&self, run: &str) -> Paper {
        let found = percent::decode(run).and_then(|run| self.run(&run));
        match found {
            Some(run) => json_of(StatusCode::OK, &run.to_json()),
            None => fault(StatusCode::NOT_FOUND, "nothing has come of this run"),
        }
    }

    fn change(&self, body: &[u8]) -> Result<(), BadAsk> {
        self.fail(&self.asked().changed_by(body)?)
    }
}

fn fault(status: StatusCode, why: &str) -> Paper {
    json_of(status, &json!({ "error": why }))
}

fn json_of(status: StatusCode, value: &Value) -> Paper {
    Paper { status, content_type: "application/json", text: format!("{value}\n") }
}

const TEXT: &str = "text/plain; charset=utf-8";

const GUIDE: &str = "otlp-relay sink
GET  /health
GET  /api/status      everything that was counted
GET  /api/runs/RUN    what came of a run: distinct, doubled, missing
GET  /api/faults
POST /api/faults      {\"fail\": \"unavailable=5%\", \"latency\": \"20ms\", \"max_request_bytes\": \"4MiB\", \"seed\": 1};
                      what is left out stays as it is
POST /api/reset       forgets everything that was counted
";
