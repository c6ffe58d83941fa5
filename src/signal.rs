//! What differs between the OTLP signals: a row of facts each, so that no other file branches on them.

use std::fmt;

/// A kind of telemetry that OTLP carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans (`opentelemetry.proto.collector.trace.v1`).
    Traces,
    /// Data points (`opentelemetry.proto.collector.metrics.v1`).
    Metrics,
    /// Log records (`opentelemetry.proto.collector.logs.v1`).
    Logs,
    /// Profile samples (`opentelemetry.proto.collector.profiles.v1development`).
    Profiles,
}

/// Whether requests of a signal may be joined with and cut from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Concatenating two requests gives one request with the items of both.
    Concatenates,
    /// Items point into a table of their own request: it travels as it came.
    Whole,
}

/// Everything that the relay needs to know of one signal.
#[derive(Debug)]
pub struct Facts {
    /// The name in configurations and in the `data_type` label: `traces`.
    pub name: &'static str,
    /// The key of `otlp_http` that sets its URL: `traces_endpoint`.
    pub endpoint_key: &'static str,
    /// The default OTLP/HTTP path (OTLP specification, "OTLP/HTTP Request").
    pub http_path: &'static str,
    /// The full gRPC path of the Export method.
    pub grpc_path: &'static str,
    /// The suffix of the Collector's metric names: `spans`.
    pub metric_noun: &'static str,
    /// The word for one item in the middle of a sentence: `spans`.
    pub item_noun: &'static str,
    /// How many items a backend rejected, in the JSON of its answer: `rejectedSpans`.
    pub rejected_key: &'static str,
    /// Whether requests may be joined and cut.
    pub merge: Merge,
}

impl Signal {
    /// All signals, in the order in which they are listed to people.
    pub const ALL: [Signal; 4] = [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles];

    /// The row of this signal.
    pub const fn facts(self) -> &'static Facts {
        &TABLE[self as usize]
    }

    /// The name in configurations: `traces`, `metrics`, `logs` or `profiles`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The signal that a configuration calls `name`.
    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// The signal whose Export method has this full gRPC path.
    pub fn from_grpc_path(path: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.facts().grpc_path == path)
    }

    /// The signal that is posted to this default OTLP/HTTP path.
    pub fn from_http_path(path: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.facts().http_path == path)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Indexed by `Signal as usize`.
static TABLE: [Facts; 4] = [
    Facts {
        name: "traces",
        endpoint_key: "traces_endpoint",
        http_path: "/v1/traces",
        grpc_path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        metric_noun: "spans",
        item_noun: "spans",
        rejected_key: "rejectedSpans",
        merge: Merge::Concatenates,
    },
    Facts {
        name: "metrics",
        endpoint_key: "metrics_endpoint",
        http_path: "/v1/metrics",
        grpc_path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        metric_noun: "metric_points",
        item_noun: "data points",
        rejected_key: "rejectedDataPoints",
        merge: Merge::Concatenates,
    },
    Facts {
        name: "logs",
        endpoint_key: "logs_endpoint",
        http_path: "/v1/logs",
        grpc_path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        metric_noun: "log_records",
        item_noun: "log records",
        rejected_key: "rejectedLogRecords",
        merge: Merge::Concatenates,
    },
    Facts {
        name: "profiles",
        endpoint_key: "profiles_endpoint",
        http_path: "/v1development/profiles",
        grpc_path: "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        metric_noun: "profile_samples",
        item_noun: "samples",
        rejected_key: "rejectedProfiles",
        merge: Merge::Whole,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name_and_its_paths() {
        for signal in Signal::ALL {
            let facts = signal.facts();
            assert_eq!(Signal::from_name(facts.name), Some(signal));
            assert_eq!(Signal::from_http_path(facts.http_path), Some(signal));
            assert_eq!(Signal::from_grpc_path(facts.grpc_path), Some(signal));
        }
    }
}
