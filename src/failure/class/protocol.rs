//! The classes of what is spoken on a connection: another protocol, connections that end, HTTP/2, deadlines.

use super::rows;

rows! {
    GrpcToHttp1Port "grpc_to_http1_port"
        Protocol Http2 Hold Person Unavailable 503 {
        meaning "the port answers HTTP/1.1, not gRPC"
        evidence "the first bytes of the answer are those of an HTTP/1 status line, where HTTP/2 was spoken"
        causes [
            "the endpoint is the port for OTLP/HTTP (usually 4318)",
            "an ingress or web server is in front that does not pass gRPC on",
        ]
        remedies [
            "use the otlp_http exporter, or the backend's gRPC port (usually 4317)",
            "set the ingress to gRPC (nginx: grpc_pass; annotation backend-protocol: GRPC)",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4318"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    PlaintextToTlsPort "plaintext_to_tls_port"
        Protocol Http2 Hold Person Unavailable 503 {
        meaning "the port speaks TLS, and plaintext was sent to it"
        evidence "the answer is a TLS alert, or says that HTTPS is expected; or a ClientHello is answered there"
        causes [
            "the endpoint begins with http://, or tls::insecure is true",
            "the port is that of a load balancer which ends TLS",
        ]
        remedies [
            "use https:// in the endpoint, or set tls::insecure: false",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://otel.example.com:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317"
    }

    ProtocolMismatch "protocol_mismatch"
        Protocol Http2 Hold Person Unavailable 503 {
        meaning "the port speaks neither HTTP nor TLS"
        evidence "the first bytes of the answer are those of another protocol, such as SSH or Redis"
        causes [
            "the port is that of another service",
            "a Jaeger, Zipkin or StatsD port was taken for one of OTLP",
        ]
        remedies [
            "check the port of the endpoint: another service answers there",
            "see who listens there: ss -ltnp, on the backend's machine",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://collector:6379"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    Http1ToGrpcPort "http1_to_grpc_port"
        Protocol Response Hold Person Unavailable 503 {
        meaning "the port speaks gRPC (HTTP/2), not HTTP/1.1"
        evidence "the first bytes of the answer are an HTTP/2 SETTINGS frame, where HTTP/1.1 was spoken"
        causes [
            "the endpoint is the port for OTLP/gRPC (usually 4317)",
            "OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf while the endpoint was made for grpc",
        ]
        remedies [
            "use the otlp_grpc exporter, or the backend's HTTP port (usually 4318)",
        ]
        broken "
            exporters:
              otlp_http:
                endpoint: http://collector:4317"
        mended "
            exporters:
              otlp_http:
                endpoint: http://collector:4318"
    }

    ConnectionReset "connection_reset"
        Connection Request BackOff Time Unavailable 503 {
        meaning "the connection ended without an answer"
        evidence "the peer closed or reset the connection (FIN, ECONNRESET, EPIPE) before it answered"
        causes [
            "the backend restarted, or was killed for its memory",
            "a load balancer ends connections that were idle for a while",
            "something on the way does not know this protocol",
        ]
        remedies [
            "check whether the backend restarted, and idle time-outs of load balancers between",
            "set keepalive::time below the idle time-out of the load balancer",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://balancer:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://balancer:4317
                keepalive:
                  time: 30s"
    }

    ConnectionLost "connection_lost"
        Connection Request BackOff Time Unavailable 503 {
        meaning "the connection went silent"
        evidence "a read or write fails with ETIMEDOUT: packets are no longer acknowledged"
        causes [
            "a NAT or firewall forgot the connection",
            "the peer lost power or its network",
        ]
        remedies [
            "check the network between, and its idle time-outs",
            "set keepalive::time, so that the connection stays known",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317
                keepalive:
                  time: 60s"
    }

    KeepaliveTimeout "keepalive_timeout"
        Connection Request BackOff Time Unavailable 503 {
        meaning "the peer did not answer a keepalive ping"
        evidence "no answer to an HTTP/2 ping within keepalive::timeout"
        causes [
            "the network between drops packets in silence",
            "the backend hangs, or is starved of CPU",
        ]
        remedies [
            "check the network between, and whether the backend hangs",
            "raise keepalive::timeout where answers are merely slow",
        ]
        broken "
            exporters:
              otlp_grpc:
                keepalive:
                  time: 30s
                  timeout: 1s"
        mended "
            exporters:
              otlp_grpc:
                keepalive:
                  time: 30s
                  timeout: 20s"
    }

    Http2Goaway "http2_goaway"
        Connection Http2 BackOff Time Unavailable 503 {
        meaning "the peer closed the connection (GOAWAY)"
        evidence "an HTTP/2 GOAWAY frame of the peer"
        causes [
            "a rolling restart, or the server's max_connection_age",
            "an error of the connection, which the frame's code and text name",
        ]
        remedies [
            "nothing, if it stays rare: backends do so when they restart",
            "look at the code and text in the cause, if it goes on",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    keepalive:
                      server_parameters:
                        max_connection_age: 1s"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    keepalive:
                      server_parameters:
                        max_connection_age: 5m"
    }

    Http2TooManyPings "http2_too_many_pings"
        Connection Http2 BackOff Person Unavailable 503 {
        meaning "the peer refuses our keepalive pings"
        evidence "GOAWAY with ENHANCE_YOUR_CALM and the words too_many_pings"
        causes [
            "keepalive::time is below what the server allows (grpc-go: 5 minutes)",
            "keepalive::permit_without_stream pings an idle connection",
        ]
        remedies [
            "raise keepalive::time",
            "lower keepalive::enforcement_policy::min_time at the receiver",
        ]
        broken "
            exporters:
              otlp_grpc:
                keepalive:
                  time: 10s
                  permit_without_stream: true"
        mended "
            exporters:
              otlp_grpc:
                keepalive:
                  time: 5m"
    }

    Http2RefusedStream "http2_refused_stream"
        Connection Http2 BackOff Time Unavailable 503 {
        meaning "the peer refused the stream before looking at it"
        evidence "an HTTP/2 RST_STREAM with REFUSED_STREAM"
        causes [
            "the peer is stopping",
            "more streams at a time than it allows",
        ]
        remedies [
            "nothing, if it stays rare: it is safe to send again",
            "lower sending_queue::num_consumers",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 500"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 10"
    }

    Http2EnhanceYourCalm "http2_enhance_your_calm"
        Throttled Http2 BackOff Time Unavailable 503 {
        meaning "the peer asks for fewer requests (ENHANCE_YOUR_CALM)"
        evidence "an HTTP/2 RST_STREAM with ENHANCE_YOUR_CALM"
        causes ["a limit against abuse in a load balancer or the backend"]
        remedies [
            "lower sending_queue::num_consumers",
            "send larger batches: sending_queue::batch",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 200"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 5
                  batch:
                    min_size: 2000
                    flush_timeout: 1s"
    }

    Http2StreamReset "http2_stream_reset"
        Connection Http2 BackOff Either Unavailable 503 {
        meaning "the peer reset the stream"
        evidence "an HTTP/2 RST_STREAM with another code, such as CANCEL or INTERNAL_ERROR"
        causes [
            "a proxy between gave up after its own time-out: a round number of seconds tells it",
            "the backend failed while it worked on the request",
        ]
        remedies [
            "look at time-outs of proxies between, and at the backend's log",
            "send smaller batches where the proxy's time-out is short",
        ]
        broken "nginx: grpc_read_timeout 1s;"
        mended "nginx: grpc_read_timeout 60s;"
    }

    Http2Http11Required "http2_http11_required"
        Protocol Http2 Hold Person Unavailable 503 {
        meaning "the peer demands HTTP/1.1"
        evidence "an HTTP/2 RST_STREAM or GOAWAY with HTTP_1_1_REQUIRED"
        causes [
            "the server asks for a client certificate or NTLM anew, which HTTP/2 cannot do",
            "a load balancer passes this path on by HTTP/1.1 only",
        ]
        remedies ["use the otlp_http exporter"]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com:443
                force_attempt_http2: false"
    }

    DeadlineExceededBeforeSend "deadline_exceeded_before_send"
        Deadline Connect BackOff Either Unavailable 503 {
        meaning "the time was up before the request was sent"
        evidence "the exporter's timeout ended while no part of the request had been written whole"
        causes [
            "resolving, connecting or TLS took nearly all of the time: the line's phase names which",
            "the peer takes no more bytes for now (flow control), since it is overloaded",
            "the timeout is very short",
        ]
        remedies [
            "see which phase used the time; check the network, or raise timeout",
        ]
        broken "
            exporters:
              otlp_grpc:
                timeout: 50ms"
        mended "
            exporters:
              otlp_grpc:
                timeout: 5s"
    }

    DeadlineExceeded "deadline_exceeded"
        Deadline Response BackOff Either DeadlineExceeded 503 {
        meaning "the request was sent, and no answer came in time"
        evidence "the exporter's timeout ended after the request had been written"
        causes [
            "the backend is overloaded, or waits for something itself",
            "the batch is large for the backend",
            "the timeout is shorter than the backend needs",
            "the answer was lost; the data may have arrived and be sent twice",
        ]
        remedies [
            "check the backend's load, send smaller batches, or raise timeout",
        ]
        broken "
            exporters:
              otlp_grpc:
                timeout: 200ms"
        mended "
            exporters:
              otlp_grpc:
                timeout: 10s"
    }

    ServerDeadlineExceeded "server_deadline_exceeded"
        Deadline Response BackOff Either DeadlineExceeded 503 {
        meaning "the backend says that its own deadline passed"
        evidence "the peer itself answers DEADLINE_EXCEEDED"
        causes [
            "what the backend stores its data in is slow",
            "the backend is another relay or Collector whose own backend does not answer",
        ]
        remedies [
            "check what the backend itself waits for",
            "raise timeout, which the backend is told as well",
        ]
        broken "
            exporters:
              otlp_grpc:
                timeout: 200ms"
        mended "
            exporters:
              otlp_grpc:
                timeout: 10s"
    }
}
