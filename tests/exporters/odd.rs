//! Answers that no server should give: each has a class, and none does harm.

use otlp_relay::failure::Class;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stubs::{Stub, grpc_status, http2, response};
use crate::support::{SHORT, check, grpc, grpc_config, http, http_config, send};

async fn http1_saying(bytes: &'static [u8]) -> Stub {
    Stub::start(move |mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(bytes).await;
    })
    .await
}

#[tokio::test]
async fn odd_answers_over_http1_have_a_class() {
    let cases: [(&[u8], Class); 8] = [
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", Class::ServerErrorOther),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", Class::ConnectionReset),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Class::Other),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", Class::ConnectionReset),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<ht>", Class::NotOtlpResponse),
        (b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", Class::ServerErrorOther),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Class::ProtocolMismatch),
        (b"220 mail.example.com ESMTP\r\n", Class::ProtocolMismatch),
    ];
    for (bytes, class) in cases {
        let stub = http1_saying(bytes).await;
        match send(&http(&http_config(stub.address))).await {
            // Nothing more to say: a success.
            Ok(_) => assert_eq!(class, Class::Other, "{}", bytes.escape_ascii()),
            Err(failure) => assert_eq!(failure.class(), class, "{} {failure:?}", bytes.escape_ascii()),
        }
    }
}

#[tokio::test]
async fn odd_answers_over_http2_have_a_class() {
    let page = http2(|_| response(200, &[("content-type", "text/html")], "<title>Sign in</title>")).await;
    check(&grpc(&grpc_config(page.address)), Class::NotOtlpResponse, &["Sign in"]).await;
    let silent = http2(|_| response(200, &[("content-type", "application/grpc")], "")).await;
    check(&grpc(&grpc_config(silent.address)), Class::GrpcMissingStatus, &[]).await;
    let details = [("grpc-status", "14"), ("grpc-message", "busy"), ("grpc-status-details-bin", "!not base64!")];
    let broken = http2(move |_| grpc_status(&details)).await;
    check(&grpc(&grpc_config(broken.address)), Class::ServerUnavailable, &["busy"]).await;
    let code = http2(|_| grpc_status(&[("grpc-status", "ninety")])).await;
    check(&grpc(&grpc_config(code.address)), Class::ServerUnknownError, &[]).await;
}

/// SETTINGS, and then `frame` as soon as the request has begun to come.
async fn http2_saying(frame: Vec<u8>) -> Stub {
    Stub::start(move |mut stream| {
        let frame = frame.clone();
        async move {
            let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&frame).await;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    })
    .await
}

#[tokio::test]
async fn every_reset_and_every_goaway_has_a_class() {
    for code in 0..=14_u8 {
        for frame in
            [vec![0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code], vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code]]
        {
            let stub = http2_saying(frame.clone()).await;
            let failure = send(&grpc(&grpc_config(stub.address))).await.unwrap_err();
            assert_ne!(failure.class(), Class::Other, "{frame:?} {failure:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_of_a_peer_are_without_a_class(bytes in prop::collection::vec(any::<u8>(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stub = http2_saying(bytes.clone()).await;
            let mut config = grpc_config(stub.address);
            config.timeout = Some(SHORT);
            let failure = send(&grpc(&config)).await.unwrap_err();
            assert_ne!(failure.class(), Class::Other, "{failure:?}");
            let leaked: &'static [u8] = bytes.leak();
            let stub = http1_saying(leaked).await;
            let mut config = http_config(stub.address);
            config.timeout = Some(SHORT);
            if let Err(failure) = send(&http(&config)).await {
                assert_ne!(failure.class(), Class::Other, "{failure:?}");
            }
        });
    }
}
