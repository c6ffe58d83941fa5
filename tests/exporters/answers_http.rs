//! What HTTP backends, and proxies before them, answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use otlp_relay::config::{Compression, HttpEncoding, OtlpHttp};
use otlp_relay::failure::{Class, Retry};
use otlp_relay::payload::{Encoding, Payload};
use otlp_relay::signal::Signal;
use otlp_relay::transport::codec::decompress;
use otlp_relay::units::{ByteCount, Items};
use prost::Message;

use crate::stubs::{Stub, http1, response};
use crate::support::{RUNS, check, http, http_config, payload, send, target};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

#[tokio::test]
async fn the_request_is_a_post_of_protobuf_with_its_length() {
    for (compression, encoding) in [
        (Compression::None, None),
        (Compression::Gzip, Some(Encoding::Gzip)),
        (Compression::Zstd, Some(Encoding::Zstd)),
        (Compression::Zlib, Some(Encoding::Zlib)),
        (Compression::Deflate, Some(Encoding::Deflate)),
        (Compression::Snappy, Some(Encoding::Snappy)),
        (Compression::SnappyFramed, Some(Encoding::SnappyFramed)),
        (Compression::Lz4, Some(Encoding::Lz4)),
    ] {
        let seen = Arc::new(Mutex::new(None));
        let put = Arc::clone(&seen);
        let stub = http1(move |request| {
            *put.lock().unwrap() = Some(request);
            response(200, &[PROTOBUF], "")
        });
        let stub = stub.await;
        let mut config = http_config(stub.address);
        config.compression = compression;
        target(&mut config).path.insert_str(0, "/otlp");
        send(&http(&config)).await.unwrap();
        let request = seen.lock().unwrap().take().unwrap();
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/otlp/v1/traces"));
        let headers = request.headers();
        assert_eq!(headers["host"], stub.address.to_string());
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["content-length"], request.body().len().to_string());
        assert_eq!(headers["otlp-relay-instance"], "instance-1");
        let body = match encoding {
            None => request.body().clone(),
            Some(encoding) => decompress(encoding, request.body(), ByteCount::mib(1)).unwrap(),
        };
        ExportTraceServiceRequest::decode(body).unwrap();
    }
}

#[tokio::test]
async fn json_is_sent_where_it_is_asked_for() {
    for compression in [Compression::None, Compression::Zstd] {
        let seen = Arc::new(Mutex::new(None));
        let put = Arc::clone(&seen);
        let stub = http1(move |request| {
            *put.lock().unwrap() = Some(request);
            response(200, &[("content-type", "application/json")], r#"{"partialSuccess":{}}"#)
        });
        let stub = stub.await;
        let config = OtlpHttp { compression, encoding: HttpEncoding::Json, ..http_config(stub.address) };
        send(&http(&config)).await.unwrap();
        let request = seen.lock().unwrap().take().unwrap();
        assert_eq!(request.headers()["content-type"], "application/json");
        let body = match compression {
            Compression::Zstd => decompress(Encoding::Zstd, request.body(), ByteCount::mib(1)).unwrap(),
            _ => request.body().clone(),
        };
        let sent = Payload::from_json(Signal::Traces, &body).unwrap();
        assert_eq!((sent.items(), sent.to_json()), (Items(1), body));
    }
}

#[tokio::test]
async fn rejected_spans_are_on_the_receipt() {
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".to_owned() };
    let protobuf = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#.to_vec();
    for (kind, body) in [("application/x-protobuf", protobuf), ("application/json", json)] {
        let stub = http1(move |_| response(200, &[("content-type", kind)], body.clone())).await;
        let receipt = send(&http(&http_config(stub.address))).await.unwrap();
        assert_eq!((receipt.rejected, receipt.message.as_deref()), (Items(3), Some("too old")), "{kind}");
    }
}

#[tokio::test]
async fn an_empty_answer_without_a_type_is_a_success() {
    let stub = http1(|_| response(200, &[], "")).await;
    send(&http(&http_config(stub.address))).await.unwrap();
}

#[tokio::test]
async fn a_page_is_no_success() {
    let stub = http1(|_| response(200, &[("content-type", "text/html")], "<title>Sign in</title>")).await;
    check(&http(&http_config(stub.address)), Class::NotOtlpResponse, &["Sign in"]).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stub = http1(|_| response(307, &[("location", "https://elsewhere/v1/traces")], "")).await;
    check(&http(&http_config(stub.address)), Class::HttpRedirect, &["location: https://elsewhere/v1/traces"]).await;
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let stub = http1(|_| response(429, &[("retry-after", "1")], "")).await;
    let failure = check(&http(&http_config(stub.address)), Class::RateLimited, &["429", "1s"]).await;
    assert_eq!(failure.retry(), Retry::After(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_refusal_keeps_the_backends_words() {
    let stub = http1(|_| response(401, &[("content-type", "application/json")], r#"{"error":"no token"}"#)).await;
    check(&http(&http_config(stub.address)), Class::Unauthenticated, &["401", "no token"]).await;
    let stub = http1(|_| response(404, &[], "no such page")).await;
    check(&http(&http_config(stub.address)), Class::HttpNotFound, &["404", "/v1/traces", "no such page"]).await;
    let status = tonic_types::Status { code: 3, message: "bad span".to_owned(), details: Vec::new() };
    let stub = http1(move |_| response(400, &[PROTOBUF], status.encode_to_vec())).await;
    check(&http(&http_config(stub.address)), Class::InvalidData, &["bad span"]).await;
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let stub = http1(|_| response(200, &[PROTOBUF], vec![0; 1 << 20])).await;
    check(&http(&http_config(stub.address)), Class::ResponseTooLarge, &[]).await;
    let stub = http1(|_| response(503, &[], vec![b'x'; 1 << 20])).await;
    check(&http(&http_config(stub.address)), Class::ServerUnavailable, &["503"]).await;
}

#[tokio::test]
async fn one_connection_serves_many_requests_in_turn() {
    let stub = http1(|_| response(200, &[], "")).await;
    let backend = http(&http_config(stub.address));
    for _ in 0..5 {
        send(&backend).await.unwrap();
    }
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn an_early_refusal_is_heard_although_the_rest_is_not_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stub = Stub::start(|mut stream| async move {
        let mut head = [0; 64];
        let _ = stream.read(&mut head).await;
        let _ =
            stream.write_all(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        // Closing with bytes unread resets the connection.
    })
    .await;
    let backend = http(&http_config(stub.address));
    for _ in 0..RUNS {
        let large = payload(&"x".repeat(3_000_000));
        let failure = backend.stage(Signal::Traces).unwrap().consume(large).await.unwrap_err();
        assert_eq!(failure.class(), Class::MessageTooLarge, "{failure:?}");
    }
}
