//! The classes of TLS: certificates of the server, of this relay, and everything else of a handshake.

use super::rows;

rows! {
    TlsToPlaintextPort "tls_to_plaintext_port"
        Tls Tls Hold Person Unavailable 503 {
        meaning "the port speaks plaintext, not TLS"
        evidence "the first bytes of the answer are not a TLS record, but HTTP or HTTP/2 in the clear"
        causes [
            "the backend has no TLS on this port, and the exporter uses TLS unless told otherwise",
            "a sidecar or load balancer ends TLS before the backend",
        ]
        remedies [
            "set tls::insecure: true, or use http:// in the endpoint",
            "use the backend's TLS port, if it has one",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: collector:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: collector:4317
                tls:
                  insecure: true"
    }

    TlsHandshakeTimeout "tls_handshake_timeout"
        Tls Tls BackOff Either Unavailable 503 {
        meaning "TCP connects, but the TLS handshake is never answered"
        evidence "the time was up in the TLS phase, and the peer sent nothing"
        causes [
            "the port speaks another protocol and waits for its client to go on",
            "a load balancer accepts connections, but has no target behind it",
            "the peer waits for a PROXY protocol header",
        ]
        remedies [
            "check that the port speaks TLS and that the load balancer has a target",
            "try it by hand: openssl s_client -connect HOST:PORT",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:5432"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317"
    }

    TlsHandshakeClosed "tls_handshake_closed"
        Tls Tls BackOff Either Unavailable 503 {
        meaning "the peer closed the connection during the TLS handshake"
        evidence "the connection ended or was reset after our ClientHello"
        causes [
            "a load balancer routes by server name, and knows no such name",
            "an allow list of addresses or a firewall ends the connection",
            "the port does not speak TLS",
        ]
        remedies [
            "check the server name, an allow list of addresses, and that the port speaks TLS",
            "try with another name: openssl s_client -connect HOST:PORT -servername NAME",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://10.0.0.7:443"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443"
    }

    TlsUnknownCa "tls_unknown_ca"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server's certificate is from an authority that is not trusted"
        evidence "no trusted root issued the chain that the server sends (UnknownIssuer)"
        causes [
            "the server's authority is a private one, and tls::ca_file does not name it",
            "the server does not send an intermediate certificate",
            "a proxy on the way inspects TLS with an authority of its own",
            "the image has no bundle of public authorities",
        ]
        remedies [
            "set tls::ca_file to the authority's certificate",
            "let the server send its whole chain: openssl s_client -connect HOST:PORT -showcerts shows what it sends",
            "install the bundle of public authorities (ca-certificates)",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://collector.internal:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://collector.internal:4317
                tls:
                  ca_file: /etc/ssl/internal-ca.pem"
    }

    TlsSelfSignedCertificate "tls_self_signed_certificate"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server presents a self-signed certificate, or an authority's, as its own"
        evidence "the server's own certificate says CA:TRUE, or its issuer is itself"
        causes [
            "it was made with openssl req -x509, which sets CA:TRUE unless told otherwise",
            "the server was given the authority's certificate instead of its own",
        ]
        remedies [
            "issue a leaf certificate (basicConstraints CA:FALSE) for the server",
            "make a small authority, sign the server's certificate with it, and set tls::ca_file to the authority",
        ]
        broken "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=collector"
        mended "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=collector -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:collector"
    }

    TlsCertificateExpired "tls_certificate_expired"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server's certificate has expired"
        evidence "the end date of a certificate in the chain is before this machine's time"
        causes [
            "it was not renewed",
            "it was renewed, but the server was not reloaded",
            "the clock of this machine is ahead",
        ]
        remedies [
            "renew the certificate, reload the server, and check both clocks",
            "see the dates: openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -dates",
        ]
        broken "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 1 -out server.pem"
        mended "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 90 -out server.pem"
    }

    TlsCertificateNotYetValid "tls_certificate_not_yet_valid"
        X509 Tls BackOff Either Unavailable 503 {
        meaning "the server's certificate is not valid yet"
        evidence "the start date of a certificate in the chain is after this machine's time"
        causes [
            "the clock of this machine is behind: a virtual machine that was resumed, or no time service",
            "the certificate was issued for later",
        ]
        remedies [
            "check the clock of this machine",
            "start a time service: timedatectl set-ntp true",
        ]
        broken "date --set 2020-01-01"
        mended "timedatectl set-ntp true"
    }

    TlsHostnameMismatch "tls_hostname_mismatch"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server's certificate is for another name"
        evidence "the name that was asked for is not among the subject alternative names of the certificate"
        causes [
            "the endpoint is an IP address or a service name that the certificate does not list",
            "the certificate has a common name only, which no current client looks at",
            "another server or virtual host answers",
        ]
        remedies [
            "use a name of the certificate in the endpoint, or set tls::server_name_override",
            "issue the certificate with the endpoint's name as subjectAltName",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://10.0.0.7:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://10.0.0.7:4317
                tls:
                  server_name_override: otel.example.com"
    }

    TlsBadSignature "tls_bad_signature"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the certificate's signature does not verify against the authority"
        evidence "an authority of the issuer's name is trusted, but its key did not make the signature"
        causes [
            "the authority was made anew under the same name, and tls::ca_file is the old one",
            "an RSA key below 2048 bits",
        ]
        remedies [
            "check that tls::ca_file is the authority's current certificate, and that its key and the server's have 2048 bits or more",
            "issue the certificate with an RSA key of 2048 bits or more, or an elliptic one",
        ]
        broken "openssl verify -CAfile old-ca.pem server.pem"
        mended "openssl verify -CAfile ca.pem server.pem"
    }

    TlsCertificateWeak "tls_certificate_weak"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the certificate uses a signature algorithm that is no longer accepted"
        evidence "the algorithm is not among those that are accepted, such as SHA-1"
        causes ["an old internal authority signs with SHA-1 or MD5"]
        remedies [
            "issue the certificate anew with SHA-256 or better",
            "see the algorithm: openssl x509 -in server.pem -noout -text | grep Signature",
        ]
        broken "openssl x509 -req -sha1 -in server.csr -CA ca.pem -CAkey ca.key -out server.pem"
        mended "openssl x509 -req -sha256 -in server.csr -CA ca.pem -CAkey ca.key -out server.pem"
    }

    TlsCertificateWrongPurpose "tls_certificate_wrong_purpose"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the certificate was not issued for a server"
        evidence "its extendedKeyUsage does not hold serverAuth"
        causes ["a client's certificate was installed on the server"]
        remedies [
            "issue it with extendedKeyUsage serverAuth",
            "install the server's own certificate",
        ]
        broken "openssl req -new -key key.pem -subj /CN=collector -addext extendedKeyUsage=clientAuth"
        mended "openssl req -new -key key.pem -subj /CN=collector -addext extendedKeyUsage=serverAuth"
    }

    TlsCertificateInvalid "tls_certificate_invalid"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the certificate cannot be used"
        evidence "it cannot be read, is not of X.509 version 3, or has a critical extension that is not understood"
        causes [
            "an X.509 version 1 certificate, from openssl x509 -req without -extfile",
            "name constraints or another critical extension",
        ]
        remedies ["issue the certificate anew as X.509 v3"]
        broken "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -out server.pem"
        mended "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -copy_extensions copy -extfile v3.ext -out server.pem"
    }

    TlsCertificateRevoked "tls_certificate_revoked"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the certificate is revoked"
        evidence "a revocation list names it, or says nothing of it where it must"
        causes ["the authority has taken it back"]
        remedies ["replace the server's certificate"]
        broken "openssl ca -revoke server.pem"
        mended "openssl ca -in server.csr -out server.pem"
    }

    TlsClientCertificateRequired "tls_client_certificate_required"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server demands a client certificate"
        evidence "the server asked for a certificate, none was configured, and it ended the connection with an alert"
        causes [
            "tls::cert_file and tls::key_file are not set (mTLS)",
            "they are set on another exporter",
        ]
        remedies [
            "set tls::cert_file and tls::key_file",
            "use the port of the server that does not ask for one",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317
                tls:
                  cert_file: /etc/relay/client.pem
                  key_file: /etc/relay/client.key"
    }

    TlsClientCertificateRejected "tls_client_certificate_rejected"
        X509 Tls BackOff Person Unavailable 503 {
        meaning "the server rejects our client certificate"
        evidence "an alert about a certificate came after ours was sent"
        causes [
            "it is from an authority that the server does not trust",
            "it has expired",
            "its extendedKeyUsage does not hold clientAuth",
            "an intermediate certificate is missing in tls::cert_file",
        ]
        remedies [
            "check who issued tls::cert_file, its dates and its extendedKeyUsage clientAuth",
            "append the intermediate certificates to tls::cert_file",
        ]
        broken "openssl req -new -key client.key -subj /CN=relay -addext extendedKeyUsage=serverAuth"
        mended "openssl req -new -key client.key -subj /CN=relay -addext extendedKeyUsage=clientAuth"
    }

    TlsVersionMismatch "tls_version_mismatch"
        Tls Tls BackOff Person Unavailable 503 {
        meaning "there is no TLS version that both sides accept"
        evidence "the alert protocol_version, or an answer with a version that was not offered"
        causes [
            "the server speaks TLS 1.1 or older only",
            "tls::min_version here is above what the server speaks",
        ]
        remedies [
            "enable TLS 1.2 or 1.3 on the server",
            "lower tls::min_version to \"1.2\"",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317
                tls:
                  min_version: \"1.3\""
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317
                tls:
                  min_version: \"1.2\""
    }

    TlsHandshakeFailure "tls_handshake_failure"
        Tls Tls BackOff Person Unavailable 503 {
        meaning "both sides have no cipher in common, or the server wants a client certificate"
        evidence "the alert handshake_failure or insufficient_security"
        causes [
            "the server has only old cipher suites (CBC, RSA key exchange)",
            "a TLS 1.2 server wants a client certificate, and says it this way",
        ]
        remedies [
            "check the server's cipher suites and whether it asks for a client certificate",
            "enable an ECDHE suite with AES-GCM or ChaCha20 on the server",
        ]
        broken "openssl s_server -cipher AES128-SHA -no_tls1_3"
        mended "openssl s_server -cipher ECDHE+AESGCM"
    }

    TlsAlpnMismatch "tls_alpn_mismatch"
        Tls Tls Hold Person Unavailable 503 {
        meaning "the server does not offer HTTP/2, which gRPC needs"
        evidence "the handshake ends with the alert no_application_protocol, or without h2 as its protocol"
        causes [
            "a load balancer or ingress ends TLS and offers HTTP/1.1 only",
            "a proxy on the way inspects TLS",
            "the port is the one for OTLP/HTTP",
        ]
        remedies [
            "enable HTTP/2 on the load balancer, or use the otlp_http exporter",
            "see what is offered: openssl s_client -connect HOST:PORT -alpn h2",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com:443"
    }

    TlsUnrecognizedName "tls_unrecognized_name"
        Tls Tls BackOff Person Unavailable 503 {
        meaning "the server does not know the name that was asked for"
        evidence "the alert unrecognized_name answers our server name (SNI)"
        causes [
            "the endpoint's host is not one of the server's virtual hosts",
            "tls::server_name_override is set to a name that is not known there",
        ]
        remedies [
            "check the endpoint's host or tls::server_name_override",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://ingress.internal:443"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443"
    }
}
