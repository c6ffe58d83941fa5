//! The classes of a peer that refuses a request, or its data.

use super::rows;

rows! {
    HttpNotFound "http_not_found"
        Rejected Response Never Person Internal 500 {
        meaning "the backend has nothing at this path"
        evidence "HTTP 404, also in answer to a gRPC call"
        causes [
            "the endpoint ends in /v1/traces, and the signal's path is appended once more",
            "the backend wants a prefix, such as /otlp or /api/v2/otlp",
            "the backend does not take this signal",
            "the port is that of its web page",
        ]
        remedies [
            "check the endpoint's path: otlp_http appends /v1/<signal> to endpoint, and nothing to traces_endpoint and its kin",
            "add the backend's prefix to endpoint",
        ]
        broken "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com/wrong"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com/otlp"
    }

    HttpMethodNotAllowed "http_method_not_allowed"
        Rejected Response Never Person Internal 500 {
        meaning "the server does not take POST at this path"
        evidence "HTTP 405"
        causes [
            "a web server or a page is at this address",
            "an ingress routes the path to another service",
        ]
        remedies ["check that the endpoint is an OTLP endpoint"]
        broken "
            exporters:
              otlp_http:
                endpoint: https://www.example.com"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com"
    }

    HttpLengthRequired "http_length_required"
        Rejected Response Never Person Internal 500 {
        meaning "the server demands a Content-Length"
        evidence "HTTP 411"
        causes ["an old proxy between takes no chunked body"]
        remedies ["check the proxy between"]
        broken "nginx: chunked_transfer_encoding off;"
        mended "nginx: proxy_request_buffering on;"
    }

    HttpUnsupportedMediaType "http_unsupported_media_type"
        Rejected Response Never Person Internal 500 {
        meaning "the server does not take this content type"
        evidence "HTTP 415"
        causes [
            "the backend takes only JSON, or only protobuf",
            "gRPC was sent to a port for OTLP/HTTP",
        ]
        remedies [
            "check that the endpoint takes OTLP/HTTP with protobuf, or set encoding: json if it takes only that",
            "see what the server's access log says of the content type",
        ]
        broken "
            exporters:
              otlp_http:
                encoding: proto"
        mended "
            exporters:
              otlp_http:
                encoding: json"
    }

    UnsupportedCompression "unsupported_compression"
        Rejected Request Never Person Unimplemented 404 {
        meaning "the backend does not know this compression"
        evidence "UNIMPLEMENTED, 400 or 415 with words about the encoding"
        causes ["zstd, snappy or another compression is configured, and the backend takes only gzip"]
        remedies ["set compression: gzip or compression: none"]
        broken "
            exporters:
              otlp_grpc:
                compression: zstd"
        mended "
            exporters:
              otlp_grpc:
                compression: gzip"
    }

    GrpcUnimplemented "grpc_unimplemented"
        Rejected Response Never Person Unimplemented 404 {
        meaning "the backend does not offer this signal over gRPC"
        evidence "the answer is UNIMPLEMENTED"
        causes [
            "the backend takes traces, but not metrics, logs or profiles",
            "the port speaks gRPC, but not OTLP: a Jaeger or another service",
            "the pipeline of the signal is not configured in the Collector there",
        ]
        remedies [
            "remove the pipeline of this signal, or check that the endpoint is an OTLP endpoint",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://jaeger:14250"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://jaeger:4317"
    }

    InvalidData "invalid_data"
        Rejected Response Never Person InvalidArgument 400 {
        meaning "the backend refuses the data"
        evidence "the answer is INVALID_ARGUMENT, FAILED_PRECONDITION or HTTP 400"
        causes [
            "an attribute, name or time stamp breaks a rule of the backend",
            "the request goes to a TLS port without TLS, which some servers answer with 400",
            "the backend wants another encoding or version of OTLP",
        ]
        remedies [
            "look at what the backend says of it",
            "print the data with the debug exporter: verbosity: detailed",
        ]
        broken "
            exporters:
              otlp_http:
                endpoint: http://otel.example.com:443"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com:443"
    }

    HttpRedirect "http_redirect"
        Rejected Response Never Person Internal 500 {
        meaning "the server redirects elsewhere"
        evidence "HTTP 301, 302, 303, 307 or 308; a redirected POST is not followed"
        causes [
            "the endpoint is http://, and the server wants https://",
            "a login page wants a browser",
        ]
        remedies ["use the location that it names as the endpoint"]
        broken "
            exporters:
              otlp_http:
                endpoint: http://otel.example.com"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com"
    }

    PartialSuccessRejected "rejected"
        Rejected Response Never Person InvalidArgument 400 {
        meaning "the backend took the request but rejected some of its items"
        evidence "the answer's partial_success counts rejected items"
        causes [
            "items are too old or too far in the future",
            "items are too large, or have too many attributes",
            "the limit of series or streams is reached",
        ]
        remedies [
            "look at what the backend says of them",
            "check the clocks of the senders",
        ]
        broken "
            exporters:
              otlp_grpc:
                retry_on_failure:
                  max_elapsed_time: 0s"
        mended "
            exporters:
              otlp_grpc:
                retry_on_failure:
                  max_elapsed_time: 300s"
    }
}
