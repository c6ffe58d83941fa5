//! Texts as Collectors, SDKs and tools print them, each with the class that it is about.

use super::*;
use Class::*;

const TEXTS: &[(&str, Class)] = &[
    (
        r#"rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:46615: connect: connection refused""#,
        ConnectionRefused,
    ),
    (
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:46615: Failed to connect to remote host: Connection refused",
        ConnectionRefused,
    ),
    (
        "14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:4317. Resolution note: ",
        ConnectionRefused,
    ),
    (
        "Failed to export spans. The request could not be executed. Full error message: Failed to connect to localhost/[0:0:0:0:0:0:0:1]:4318",
        ConnectionRefused,
    ),
    ("UNAVAILABLE: io exception", ConnectionRefused),
    ("curl: (7) Failed to connect to localhost port 4318 after 0 ms: Couldn't connect to server", ConnectionRefused),
    ("No connection could be made because the target machine actively refused it.", ConnectionRefused),
    ("name resolver error: produced zero addresses", DnsNotFound),
    ("dial tcp: lookup nosuch.invalid on 10.255.255.53:53: no such host", DnsNotFound),
    ("dial tcp: lookup collector on 10.96.0.10:53: server misbehaving", DnsTemporaryFailure),
    ("dial tcp: lookup collector on 10.96.0.10:53: read udp 10.0.0.2:41234->10.96.0.10:53: i/o timeout", DnsTimeout),
    ("getaddrinfo ENOTFOUND collector", DnsNotFound),
    ("getaddrinfo EAI_AGAIN collector", DnsTemporaryFailure),
    ("java.net.UnknownHostException: collector: Name or service not known", DnsNotFound),
    ("socket.gaierror: [Errno -3] Temporary failure in name resolution", DnsTemporaryFailure),
    ("curl: (6) Could not resolve host: collector", DnsNotFound),
    (
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded while waiting for connections to become ready",
        ConnectTimeout,
    ),
    ("context deadline exceeded", DeadlineExceeded),
    ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", DeadlineExceeded),
    (
        r#"Post "http://b:4318/v1/traces": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"#,
        DeadlineExceeded,
    ),
    ("4 DEADLINE_EXCEEDED: Deadline exceeded after 1.500s,name resolution: 0.182s,Waiting for LB pick", ConnectTimeout),
    ("4 DEADLINE_EXCEEDED: Deadline exceeded after 1.5s,LB pick: 0.134s,remote_addr=127.0.0.1:35465", DeadlineExceeded),
    ("dial tcp 10.0.0.9:4317: i/o timeout", ConnectTimeout),
    ("java.net.SocketTimeoutException: Connect timed out", ConnectTimeout),
    ("java.net.SocketTimeoutException: Read timed out", DeadlineExceeded),
    ("dial tcp 10.0.0.9:4317: connect: no route to host", HostUnreachable),
    ("dial tcp [2001:db8::1]:4317: connect: network is unreachable", NetworkUnreachable),
    (r#"connection error: desc = "error reading server preface: unexpected EOF""#, PlaintextToTlsPort),
    (r#"malformed HTTP response "\x15\x03\x03\x00\x02\x022""#, PlaintextToTlsPort),
    ("400 Bad Request: The plain HTTP request was sent to HTTPS port", PlaintextToTlsPort),
    ("Client sent an HTTP request to an HTTPS server.", PlaintextToTlsPort),
    (
        "transport: authentication handshake failed: tls: first record does not look like a TLS handshake",
        TlsToPlaintextPort,
    ),
    ("http: server gave HTTP response to HTTPS client", TlsToPlaintextPort),
    ("WRONG_VERSION_NUMBER: Invalid certificate verification context", TlsToPlaintextPort),
    ("write EPROTO 140735:error:1408F10B:SSL routines:ssl3_get_record:wrong version number", TlsToPlaintextPort),
    ("javax.net.ssl.SSLException: Unsupported or unrecognized SSL message", TlsToPlaintextPort),
    (
        "error reading server preface: http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header",
        GrpcToHttp1Port,
    ),
    ("http2: frame too large", GrpcToHttp1Port),
    (
        "Expected SETTINGS frame as the first frame, got frame type 80. Trying to connect an http1.x server (HTTP status 400)",
        GrpcToHttp1Port,
    ),
    ("FRAME_SIZE_ERROR: 4740180", GrpcToHttp1Port),
    ("upstream sent too large http2 frame: 4740180", GrpcToHttp1Port),
    (r#"malformed HTTP response "\x00\x00\x06\x04\x00\x00\x00\x00\x00""#, Http1ToGrpcPort),
    (r"http.client.BadStatusLine('\x00\x00\x06\x04\x00')", Http1ToGrpcPort),
    ("curl: (1) Received HTTP/0.9 when not allowed", Http1ToGrpcPort),
    ("Parse Error: Expected HTTP/, RTSP/ or ICE/", Http1ToGrpcPort),
    ("tls: failed to verify certificate: x509: certificate signed by unknown authority", TlsUnknownCa),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1000)",
        TlsUnknownCa,
    ),
    ("unable to verify the first certificate", TlsUnknownCa),
    (
        "sun.security.validator.ValidatorException: PKIX path building failed: unable to find valid certification path to requested target",
        TlsUnknownCa,
    ),
    (
        "x509: certificate has expired or is not yet valid: current time 2026-11-21T10:00:00Z is after 2026-11-20T10:00:00Z",
        TlsCertificateExpired,
    ),
    (
        "x509: certificate has expired or is not yet valid: current time 2026-11-19T10:00:00Z is before 2026-11-20T10:00:00Z",
        TlsCertificateNotYetValid,
    ),
    ("x509: certificate is valid for otel.example.com, not localhost", TlsHostnameMismatch),
    ("x509: cannot validate certificate for 10.0.0.7 because it doesn't contain any IP SANs", TlsHostnameMismatch),
    (
        "Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification Check failed.",
        TlsHostnameMismatch,
    ),
    (
        "Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames",
        TlsHostnameMismatch,
    ),
    ("error reading server preface: remote error: tls: certificate required", TlsClientCertificateRequired),
    ("tlsv13 alert certificate required: SSL alert number 116", TlsClientCertificateRequired),
    ("http2: client conn could not be established", TlsClientCertificateRequired),
    ("remote error: tls: bad certificate", TlsClientCertificateRejected),
    ("http: TLS handshake error from 10.0.0.3:51234: remote error: tls: bad certificate", PeerRejectedOurCertificate),
    ("remote error: tls: protocol version not supported", TlsVersionMismatch),
    ("remote error: tls: handshake failure", TlsHandshakeFailure),
    (
        "credentials: cannot check peer: missing selected ALPN property. If you upgraded from a grpc-go version earlier than 1.67",
        TlsAlpnMismatch,
    ),
    ("net/http: TLS handshake timeout", TlsHandshakeTimeout),
    (
        r#"code = Unavailable desc = unexpected HTTP status code received from server: 502 (Bad Gateway); transport: received unexpected content-type "text/html""#,
        BadGateway,
    ),
    (
        r#"code = Unknown desc = unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type "text/html""#,
        NotOtlpResponse,
    ),
    ("8 RESOURCE_EXHAUSTED: Received message larger than max (1752460652 vs 4194304)", NotOtlpResponse),
    ("error exporting items, request to https://x/v1/traces responded with HTTP Status Code 401", Unauthenticated),
    ("Failed to export span batch code: 401, reason: Unauthorized", Unauthenticated),
    ("OTLPExporterError: Unauthorized", Unauthenticated),
    ("responded with HTTP Status Code 403", PermissionDenied),
    ("Failed to export spans batch code: 404, reason: Not Found", HttpNotFound),
    (
        "request to http://localhost:4318/v1/traces/v1/traces responded with HTTP Status Code 404",
        ConfigSignalPathDoubled,
    ),
    ("HTTP Status Code 429, Message=slow down", RateLimited),
    ("HTTP Status Code 503", ServerUnavailable),
    (
        r#"failed to do connect handshake, response: "HTTP/1.1 407 Proxy Authentication Required\r\n""#,
        ProxyAuthRequired,
    ),
    (
        "ProxyError('Unable to connect to proxy', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))",
        ProxyAuthRequired,
    ),
    ("proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused", ProxyUnreachable),
    (
        r#"error reading from server: EOF, received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings""#,
        Http2TooManyPings,
    ),
    ("stream terminated by RST_STREAM with error code: ENHANCE_YOUR_CALM", Http2EnhanceYourCalm),
    ("Received RST_STREAM with error code 11", Http2EnhanceYourCalm),
    (
        "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5000000 vs. 4194304)",
        MessageTooLarge,
    ),
    ("413 Request Entity Too Large", MessageTooLarge),
    ("sending queue is full", QueueFull),
    ("Dropping data because sending_queue is full. Try increasing queue_size.", QueueFull),
    (r#"net/http: invalid header field value for "Authorization""#, ConfigInvalidHeader),
    ("cannot start pipelines: listen tcp 0.0.0.0:4317: bind: address already in use", BindAddressInUse),
    ("listen tcp 0.0.0.0:80: bind: permission denied", BindPermissionDenied),
    (r#"warn Partial success response {"message":"no env","dropped_spans":3}"#, PartialSuccessRejected),
    (
        "rpc error: code = Unimplemented desc = unknown service opentelemetry.proto.collector.logs.v1.LogsService",
        GrpcUnimplemented,
    ),
    (r#"grpc: Decompressor is not installed for grpc-encoding "zstd""#, UnsupportedCompression),
    ("read tcp 10.0.0.2:4000->10.0.0.9:4317: read: connection reset by peer", ConnectionReset),
    ("Error: socket hang up", ConnectionReset),
    ("curl: (52) Empty reply from server", ConnectionReset),
    (r#"Post "http://b:4318/v1/traces": EOF"#, ConnectionReset),
    ("server closed the stream without sending trailers", GrpcMissingStatus),
    ("rpc error: code = PermissionDenied desc = no scope", PermissionDenied),
    ("StatusCode.UNAUTHENTICATED: bad token", Unauthenticated),
    ("accept tcp [::]:4318: accept4: too many open files", TooManyOpenFiles),
    ("write /var/lib/otelcol/x: no space left on device", DiskFull),
    ("error decoding 'exporters': unknown type: \"foo\" for id: \"foo\" (valid values: [otlp])", ConfigNotSupportedYet),
    (
        "'exporters' error reading configuration for \"otlp\": decoding failed due to: '' has invalid keys: endpont",
        ConfigUnknownKey,
    ),
    ("Exporting failed. Dropping data.", InvalidData),
    (
        r#"2026-01-02T03:04:05.678Z error internal/queue_sender.go:50 Exporting failed. Dropping data. {"resource": {}, "otelcol.component.id": "otlp", "error": "not retryable error: Permanent error: rpc error: code = Unauthenticated desc = missing token", "dropped_items": 10}"#,
        Unauthenticated,
    ),
    (
        r#"warn internal/retry_sender.go:133 Exporting failed. Will retry the request after interval. {"error": "failed to make an HTTP request: error exporting items, request to http://b:4318/v1/traces responded with HTTP Status Code 429"}"#,
        RateLimited,
    ),
    (
        r#"Exporting failed. Dropping data. {"error": "no more retries left: rpc error: code = PermissionDenied desc = unexpected HTTP status code received from server: 403 (Forbidden)"}"#,
        PermissionDenied,
    ),
    ("java.net.ProtocolException: Unexpected status line: \u{0}\u{0}\u{6}\u{4}", Http1ToGrpcPort),
    ("io.grpc.StatusRuntimeException: UNAVAILABLE: Network closed for unknown reason", ConnectionReset),
    (
        "2026-11-21T10:00:00.000Z ERROR export failed class=tls_hostname_mismatch family=x509 exporter=otlp_grpc",
        TlsHostnameMismatch,
    ),
    (r#"{"msg":"export failed","class":"rejected"}"#, PartialSuccessRejected),
    (r#"otelcol_exporter_attempts{error_type="deadline_exceeded"} 3"#, DeadlineExceeded),
];

#[test]
fn texts_of_other_programs_are_recognised() {
    let mut wrong = Vec::new();
    for (text, class) in TEXTS {
        let found = recognise(text);
        if found.first().map(|first| first.class) != Some(*class) {
            wrong.push(format!("{text}\n    is {class}, not {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_are_in_lower_case_and_each_row_can_be_reached() {
    for (words, classes) in PHRASES {
        assert!(!words.is_empty() && !classes.is_empty());
        assert!(words.iter().all(|word| *word == word.to_lowercase()), "{words:?}");
    }
}

#[test]
fn what_says_nothing_is_not_recognised() {
    for text in ["", "hello", "everything is fine", "the class of 1984", "status 200 OK"] {
        assert_eq!(recognise(text), [], "{text}");
    }
}

#[test]
fn the_words_that_told_so_are_given() {
    let found = recognise("dial tcp: lookup x: No Such Host");
    assert_eq!(found[0].phrase, "no such host");
}
