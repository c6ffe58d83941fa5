//! The classes of what a peer answers: credentials, limits, load balancers, faults of its own.

use super::rows;

rows! {
    Unauthenticated "unauthenticated"
        Unauthenticated Auth Never Person Unauthenticated 401 {
        meaning "the backend does not accept the credentials"
        evidence "the answer is UNAUTHENTICATED or HTTP 401"
        causes [
            "the token is missing, wrong or expired",
            "the header has another name there, or wants a word before the token (Bearer, Basic, Api-Token)",
            "the token is for another region or account than the endpoint",
            "the variable that holds the token is not set in this container",
        ]
        remedies [
            "check the token in headers or auth, its header name and its region",
            "let the header come from a variable, and see that it is set: headers: {authorization: \"Bearer ${env:TOKEN}\"}",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317
                headers:
                  authorization: Bearer ${env:TOKEN:-token}"
    }

    PermissionDenied "permission_denied"
        Unauthenticated Auth Never Person PermissionDenied 403 {
        meaning "the backend denies permission"
        evidence "the answer is PERMISSION_DENIED or HTTP 403"
        causes [
            "the token is valid, but may not write this kind of data",
            "the tenant or project of the request is another one",
            "an allow list of addresses, or a firewall for web applications",
        ]
        remedies [
            "check the token's scope, the tenant, and allow lists",
            "look at the answer's words: an HTML page is one of a proxy, not of the backend",
        ]
        broken "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com
                headers:
                  x-scope-orgid: production"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com
                headers:
                  x-scope-orgid: staging"
    }

    RateLimited "rate_limited"
        Throttled Response BackOff Time Unavailable 503 {
        meaning "the backend limits the rate"
        evidence "HTTP 429, or a gRPC status with RetryInfo"
        causes [
            "more data than the account's quota for a second or minute",
            "many small requests",
            "a backlog is sent at full speed after an outage",
        ]
        remedies [
            "check the quota there; the relay waits as long as the backend asks",
            "send larger batches: sending_queue::batch",
            "drop what is not needed before it is sent",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 100"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  num_consumers: 4
                  batch:
                    min_size: 4000
                    flush_timeout: 2s"
    }

    ResourceExhausted "resource_exhausted"
        ResourceExhausted Response Never Person ResourceExhausted 429 {
        meaning "the backend's quota is used up"
        evidence "the answer is RESOURCE_EXHAUSTED without RetryInfo"
        causes [
            "the plan's quota for the day or month is used up",
            "the backend has no disk or memory left",
            "the backend is a Collector whose memory limiter refuses data",
        ]
        remedies [
            "check the quota of the backend",
            "let the backend say RetryInfo where a later try can help",
        ]
        broken "otlp-relay: all data of a test cluster goes to a trial account"
        mended "otlp-relay: a filter or a sampler in front of the exporter"
    }

    MessageTooLarge "message_too_large"
        ResourceExhausted Request Never Person ResourceExhausted 413 {
        meaning "the request is larger than the backend accepts"
        evidence "HTTP 413, or a status that says that the message is larger than the maximum"
        causes [
            "the batch is larger than the backend's limit: 4 MiB is usual for gRPC, 1 MB for nginx",
            "one item alone is that large, such as a log record with a whole file in it",
        ]
        remedies [
            "lower the batch: send_batch_max_size, or sending_queue::batch::max_size",
            "raise the backend's limit: max_recv_msg_size_mib in a Collector, client_max_body_size in nginx",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  batch:
                    min_size: 50000
                    flush_timeout: 1s"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  batch:
                    min_size: 1000
                    max_size: 4000
                    flush_timeout: 1s"
    }

    RequestHeadersTooLarge "request_headers_too_large"
        ResourceExhausted Request Never Person ResourceExhausted 429 {
        meaning "the request's headers are larger than the backend accepts"
        evidence "HTTP 431, or GOAWAY with words about the header list"
        causes [
            "a very long token or cookie in headers",
            "metadata of the senders is passed on with every request",
        ]
        remedies ["shorten the configured headers"]
        broken "
            exporters:
              otlp_http:
                headers:
                  cookie: ${env:WHOLE_SESSION:-session}"
        mended "
            exporters:
              otlp_http:
                headers:
                  authorization: Bearer ${env:TOKEN:-token}"
    }

    ServerUnavailable "server_unavailable"
        Unavailable Response BackOff Time Unavailable 503 {
        meaning "the backend says that it is unavailable"
        evidence "the answer is UNAVAILABLE or HTTP 503 without a time to wait"
        causes [
            "the backend starts, stops or is overloaded",
            "a load balancer has no healthy target",
        ]
        remedies [
            "check the backend's health and load",
            "look at who answers: the cause names the Server header, if there was one",
        ]
        broken "kubectl scale deployment collector --replicas 0"
        mended "kubectl scale deployment collector --replicas 2"
    }

    BadGateway "bad_gateway"
        Unavailable Response BackOff Either Unavailable 503 {
        meaning "a load balancer or proxy could not reach the backend"
        evidence "HTTP 502, also in answer to a gRPC call"
        causes [
            "the backend behind it is down or on another port",
            "it speaks HTTP/1.1 to a backend that speaks gRPC",
        ]
        remedies [
            "check the backend behind the load balancer",
            "let it pass gRPC on: grpc_pass in nginx, protocol h2 or GRPC in others",
        ]
        broken "nginx: location / { proxy_pass http://collector:4317; }"
        mended "nginx: location / { grpc_pass grpc://collector:4317; }"
    }

    GatewayTimeout "gateway_timeout"
        Unavailable Response BackOff Either Unavailable 503 {
        meaning "a load balancer or proxy got no answer from the backend"
        evidence "HTTP 504, also in answer to a gRPC call"
        causes [
            "the backend behind it is overloaded",
            "a firewall is between the two",
            "the proxy's time-out is shorter than the backend needs",
        ]
        remedies [
            "check the backend behind the load balancer",
            "raise the proxy's time-out, or send smaller batches",
        ]
        broken "nginx: grpc_read_timeout 1s;"
        mended "nginx: grpc_read_timeout 60s;"
    }

    LbProtocolMismatch "lb_protocol_mismatch"
        Protocol Response Never Person Internal 500 {
        meaning "the load balancer is not set up for this protocol"
        evidence "HTTP 464, 421, 426 or 505"
        causes [
            "an AWS target group with protocol version HTTP1 gets gRPC",
            "the listener takes only HTTP/2, or only HTTP/1.1",
        ]
        remedies ["set the target group to gRPC or HTTP/2, or use the other exporter"]
        broken "aws elbv2 create-target-group --name otlp --protocol HTTP --protocol-version HTTP1 --port 4317"
        mended "aws elbv2 create-target-group --name otlp --protocol HTTP --protocol-version GRPC --port 4317"
    }

    ServerInternalError "server_internal_error"
        ServerFault Response Never Either Internal 500 {
        meaning "the backend reports an internal error"
        evidence "the answer is INTERNAL or HTTP 500"
        causes [
            "a bug or an outage of the backend",
            "the backend's own store fails",
        ]
        remedies [
            "look at the backend's log",
            "ask its operator, with the request id if the answer has one",
        ]
        broken "kubectl logs deployment/collector"
        mended "kubectl rollout restart deployment/collector"
    }

    ServerUnknownError "server_unknown_error"
        ServerFault Response Never Either Unknown 500 {
        meaning "the backend reports an unknown error"
        evidence "the peer itself answers UNKNOWN"
        causes ["the backend does not map an error of its own to a code"]
        remedies ["look at the backend's log"]
        broken "kubectl logs deployment/collector"
        mended "kubectl rollout restart deployment/collector"
    }

    ServerTransientError "server_transient_error"
        ServerFault Response BackOff Time Unavailable 503 {
        meaning "the backend reports an error that the specification calls transient"
        evidence "the answer is CANCELLED, ABORTED, OUT_OF_RANGE or DATA_LOSS"
        causes [
            "the backend gave up on the request while it was busy",
            "a proxy cancelled it",
        ]
        remedies ["look at the backend's log if it stays"]
        broken "kubectl logs deployment/collector"
        mended "kubectl rollout restart deployment/collector"
    }

    ServerErrorOther "server_error_other"
        ServerFault Response Never Either Internal 500 {
        meaning "the backend reports an error"
        evidence "another code of gRPC or status of HTTP than those that have a class"
        causes ["the answer's own words, which the line carries, say it"]
        remedies ["look at what the backend says of it"]
        broken "curl -i -X POST http://collector:4318/v1/traces"
        mended "kubectl logs deployment/collector"
    }

    GrpcMissingStatus "grpc_missing_status"
        ServerFault Response BackOff Time Unavailable 503 {
        meaning "the answer ended without a verdict (no grpc-status)"
        evidence "the answer is gRPC with HTTP 200, but has no grpc-status at its end"
        causes [
            "a load balancer cut the stream",
            "a proxy drops HTTP trailers",
        ]
        remedies [
            "look for a load balancer that cuts streams; the data may have arrived",
            "let the proxy pass gRPC on, not merely HTTP/2",
        ]
        broken "nginx: location / { proxy_pass http://collector:4317; }"
        mended "nginx: location / { grpc_pass grpc://collector:4317; }"
    }

    NotOtlpResponse "not_otlp_response"
        ServerFault Response Never Person Internal 500 {
        meaning "the answer is not OTLP"
        evidence "HTTP 200 with a page, or a body that is no OTLP response"
        causes [
            "a login page or captive portal answers everything with 200",
            "the endpoint is a web server's default page or the backend's user interface",
        ]
        remedies [
            "check that the endpoint is an OTLP endpoint and not a web or login page",
        ]
        broken "
            exporters:
              otlp_http:
                endpoint: https://grafana.example.com"
        mended "
            exporters:
              otlp_http:
                endpoint: https://grafana.example.com/otlp"
    }

    ResponseTooLarge "response_too_large"
        ServerFault Response Never Person Internal 500 {
        meaning "the answer is larger than any OTLP answer"
        evidence "the answer goes on after the size that is read of one"
        causes ["the endpoint is not an OTLP server: a download or an endless stream"]
        remedies ["check that the endpoint is an OTLP endpoint"]
        broken "
            exporters:
              otlp_http:
                endpoint: http://files.example.com"
        mended "
            exporters:
              otlp_http:
                endpoint: http://collector:4318"
    }

    // Last of all: whatever has no row yet. Each one seen is a gap of this table.
    Other "_OTHER"
        Other Response BackOff Either Unavailable 503 {
        meaning "a failure that has no class yet"
        evidence "nothing that is known fits; the line carries the whole chain of causes"
        causes ["a gap in the relay's table: a bug of the relay, and counted as one"]
        remedies ["report the whole message: it is a gap in the relay's table"]
        broken "otlp-relay --config relay.yaml"
        mended "OTEL_LOG_LEVEL=debug otlp-relay --config relay.yaml"
    }
}
