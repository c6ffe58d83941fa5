//! The classes of what senders do to a receiver.

use super::rows;

rows! {
    MalformedRequest "malformed_request"
        Receiver Receive Never Person InvalidArgument 400 {
        meaning "the request is not valid OTLP"
        evidence "the body breaks the wire format, or a rule of the OTLP messages, at the byte that is named"
        causes [
            "the sender's body is not OTLP: another format, or a path of another signal",
            "the sender compresses, but does not say so in a header, or the other way round",
            "an exporter with a bug",
        ]
        remedies [
            "check the sender's exporter and its version",
            "see that the sender's path fits the signal: /v1/traces, /v1/metrics, /v1/logs",
        ]
        broken "curl -d hello -H 'content-type: application/json' http://relay:4318/v1/traces"
        mended "curl -d '{\"resourceSpans\":[]}' -H 'content-type: application/json' http://relay:4318/v1/traces"
    }

    RequestTooLarge "request_too_large"
        Receiver Receive Never Person ResourceExhausted 413 {
        meaning "the request is larger than the receiver accepts"
        evidence "the body, as it came or after it was decompressed, exceeds the receiver's limit"
        causes [
            "the sender's batches are large",
            "the limit is small: 4 MiB for gRPC, 20 MiB for HTTP, unless it is set",
        ]
        remedies [
            "send smaller batches, or raise max_recv_msg_size_mib or max_request_body_size",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    max_recv_msg_size_mib: 1"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    max_recv_msg_size_mib: 16"
    }

    UnsupportedEncoding "unsupported_encoding"
        Receiver Receive Never Person Unimplemented 400 {
        meaning "the request's compression is not known"
        evidence "the grpc-encoding or Content-Encoding header names something unknown"
        causes ["the sender uses a compression of its own, such as br"]
        remedies ["send gzip, zstd, snappy or no compression"]
        broken "OTEL_EXPORTER_OTLP_COMPRESSION=br"
        mended "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"
    }

    PeerUnknownPath "peer_unknown_path"
        Receiver Receive Never Person Unimplemented 404 {
        meaning "the sender posts to a path that nothing is served at"
        evidence "a POST of protobuf, or to a path with /v1/<signal> in it, at a path that is no receiver's"
        causes [
            "OTEL_EXPORTER_OTLP_ENDPOINT ends in /v1/traces, and the SDK appends it once more",
            "the sender speaks the protocol of another backend, such as Zipkin's",
            "a proxy between adds a prefix to the path, or the receiver's url_path differs",
        ]
        remedies [
            "post to /v1/traces, /v1/metrics or /v1/logs; in OTEL_EXPORTER_OTLP_ENDPOINT write http://host:port alone",
            "where the path is meant, set the receiver's traces_url_path and its kin",
        ]
        broken "OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4318/v1/traces"
        mended "OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4318"
    }

    PeerUnknownContentType "peer_unknown_content_type"
        Receiver Receive Never Person InvalidArgument 415 {
        meaning "the sender's content type is no encoding of OTLP"
        evidence "a POST to /v1/<signal> whose Content-Type is neither application/x-protobuf nor application/json"
        causes [
            "a client without an SDK leaves the header out, or sends text/plain or a form",
            "another format is sent to the path of OTLP",
        ]
        remedies ["send OTLP as application/x-protobuf or application/json"]
        broken "curl -d '{\"resourceSpans\":[]}' http://relay:4318/v1/traces"
        mended "curl -d '{\"resourceSpans\":[]}' -H 'content-type: application/json' http://relay:4318/v1/traces"
    }

    PeerSentHttp "peer_sent_http1_to_grpc"
        Receiver Receive Never Person InvalidArgument 400 {
        meaning "the sender speaks OTLP/HTTP to the port of OTLP/gRPC"
        evidence "the connection begins with an HTTP/1 request"
        causes [
            "the sender's endpoint ends in 4317, but its protocol is http/protobuf",
            "a browser, health check or scanner came by",
        ]
        remedies [
            "send to the port of OTLP/HTTP, or leave protocol_detection on",
        ]
        broken "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4317"
        mended "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4318"
    }

    PeerSentGrpc "peer_sent_h2_to_http1"
        Receiver Receive Never Person Unimplemented 404 {
        meaning "the sender speaks OTLP/gRPC to the port of OTLP/HTTP"
        evidence "the connection begins with the HTTP/2 preface"
        causes ["the sender's endpoint ends in 4318, but its protocol is grpc"]
        remedies [
            "send to the port of OTLP/gRPC, or leave protocol_detection on",
        ]
        broken "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4318"
        mended "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4317"
    }

    BodyInterrupted "peer_slow_or_gone"
        Receiver Receive BackOff Time Unavailable 503 {
        meaning "the sender ended the connection within a request"
        evidence "the body ended early, or nothing came of it for too long"
        causes [
            "the sender's export timeout is shorter than an answer takes here",
            "the sender was stopped",
        ]
        remedies [
            "compare the sender's export timeout with the time that an answer takes",
            "turn the sending_queue on, so that senders are answered at once",
        ]
        broken "OTEL_EXPORTER_OTLP_TIMEOUT=100"
        mended "OTEL_EXPORTER_OTLP_TIMEOUT=10000"
    }

    PeerSentTls "peer_sent_tls"
        Receiver Receive Never Person Unavailable 503 {
        meaning "a client speaks TLS to a plaintext receiver"
        evidence "the connection begins with a TLS ClientHello"
        causes [
            "the client's endpoint is https://, or its exporter uses TLS unless told otherwise",
        ]
        remedies [
            "use an http:// endpoint (or insecure: true) in the client's exporter, or give the receiver a tls section",
        ]
        broken "OTEL_EXPORTER_OTLP_ENDPOINT=https://relay:4317"
        mended "OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4317"
    }

    PeerSentPlaintext "peer_sent_plaintext"
        Receiver Receive Never Person Unavailable 503 {
        meaning "a client speaks plaintext to a receiver with TLS"
        evidence "the connection does not begin with a TLS record"
        causes ["the client's endpoint is http://, or its exporter has insecure: true"]
        remedies [
            "use an https:// endpoint (or insecure: false) in the client's exporter",
        ]
        broken "OTEL_EXPORTER_OTLP_ENDPOINT=http://relay:4317"
        mended "OTEL_EXPORTER_OTLP_ENDPOINT=https://relay:4317"
    }

    PeerRejectedOurCertificate "peer_rejected_our_certificate"
        X509 Receive Never Person Unavailable 503 {
        meaning "a client does not accept the receiver's certificate"
        evidence "the client ends the handshake with the alert unknown_ca, bad_certificate or certificate_unknown"
        causes [
            "the client does not know our authority",
            "the name in its endpoint is not one of our certificate",
            "our certificate has expired",
        ]
        remedies [
            "give the client the certificate of our authority (OTEL_EXPORTER_OTLP_CERTIFICATE), and check that the name in its endpoint is one of the certificate",
        ]
        broken "OTEL_EXPORTER_OTLP_ENDPOINT=https://relay:4317"
        mended "OTEL_EXPORTER_OTLP_ENDPOINT=https://relay:4317 OTEL_EXPORTER_OTLP_CERTIFICATE=/etc/ssl/ca.pem"
    }

    PeerCertificateMissing "peer_certificate_missing"
        X509 Receive Never Person Unavailable 503 {
        meaning "a client shows no certificate, which tls::client_ca_file demands"
        evidence "the handshake ends without a certificate of the client"
        causes ["the client has none, or it is not set in its exporter"]
        remedies [
            "give the client a certificate and key (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY)",
            "remove tls::client_ca_file from the receiver, if clients need no certificate",
        ]
        broken "OTEL_EXPORTER_OTLP_ENDPOINT=https://relay:4317"
        mended "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=client.pem OTEL_EXPORTER_OTLP_CLIENT_KEY=client.key"
    }

    PeerCertificateInvalid "peer_certificate_invalid"
        X509 Receive Never Person Unavailable 503 {
        meaning "the certificate of a client is not accepted"
        evidence "the client's certificate does not verify against tls::client_ca_file"
        causes [
            "another authority issued it",
            "it has expired",
            "its extendedKeyUsage does not hold clientAuth",
        ]
        remedies [
            "check who issued it (tls::client_ca_file), its dates and its extendedKeyUsage clientAuth",
        ]
        broken "openssl verify -purpose sslclient -CAfile other-ca.pem client.pem"
        mended "openssl verify -purpose sslclient -CAfile client-ca.pem client.pem"
    }

    PeerTlsMismatch "peer_tls_mismatch"
        Receiver Receive Never Person Unavailable 503 {
        meaning "a client and the receiver have no TLS version or cipher suite in common"
        evidence "the ClientHello offers nothing that the receiver takes"
        causes [
            "an old client with TLS 1.1 or older",
            "min_version or cipher_suites of the receiver are strict",
        ]
        remedies [
            "let the client speak TLS 1.2 or 1.3; compare with min_version, max_version and cipher_suites of the receiver",
        ]
        broken "openssl s_client -connect relay:4317 -tls1_1"
        mended "openssl s_client -connect relay:4317 -tls1_2"
    }

    PeerUnauthenticated "peer_unauthenticated"
        Unauthenticated Receive Never Person Unauthenticated 401 {
        meaning "a client shows no credentials, or not the right ones"
        evidence "the receiver's auth names an authenticator, and the request's header does not satisfy it"
        causes [
            "the client's exporter sends no authorization header",
            "the token or password was changed on one side only",
            "the header's name or scheme differs from what the authenticator expects",
        ]
        remedies [
            "give the client the header that auth of the receiver asks for (OTEL_EXPORTER_OTLP_HEADERS)",
            "compare header and scheme of the authenticator with what the client sends",
        ]
        broken "OTEL_EXPORTER_OTLP_HEADERS="
        mended "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN"
    }
}
