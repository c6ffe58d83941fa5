//! Endpoints of well-known products that take something else than OTLP, and where those products take OTLP.

use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;

use super::endpoint::Target;

/// How OTLP is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Grpc,
    Http,
}

/// Warns where `target`, which stands at `value` and is sent OTLP, is known to take something else.
pub(super) fn warn(value: &Reading<'_>, target: &Target, over: Over) {
    let port = target.endpoint.port;
    let path = target.path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let by_path = PATHS.iter().find(|(end, ..)| over == Over::Http && path.ends_with(end));
    let by_port = PORTS
        .iter()
        .find(|(known, speaks, but, ..)| *known == port && *speaks == over && (but.is_empty() || !path.contains(but)));
    let found = by_path.map(|(_, what, hint)| (*what, *hint));
    let Some((what, hint)) = found.or_else(|| by_port.map(|(.., what, hint)| (*what, *hint))) else { return };
    let host = &target.endpoint.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let warning = Problem::new(None, "", what).hint(hint.replace("HOST", &host));
    value.warn_of(warning.is(Mistake::PortSuspicious));
}

/// Ends of a path, what takes it, and what to write.
const PATHS: &[(&str, &str, &str)] = &[
    (
        "/loki/api/v1/push",
        "this is where Loki takes its own format",
        "Loki takes OTLP at /otlp: write endpoint: http://HOST:3100/otlp",
    ),
    (
        "/api/traces",
        "this is where Jaeger takes Thrift",
        "Jaeger takes OTLP on port 4318: write endpoint: http://HOST:4318",
    ),
    ("/api/v2/spans", "this is where Zipkin takes its own format", "use the zipkin exporter"),
    (
        "/api/v1/write",
        "this is where Prometheus takes remote write",
        "use the prometheusremotewrite exporter, or Prometheus' OTLP receiver: endpoint: http://HOST:9090/api/v1/otlp",
    ),
];

/// Ports with the way that OTLP would go there, what a path has where it is right after all, what takes it, and what to
/// write.
const PORTS: &[(u16, Over, &str, &str, &str)] = &[
    (
        14250,
        Over::Grpc,
        "",
        "14250 is the port of Jaeger's own gRPC",
        "Jaeger takes OTLP on port 4317: write HOST:4317",
    ),
    (
        14268,
        Over::Http,
        "",
        "14268 is the port of Jaeger's Thrift",
        "Jaeger takes OTLP on port 4318: write endpoint: http://HOST:4318",
    ),
    (14268, Over::Grpc, "", "14268 is the port of Jaeger's Thrift", "Jaeger takes OTLP on port 4317: write HOST:4317"),
    (
        3100,
        Over::Grpc,
        "",
        "3100 is the port of Loki, which speaks no gRPC there",
        "use an otlp_http exporter: http://HOST:3100/otlp",
    ),
    (3200, Over::Grpc, "", "3200 is the port of Tempo's queries", "Tempo takes OTLP on port 4317: write HOST:4317"),
    (9411, Over::Grpc, "", "9411 is the port of Zipkin's own format", "use the zipkin exporter"),
    (9411, Over::Http, "otlp", "9411 is the port of Zipkin's own format", "use the zipkin exporter"),
    (
        3100,
        Over::Http,
        "otlp",
        "3100 is the port of Loki, which takes OTLP at /otlp",
        "write endpoint: http://HOST:3100/otlp",
    ),
    (
        3200,
        Over::Http,
        "",
        "3200 is the port of Tempo's queries",
        "Tempo takes OTLP on port 4318: write endpoint: http://HOST:4318",
    ),
    (
        9090,
        Over::Http,
        "otlp",
        "9090 is the port of Prometheus, which takes OTLP at /api/v1/otlp",
        "write endpoint: http://HOST:9090/api/v1/otlp",
    ),
];
