//! Does a configuration of every key run? The built program starts with it, and passes spans on by every exporter.

use http::Method;
use serde_json::{Value, json};

use crate::describe::check_shows;
use crate::everything::everything;
use crate::support::backend::Backend;
use crate::support::cli::{Process, run};
use crate::support::client::{Coding, compress, http_request};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::net::free_port;
use crate::support::tls::{Authority, Clients};

/// What the receiver asks for: user a with the password b.
const A_B: (&str, &str) = ("authorization", "Basic YTpi");

const READY: &str = "Everything is ready. Begin running and processing data.";

/// `everything()` with addresses and files that are there: clients post to the port `http`, files are in `folder`.
async fn real(backend: &Backend, authority: &Authority, folder: &std::path::Path, http: u16) -> Value {
    let mut config = everything();
    let mut put = |path: &str, value: Value| match config.pointer_mut(path) {
        Some(place) => *place = value,
        None => panic!("{path} is not in everything()"),
    };
    let local = |port: u16| json!(format!("127.0.0.1:{port}"));
    let file = |name: &str| json!(folder.join(name));

    let (certificate, key) = authority.server_files();
    put("/receivers/otlp/protocols/grpc/endpoint", local(free_port()));
    put("/receivers/otlp/protocols/grpc/tls/cert_file", json!(certificate));
    put("/receivers/otlp/protocols/grpc/tls/key_file", json!(key));
    put("/receivers/otlp/protocols/grpc/tls/client_ca_file", json!(authority.ca_file()));
    put("/receivers/otlp/protocols/http/endpoint", local(http));

    let (certificate, key) = authority.client_files();
    let over_tls = authority.serve("localhost", backend.grpc, Clients::Certified).await;
    put("/exporters/otlp_grpc/endpoint", local(over_tls));
    put("/exporters/otlp_grpc/tls/ca_file", json!(authority.ca_file()));
    put("/exporters/otlp_grpc/tls/cert_file", json!(certificate));
    put("/exporters/otlp_grpc/tls/key_file", json!(key));
    for (key, file) in [("ca_pem", authority.ca_file()), ("cert_pem", certificate), ("key_pem", key)] {
        put(&format!("/exporters/otlp_http/tls/{key}"), json!(std::fs::read_to_string(file).expect("a PEM file")));
    }
    // A backend that is sent whole URLs is a proxy, as far as the relay can tell.
    put("/exporters/otlp_http/proxy_url", json!(format!("http://127.0.0.1:{}", backend.http)));
    put("/exporters/otlp_http/traces_endpoint", json!("http://h:5/v1/traces"));
    let (certificate, key) = authority.server_files();
    put("/exporters/prometheus/endpoint", local(free_port()));
    put("/exporters/prometheus/tls/cert_file", json!(certificate));
    put("/exporters/prometheus/tls/key_file", json!(key));
    put("/exporters/prometheus/tls/client_ca_file", json!(authority.ca_file()));
    put("/exporters/file/path", file("new/telemetry"));

    std::fs::write(folder.join("credentials"), "c:d\n").expect("write");
    for key in [
        "basicauth/htpasswd/file",
        "basicauth~1client/client_auth/password_file",
        "headers_setter/headers/3/value_file",
        "bearertokenauth~1file/filename",
    ] {
        put(&format!("/extensions/{key}"), file("credentials"));
    }
    // Nobody gives out tokens here.
    put("/exporters/otlp_http/auth/authenticator", json!("bearertokenauth/file"));

    for extension in ["health_check", "zpages", "pprof"] {
        put(&format!("/extensions/{extension}/endpoint"), local(free_port()));
    }
    let readers = "/service/telemetry/metrics/readers";
    put(&format!("{readers}/0/pull/exporter/prometheus/port"), json!(free_port()));
    let endpoint = json!(format!("http://127.0.0.1:{}", backend.grpc));
    put(&format!("{readers}/1/periodic/exporter/otlp/endpoint"), endpoint);
    // What it says is looked at.
    put("/service/telemetry/logs/level", json!("info"));
    put("/service/telemetry/logs/output_paths", json!(["stderr", folder.join("log")]));
    config
}

#[tokio::test]
async fn every_accepted_key_at_once_is_valid_and_runs() {
    let (backend, authority, http) = (Backend::start(), Authority::new(), free_port());
    let folder = tempfile::tempdir().expect("a directory");
    let config = real(&backend, &authority, folder.path(), http).await;
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, config.to_string()).expect("write");
    let file = file.to_str().expect("UTF-8");

    let valid = run(&["validate", "--config", file], &[]).await;
    assert_eq!(valid.code, Some(0), "{}", valid.stderr);
    let printed = run(&["print-config", "--format", "json", "--mode", "unredacted", "--config", file], &[]).await;
    check_shows(&serde_json::from_str(&printed.stdout).expect("JSON"), &config, "");

    let relay = Process::relay(&["--config", file], &[]);
    let is_ready = || async { relay.log().iter().any(|line| line.contains(READY)).then_some(()) };
    eventually("the relay gets ready", is_ready).await;
    let body = compress(Coding::Gzip, &lean_spans("app", 0..6).encode());
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip"), ("tenant", "a"), A_B];
    let answer = http_request(Method::POST, http, "/t", &headers, body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-served-by")), (200, Some("relay")), "{}", answer.text());

    let twice: Vec<u64> = (0..6).flat_map(|id| [id, id]).collect();
    let have_arrived = || async { (backend.accepted_ids(Signal::Traces) == twice).then_some(()) };
    eventually("the spans, by gRPC and by HTTP", have_arrived).await;
    assert!(relay.log().iter().any(|line| line.contains("ResourceSpans #0")), "by the debug exporter");
    relay.signal("TERM");
    let ended = relay.finish().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let written = std::fs::metadata(folder.path().join("new/telemetry")).expect("the exporter's file");
    assert!(0 < written.len(), "by the file exporter");
    assert!(std::fs::read_to_string(folder.path().join("log")).expect("the log").contains("Shutdown complete."));
}
