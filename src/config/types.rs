//! Which component types exist: those of this relay, for `otlp-relay components`.

/// A type of component that this relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentType {
    /// `receivers`, `processors`, `exporters`, `connectors` or `extensions`.
    pub section: &'static str,
    /// The type's name of today.
    pub name: &'static str,
    /// Other names that configurations may use.
    pub aliases: &'static [&'static str],
    /// How mature it is, by signal, or by `extension`.
    pub stability: &'static [(&'static str, &'static str)],
}

/// Every component type of this relay, sorted by section and name.
pub fn component_types() -> &'static [ComponentType] {
    TYPES
}

const ALL: &[(&str, &str)] = &[("traces", "Beta"), ("metrics", "Beta"), ("logs", "Beta"), ("profiles", "Alpha")];

const UNPROFILED: &[(&str, &str)] = &[("traces", "Beta"), ("metrics", "Beta"), ("logs", "Beta")];

const TRACES: &[(&str, &str)] = &[("traces", "Beta")];

const METRICS: &[(&str, &str)] = &[("metrics", "Beta")];

/// Connectors pass each signal on as it is.
const SAME: &[(&str, &str)] = &[
    ("traces-to-traces", "Beta"),
    ("metrics-to-metrics", "Beta"),
    ("logs-to-logs", "Beta"),
    ("profiles-to-profiles", "Alpha"),
];

const EXTENSION: &[(&str, &str)] = &[("extension", "Beta")];

const TYPES: &[ComponentType] = &[
    ComponentType { section: "receivers", name: "nop", aliases: &[], stability: ALL },
    ComponentType { section: "receivers", name: "otlp", aliases: &[], stability: ALL },
    ComponentType { section: "receivers", name: "prometheus", aliases: &[], stability: METRICS },
    ComponentType { section: "processors", name: "attributes", aliases: &[], stability: UNPROFILED },
    ComponentType { section: "processors", name: "batch", aliases: &[], stability: ALL },
    ComponentType { section: "processors", name: "memory_limiter", aliases: &[], stability: ALL },
    ComponentType { section: "processors", name: "resource", aliases: &[], stability: ALL },
    ComponentType { section: "exporters", name: "debug", aliases: &["logging"], stability: ALL },
    ComponentType { section: "exporters", name: "file", aliases: &[], stability: ALL },
    ComponentType { section: "exporters", name: "nop", aliases: &[], stability: ALL },
    ComponentType { section: "exporters", name: "otlp_grpc", aliases: &["otlp"], stability: ALL },
    ComponentType { section: "exporters", name: "otlp_http", aliases: &["otlphttp"], stability: ALL },
    ComponentType { section: "exporters", name: "prometheus", aliases: &[], stability: METRICS },
    ComponentType {
        section: "exporters",
        name: "prometheusremotewrite",
        aliases: &["prometheus_remote_write"],
        stability: METRICS,
    },
    ComponentType { section: "exporters", name: "zipkin", aliases: &[], stability: TRACES },
    ComponentType { section: "connectors", name: "failover", aliases: &[], stability: SAME },
    ComponentType { section: "connectors", name: "forward", aliases: &[], stability: SAME },
    ComponentType { section: "extensions", name: "basicauth", aliases: &["basic_auth"], stability: EXTENSION },
    ComponentType {
        section: "extensions",
        name: "bearertokenauth",
        aliases: &["bearer_token_auth"],
        stability: EXTENSION,
    },
    ComponentType { section: "extensions", name: "debug_dump", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "file_storage", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "headers_setter", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "health_check", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "memory_ballast", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "oauth2client", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "pprof", aliases: &[], stability: EXTENSION },
    ComponentType { section: "extensions", name: "zpages", aliases: &[], stability: EXTENSION },
];
