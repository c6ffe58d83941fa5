//! Whether a check names the right port where the wrong one is configured.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::looks::{check, sending};
use crate::servers::{answer, serve_http1_on};

/// A loopback address of this test process alone, on which the usual ports of OTLP are free.
fn own_address(number: u8) -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{}", 1 + (pid >> 16) % 250, (pid >> 8) % 256, (pid % 32) * 8 + u32::from(number % 8))
}

fn http1_on(address: &str, port: u16) {
    let listener = TcpListener::bind((address, port)).unwrap();
    serve_http1_on(listener, |_| answer("404 Not Found", "text/plain", ""));
}

/// Answers the preface of HTTP/2 with SETTINGS, and everything else by closing.
fn http2_on(address: &str, port: u16) {
    let listener = TcpListener::bind((address, port)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut preface = [0; 24];
                if stream.read_exact(&mut preface).is_ok() && preface.starts_with(b"PRI") {
                    let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
                    let _ = stream.read(&mut [0; 64]);
                }
            });
        }
    });
}

#[tokio::test]
async fn grpc_to_the_port_of_http_is_told_where_grpc_is() {
    let address = own_address(0);
    http1_on(&address, 4318);
    http2_on(&address, 4317);
    let yaml = sending("otlp_grpc", &format!("endpoint: '{address}:4318', tls: {{insecure: true}}"));
    let found = check(&yaml, &["--only", "exporters"], &[]).await;
    let edit = format!("endpoint: {address}:4318  →  endpoint: {address}:4317");
    found.fails("protocol", "grpc_to_http1_port", "http2", &[&edit, "port 4317 of the same host speaks HTTP/2"]);
}

#[tokio::test]
async fn where_only_the_other_protocol_answers_the_other_exporter_is_named() {
    let address = own_address(1);
    http2_on(&address, 4317);
    let yaml = sending("otlp_http", &format!("endpoint: 'http://{address}:9'"));
    let found = check(&yaml, &["--only", "exporters"], &[]).await;
    let edit = format!("otlp_grpc: {{endpoint: http://{address}:4317}} instead of otlp_http");
    found.fails("connect", "connection_refused", "connect", &[&edit, "port 4318 of the same host: nobody answers"]);
}

#[tokio::test]
async fn no_port_is_named_that_was_not_seen_to_answer() {
    let address = own_address(2);
    http1_on(&address, 4318);
    let yaml = sending("otlp_grpc", &format!("endpoint: '{address}:4318', tls: {{insecure: true}}"));
    let found = check(&yaml, &["--only", "exporters"], &[]).await;
    let edit = format!("otlp_http: {{endpoint: http://{address}:4318}} instead of otlp_grpc");
    found.fails("protocol", "grpc_to_http1_port", "http2", &[&edit]);
}
