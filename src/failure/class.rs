//! The failure table: one row for each class of failure, read by every other part that speaks of failures.
//!
//! Codes are stable: they are log fields, metric labels (`error_type`) and words of the command line.

use std::fmt;

use tonic::Code;

use super::{Family, Heals, Phase, Verdict};

/// What is known of a class of failures.
#[derive(Debug)]
pub struct Row {
    /// The stable name, in snake case.
    pub code: &'static str,
    /// The group that a person thinks of first.
    pub family: Family,
    /// Where it happens, unless the failure itself says otherwise.
    pub phase: Phase,
    /// What the OTLP specification makes of it.
    pub retry: Verdict,
    /// Whether waiting helps.
    pub heals: Heals,
    /// The gRPC code that our own caller is told, where the peer sent none.
    pub grpc: Code,
    /// What it means, as one clause.
    pub meaning: &'static str,
    /// What to do, as one clause.
    pub remedy: &'static str,
}

macro_rules! classes {
    ($($variant:ident $code:literal $family:ident $phase:ident $retry:ident $heals:ident $grpc:ident
        $meaning:literal => $remedy:literal;)+) => {
        /// A class of failures: one row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class {
            $(#[doc = $meaning] $variant,)+
        }

        impl Class {
            /// Every class, in the order of the table.
            pub const ALL: &'static [Class] = &[$(Class::$variant),+];
        }

        static TABLE: &[Row] = &[$(Row {
            code: $code,
            family: Family::$family,
            phase: Phase::$phase,
            retry: Verdict::$retry,
            heals: Heals::$heals,
            grpc: Code::$grpc,
            meaning: $meaning,
            remedy: $remedy,
        }),+];
    };
}

classes! {
    // Local: this process, before anything is sent.
    TooManyOpenFiles "too_many_open_files" Local Local BackOff Either Unavailable
        "this process has no free file descriptor" => "raise the limit of open files (ulimit -n, LimitNOFILE=)";
    MemoryLimited "memory_limited" Local Local BackOff Either Unavailable
        "the data held in memory has reached its limit" => "see which exporter is failing and fills its queue, or raise the memory limit";
    SourceAddressUnavailable "source_address_unavailable" Local Connect BackOff Either Unavailable
        "no local address or port is free for the connection" => "check the ephemeral port range and connections in TIME_WAIT";
    ShuttingDown "shutting_down" Local Local BackOff Time Unavailable
        "the relay is stopping" => "send it again when the relay is back";
    Panicked "internal_panic" Local Local Never Person Internal
        "a task of the relay panicked: a bug of the relay" => "report the panic message of the log";
    QueueFull "queue_full" Queue Local BackOff Either Unavailable
        "the exporter's sending_queue is full" => "see why the exporter is slow or failing; sending_queue::queue_size only delays it";
    TooLargeForQueue "too_large_for_queue" Queue Local Never Person InvalidArgument
        "one request is larger than the whole sending_queue" => "raise sending_queue::queue_size, or send smaller requests";
    TooManyCombinations "too_many_combinations" Local Local Never Person Internal
        "the batch processor's metadata_keys have more values than it may tell apart" => "take a key with fewer values, or raise metadata_cardinality_limit";
    DiskFull "disk_full" Local Local BackOff Person Unavailable
        "the disk is full" => "make room on the volume of the path that is named";
    StorageReadOnly "storage_read_only" Local Local BackOff Person Unavailable
        "the file or directory cannot be written" => "check that the path exists, is mounted for writing, and belongs to the relay's user";
    StorageLocked "storage_locked" Local Local BackOff Person Unavailable
        "another process uses the directory of the durable queue" => "stop the other process, or give each relay a directory of its own";
    StorageCorrupt "storage_corrupt" Local Local Never Person Internal
        "what was kept on disk is damaged" => "check the disk; what could not be read was set aside in a .damaged file of the journal";
    StorageFailed "storage_failed" Local Local BackOff Person Unavailable
        "the disk reports an error" => "check the disk and the kernel's log";
    ExpiredInQueue "expired_in_queue" Queue Local Never Person Unavailable
        "the data waited longer than sending_queue::max_age allows" => "see why the exporter is failing, or raise sending_queue::max_age";
    // Resolve.
    DnsNotFound "dns_not_found" Resolve Resolve BackOff Person Unavailable
        "the host name does not exist" => "check the spelling of the endpoint's host, and which names this machine or container can resolve";
    DnsTemporaryFailure "dns_temporary_failure" Resolve Resolve BackOff Time Unavailable
        "the DNS server gave no answer (temporary failure)" => "check the nameserver in /etc/resolv.conf";
    // Connect.
    ConnectionRefused "connection_refused" Refused Connect BackOff Either Unavailable
        "nothing is listening on the port" => "check that the backend is running and listening on this address and port";
    ConnectTimeout "connect_timeout" Unreachable Connect BackOff Either Unavailable
        "no reply at all to the connection attempt" => "look for a firewall or security group that drops packets";
    NetworkUnreachable "network_unreachable" Unreachable Connect BackOff Either Unavailable
        "there is no route to the network" => "check the VPN, the default route, and whether the host has only IPv6 addresses";
    HostUnreachable "host_unreachable" Unreachable Connect BackOff Either Unavailable
        "the host cannot be reached" => "check that the host is up and that no firewall rejects the connection";
    ConnectBlocked "connect_blocked" Unreachable Connect BackOff Person Unavailable
        "a local policy forbids the connection" => "check the firewall, SELinux or seccomp rules of this machine";
    // Proxies.
    ProxyUnreachable "proxy_unreachable" Proxy Proxy BackOff Person Unavailable
        "the proxy in front of the backend cannot be reached" => "check the proxy's address, or name the backend in NO_PROXY";
    ProxyAuthRequired "proxy_auth_required" Proxy Proxy Hold Person Unavailable
        "the proxy demands a user name and a password" => "write them into the proxy's URL: http://user:password@host:port";
    ProxyDenied "proxy_denied" Proxy Proxy Hold Person Unavailable
        "the proxy refuses to connect to the backend" => "let the proxy's rules allow the backend's host and port, or name it in NO_PROXY";
    ProxyUpstreamUnreachable "proxy_upstream_unreachable" Proxy Proxy BackOff Either Unavailable
        "the proxy cannot reach the backend" => "check the endpoint's host and port as the proxy sees them, or name the backend in NO_PROXY";
    ProxyProtocolMismatch "proxy_protocol_mismatch" Proxy Proxy Hold Person Unavailable
        "the proxy's port does not speak HTTP" => "check the proxy's port: it must be a plain HTTP proxy";
    ProxyClosed "proxy_closed" Proxy Proxy BackOff Person Unavailable
        "the proxy closed the connection without an answer" => "check that the proxy takes CONNECT requests in plain HTTP from this machine";
    // TLS.
    TlsToPlaintextPort "tls_to_plaintext_port" Tls Tls Hold Person Unavailable
        "the port speaks plaintext, not TLS" => "set tls::insecure: true, or use http:// in the endpoint";
    TlsHandshakeTimeout "tls_handshake_timeout" Tls Tls BackOff Either Unavailable
        "TCP connects, but the TLS handshake is never answered" => "check that the port speaks TLS and that the load balancer has a target";
    TlsHandshakeClosed "tls_handshake_closed" Tls Tls BackOff Either Unavailable
        "the peer closed the connection during the TLS handshake" => "check the server name, an allow list of addresses, and that the port speaks TLS";
    TlsUnknownCa "tls_unknown_ca" X509 Tls BackOff Person Unavailable
        "the server's certificate is from an authority that is not trusted" => "set tls::ca_file to the authority's certificate";
    TlsSelfSignedCertificate "tls_self_signed_certificate" X509 Tls BackOff Person Unavailable
        "the server presents a certificate authority as its own certificate" => "issue a leaf certificate (basicConstraints CA:FALSE) for the server";
    TlsCertificateExpired "tls_certificate_expired" X509 Tls BackOff Person Unavailable
        "the server's certificate has expired" => "renew the certificate, reload the server, and check both clocks";
    TlsCertificateNotYetValid "tls_certificate_not_yet_valid" X509 Tls BackOff Either Unavailable
        "the server's certificate is not valid yet" => "check the clock of this machine";
    TlsHostnameMismatch "tls_hostname_mismatch" X509 Tls BackOff Person Unavailable
        "the server's certificate is for another name" => "use a name of the certificate in the endpoint, or set tls::server_name_override";
    TlsBadSignature "tls_bad_signature" X509 Tls BackOff Person Unavailable
        "the certificate's signature does not verify against the authority" => "check that tls::ca_file is the authority's current certificate";
    TlsCertificateWeak "tls_certificate_weak" X509 Tls BackOff Person Unavailable
        "the certificate uses a signature algorithm that is no longer accepted" => "issue the certificate anew with SHA-256 or better";
    TlsCertificateWrongPurpose "tls_certificate_wrong_purpose" X509 Tls BackOff Person Unavailable
        "the certificate was not issued for a server" => "issue it with extendedKeyUsage serverAuth";
    TlsCertificateInvalid "tls_certificate_invalid" X509 Tls BackOff Person Unavailable
        "the certificate cannot be used" => "issue the certificate anew as X.509 v3";
    TlsCertificateRevoked "tls_certificate_revoked" X509 Tls BackOff Person Unavailable
        "the certificate is revoked" => "replace the server's certificate";
    TlsClientCertificateRequired "tls_client_certificate_required" X509 Tls BackOff Person Unavailable
        "the server demands a client certificate" => "set tls::cert_file and tls::key_file";
    TlsClientCertificateRejected "tls_client_certificate_rejected" X509 Tls BackOff Person Unavailable
        "the server rejects our client certificate" => "check who issued tls::cert_file, its dates and its extendedKeyUsage clientAuth";
    TlsVersionMismatch "tls_version_mismatch" Tls Tls BackOff Person Unavailable
        "there is no TLS version that both sides accept" => "enable TLS 1.2 or 1.3 on the server";
    TlsHandshakeFailure "tls_handshake_failure" Tls Tls BackOff Person Unavailable
        "both sides have no cipher in common, or the server wants a client certificate" => "check the server's cipher suites and whether it asks for a client certificate";
    TlsAlpnMismatch "tls_alpn_mismatch" Tls Tls Hold Person Unavailable
        "the server does not offer HTTP/2, which gRPC needs" => "enable HTTP/2 on the load balancer, or use the otlp_http exporter";
    TlsUnrecognizedName "tls_unrecognized_name" Tls Tls BackOff Person Unavailable
        "the server does not know the name that was asked for" => "check the endpoint's host or tls::server_name_override";
    // Protocol and connection.
    GrpcToHttp1Port "grpc_to_http1_port" Protocol Http2 Hold Person Unavailable
        "the port answers HTTP/1.1, not gRPC" => "use the otlp_http exporter, or the backend's gRPC port (usually 4317)";
    PlaintextToTlsPort "plaintext_to_tls_port" Protocol Http2 Hold Person Unavailable
        "the port speaks TLS, and plaintext was sent to it" => "use https:// in the endpoint, or set tls::insecure: false";
    ProtocolMismatch "protocol_mismatch" Protocol Http2 Hold Person Unavailable
        "the port speaks neither HTTP nor TLS" => "check the port of the endpoint: another service answers there";
    Http1ToGrpcPort "http1_to_grpc_port" Protocol Response Hold Person Unavailable
        "the port speaks gRPC (HTTP/2), not HTTP/1.1" => "use the otlp_grpc exporter, or the backend's HTTP port (usually 4318)";
    ConnectionReset "connection_reset" Connection Request BackOff Time Unavailable
        "the connection ended without an answer" => "check whether the backend restarted, and idle time-outs of load balancers between";
    ConnectionLost "connection_lost" Connection Request BackOff Time Unavailable
        "the connection went silent" => "check the network between, and its idle time-outs";
    KeepaliveTimeout "keepalive_timeout" Connection Request BackOff Time Unavailable
        "the peer did not answer a keepalive ping" => "check the network between, and whether the backend hangs";
    Http2Goaway "http2_goaway" Connection Http2 BackOff Time Unavailable
        "the peer closed the connection (GOAWAY)" => "nothing, if it stays rare: backends do so when they restart";
    Http2TooManyPings "http2_too_many_pings" Connection Http2 BackOff Person Unavailable
        "the peer refuses our keepalive pings" => "raise keepalive::time";
    Http2RefusedStream "http2_refused_stream" Connection Http2 BackOff Time Unavailable
        "the peer refused the stream before looking at it" => "nothing, if it stays rare: it is safe to send again";
    Http2EnhanceYourCalm "http2_enhance_your_calm" Throttled Http2 BackOff Time Unavailable
        "the peer asks for fewer requests (ENHANCE_YOUR_CALM)" => "lower sending_queue::num_consumers";
    Http2StreamReset "http2_stream_reset" Connection Http2 BackOff Either Unavailable
        "the peer reset the stream" => "look at time-outs of proxies between, and at the backend's log";
    Http2Http11Required "http2_http11_required" Protocol Http2 Hold Person Unavailable
        "the peer demands HTTP/1.1" => "use the otlp_http exporter";
    // Deadlines.
    DeadlineExceededBeforeSend "deadline_exceeded_before_send" Deadline Connect BackOff Either Unavailable
        "the time was up before the request was sent" => "see which phase used the time; check the network, or raise timeout";
    DeadlineExceeded "deadline_exceeded" Deadline Response BackOff Either DeadlineExceeded
        "the request was sent, and no answer came in time" => "check the backend's load, send smaller batches, or raise timeout";
    ServerDeadlineExceeded "server_deadline_exceeded" Deadline Response BackOff Either DeadlineExceeded
        "the backend says that its own deadline passed" => "check what the backend itself waits for";
    // Answers of the peer.
    Unauthenticated "unauthenticated" Unauthenticated Auth Never Person Unauthenticated
        "the backend does not accept the credentials" => "check the token in headers or auth, its header name and its region";
    PermissionDenied "permission_denied" Unauthenticated Auth Never Person PermissionDenied
        "the backend denies permission" => "check the token's scope, the tenant, and allow lists";
    RateLimited "rate_limited" Throttled Response BackOff Time Unavailable
        "the backend limits the rate" => "check the quota there; the relay waits as long as the backend asks";
    ResourceExhausted "resource_exhausted" ResourceExhausted Response Never Person ResourceExhausted
        "the backend's quota is used up" => "check the quota of the backend";
    MessageTooLarge "message_too_large" ResourceExhausted Request Never Person ResourceExhausted
        "the request is larger than the backend accepts" => "lower the batch: send_batch_max_size, or sending_queue::batch::max_size";
    RequestHeadersTooLarge "request_headers_too_large" ResourceExhausted Request Never Person ResourceExhausted
        "the request's headers are larger than the backend accepts" => "shorten the configured headers";
    ServerUnavailable "server_unavailable" Unavailable Response BackOff Time Unavailable
        "the backend says that it is unavailable" => "check the backend's health and load";
    BadGateway "bad_gateway" Unavailable Response BackOff Either Unavailable
        "a load balancer or proxy could not reach the backend" => "check the backend behind the load balancer";
    GatewayTimeout "gateway_timeout" Unavailable Response BackOff Either Unavailable
        "a load balancer or proxy got no answer from the backend" => "check the backend behind the load balancer";
    LbProtocolMismatch "lb_protocol_mismatch" Protocol Response Never Person Internal
        "the load balancer is not set up for this protocol" => "set the target group to gRPC or HTTP/2, or use the other exporter";
    HttpNotFound "http_not_found" Rejected Response Never Person Internal
        "the backend has nothing at this path" => "check the endpoint's path: otlp_http appends /v1/<signal> to endpoint, and nothing to traces_endpoint and its kin";
    HttpMethodNotAllowed "http_method_not_allowed" Rejected Response Never Person Internal
        "the server does not take POST at this path" => "check that the endpoint is an OTLP endpoint";
    HttpLengthRequired "http_length_required" Rejected Response Never Person Internal
        "the server demands a Content-Length" => "check the proxy between";
    HttpUnsupportedMediaType "http_unsupported_media_type" Rejected Response Never Person Internal
        "the server does not take this content type" => "check that the endpoint is an OTLP/HTTP endpoint that takes protobuf";
    UnsupportedCompression "unsupported_compression" Rejected Request Never Person Unimplemented
        "the backend does not know this compression" => "set compression: gzip or compression: none";
    GrpcUnimplemented "grpc_unimplemented" Rejected Response Never Person Unimplemented
        "the backend does not offer this signal over gRPC" => "remove the pipeline of this signal, or check that the endpoint is an OTLP endpoint";
    InvalidData "invalid_data" Rejected Response Never Person InvalidArgument
        "the backend refuses the data" => "look at what the backend says of it";
    HttpRedirect "http_redirect" Rejected Response Never Person Internal
        "the server redirects elsewhere" => "use the location that it names as the endpoint";
    ServerInternalError "server_internal_error" ServerFault Response Never Either Internal
        "the backend reports an internal error" => "look at the backend's log";
    ServerUnknownError "server_unknown_error" ServerFault Response Never Either Unknown
        "the backend reports an unknown error" => "look at the backend's log";
    ServerTransientError "server_transient_error" ServerFault Response BackOff Time Unavailable
        "the backend reports an error that the specification calls transient" => "look at the backend's log if it stays";
    ServerErrorOther "server_error_other" ServerFault Response Never Either Internal
        "the backend reports an error" => "look at what the backend says of it";
    GrpcMissingStatus "grpc_missing_status" ServerFault Response BackOff Time Unavailable
        "the answer ended without a verdict (no grpc-status)" => "look for a load balancer that cuts streams; the data may have arrived";
    NotOtlpResponse "not_otlp_response" ServerFault Response Never Person Internal
        "the answer is not OTLP" => "check that the endpoint is an OTLP endpoint and not a web or login page";
    ResponseTooLarge "response_too_large" ServerFault Response Never Person Internal
        "the answer is larger than any OTLP answer" => "check that the endpoint is an OTLP endpoint";
    PartialSuccessRejected "rejected" Rejected Response Never Person InvalidArgument
        "the backend took the request but rejected some of its items" => "look at what the backend says of them";
    // Receiving.
    MalformedRequest "malformed_request" Receiver Receive Never Person InvalidArgument
        "the request is not valid OTLP" => "check the sender's exporter and its version";
    RequestTooLarge "request_too_large" Receiver Receive Never Person ResourceExhausted
        "the request is larger than the receiver accepts" => "send smaller batches, or raise max_recv_msg_size_mib or max_request_body_size";
    UnsupportedEncoding "unsupported_encoding" Receiver Receive Never Person Unimplemented
        "the request's compression is not known" => "send gzip, zstd, snappy or no compression";
    PeerSentHttp "peer_sent_http1_to_grpc" Receiver Receive Never Person InvalidArgument
        "the sender speaks OTLP/HTTP to the port of OTLP/gRPC" => "send to the port of OTLP/HTTP, or leave protocol_detection on";
    PeerSentGrpc "peer_sent_h2_to_http1" Receiver Receive Never Person Unimplemented
        "the sender speaks OTLP/gRPC to the port of OTLP/HTTP" => "send to the port of OTLP/gRPC, or leave protocol_detection on";
    BodyInterrupted "peer_slow_or_gone" Receiver Receive BackOff Time Unavailable
        "the sender ended the connection within a request" => "compare the sender's export timeout with the time that an answer takes";
    PeerSentTls "peer_sent_tls" Receiver Receive Never Person Unavailable
        "a client speaks TLS to a plaintext receiver" => "use an http:// endpoint (or insecure: true) in the client's exporter, or give the receiver a tls section";
    PeerSentPlaintext "peer_sent_plaintext" Receiver Receive Never Person Unavailable
        "a client speaks plaintext to a receiver with TLS" => "use an https:// endpoint (or insecure: false) in the client's exporter";
    PeerRejectedOurCertificate "peer_rejected_our_certificate" X509 Receive Never Person Unavailable
        "a client does not accept the receiver's certificate" => "give the client the certificate of our authority (OTEL_EXPORTER_OTLP_CERTIFICATE), and check that the name in its endpoint is one of the certificate";
    PeerCertificateMissing "peer_certificate_missing" X509 Receive Never Person Unavailable
        "a client shows no certificate, which tls::client_ca_file demands" => "give the client a certificate and key (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY)";
    PeerCertificateInvalid "peer_certificate_invalid" X509 Receive Never Person Unavailable
        "the certificate of a client is not accepted" => "check who issued it (tls::client_ca_file), its dates and its extendedKeyUsage clientAuth";
    PeerTlsMismatch "peer_tls_mismatch" Receiver Receive Never Person Unavailable
        "a client and the receiver have no TLS version or cipher suite in common" => "let the client speak TLS 1.2 or 1.3; compare with min_version, max_version and cipher_suites of the receiver";
    ExportLoop "config_export_loop" Config Receive Never Person InvalidArgument
        "the relay receives its own exports" => "point the exporter at the backend, not at this relay's receiver";
    // Last: whatever has no row yet. Each one seen is a gap of this table.
    Other "_OTHER" Other Response BackOff Either Unavailable
        "a failure that has no class yet" => "report the whole message: it is a gap in the relay's table";
}

impl Class {
    /// The row of this class.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The stable name: `connection_refused`.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The family of this class.
    pub fn family(self) -> Family {
        self.row().family
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let mut seen = std::collections::BTreeSet::new();
        for class in Class::ALL {
            let code = class.code();
            assert!(seen.insert(code), "{code} occurs twice");
            assert!(
                code == "_OTHER" || code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{code}"
            );
        }
    }

    #[test]
    fn texts_are_clauses() {
        for class in Class::ALL {
            for text in [class.row().meaning, class.row().remedy] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
            }
        }
    }
}
