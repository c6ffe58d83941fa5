//! Which fields a metrics request has.

use super::Kind::*;
use super::MessageType::*;
use super::{Enumeration, Field, many, one};

pub(super) const EXPORT_METRICS_SERVICE_REQUEST: &[Field] =
    &[many(1, "resource_metrics", Message(ResourceMetrics)).leads()];

pub(super) const RESOURCE_METRICS: &[Field] = &[
    one(1, "resource", Message(Resource)).always(),
    many(2, "scope_metrics", Message(ScopeMetrics)).leads(),
    one(3, "schema_url", String),
];

pub(super) const SCOPE_METRICS: &[Field] = &[
    one(1, "scope", Message(InstrumentationScope)).always(),
    many(2, "metrics", Message(Metric)).leads(),
    one(3, "schema_url", String),
];

pub(super) const METRIC: &[Field] = &[
    one(1, "name", String),
    one(2, "description", String),
    one(3, "unit", String),
    one(5, "gauge", Message(Gauge)).leads().either(),
    one(7, "sum", Message(Sum)).leads().either(),
    one(9, "histogram", Message(Histogram)).leads().either(),
    one(10, "exponential_histogram", Message(ExponentialHistogram)).leads().either(),
    one(11, "summary", Message(Summary)).leads().either(),
    many(12, "metadata", Message(KeyValue)),
];

pub(super) const GAUGE: &[Field] = &[many(1, "data_points", Message(NumberDataPoint)).item()];

pub(super) const SUM: &[Field] = &[
    many(1, "data_points", Message(NumberDataPoint)).item(),
    one(2, "aggregation_temporality", Enum(&AGGREGATION_TEMPORALITY)),
    one(3, "is_monotonic", Bool),
];

pub(super) const HISTOGRAM: &[Field] = &[
    many(1, "data_points", Message(HistogramDataPoint)).item(),
    one(2, "aggregation_temporality", Enum(&AGGREGATION_TEMPORALITY)),
];

pub(super) const EXPONENTIAL_HISTOGRAM: &[Field] = &[
    many(1, "data_points", Message(ExponentialHistogramDataPoint)).item(),
    one(2, "aggregation_temporality", Enum(&AGGREGATION_TEMPORALITY)),
];

pub(super) const SUMMARY: &[Field] = &[many(1, "data_points", Message(SummaryDataPoint)).item()];

pub(super) const NUMBER_DATA_POINT: &[Field] = &[
    one(2, "start_time_unix_nano", Fixed64),
    one(3, "time_unix_nano", Fixed64),
    one(4, "as_double", Double).either(),
    many(5, "exemplars", Message(Exemplar)),
    one(6, "as_int", Sfixed64).either(),
    many(7, "attributes", Message(KeyValue)),
    one(8, "flags", Uint32),
];

pub(super) const HISTOGRAM_DATA_POINT: &[Field] = &[
    one(2, "start_time_unix_nano", Fixed64),
    one(3, "time_unix_nano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double).optional(),
    many(6, "bucket_counts", Fixed64),
    many(7, "explicit_bounds", Double),
    many(8, "exemplars", Message(Exemplar)),
    many(9, "attributes", Message(KeyValue)),
    one(10, "flags", Uint32),
    one(11, "min", Double).optional(),
    one(12, "max", Double).optional(),
];

pub(super) const EXPONENTIAL_HISTOGRAM_DATA_POINT: &[Field] = &[
    many(1, "attributes", Message(KeyValue)),
    one(2, "start_time_unix_nano", Fixed64),
    one(3, "time_unix_nano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double).optional(),
    one(6, "scale", Sint32),
    one(7, "zero_count", Fixed64),
    one(8, "positive", Message(Buckets)),
    one(9, "negative", Message(Buckets)),
    one(10, "flags", Uint32),
    many(11, "exemplars", Message(Exemplar)),
    one(12, "min", Double).optional(),
    one(13, "max", Double).optional(),
    one(14, "zero_threshold", Double),
];

pub(super) const SUMMARY_DATA_POINT: &[Field] = &[
    one(2, "start_time_unix_nano", Fixed64),
    one(3, "time_unix_nano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double),
    many(6, "quantile_values", Message(ValueAtQuantile)),
    many(7, "attributes", Message(KeyValue)),
    one(8, "flags", Uint32),
];

pub(super) const EXEMPLAR: &[Field] = &[
    one(2, "time_unix_nano", Fixed64),
    one(3, "as_double", Double).either(),
    one(4, "span_id", Id8),
    one(5, "trace_id", Id16),
    one(6, "as_int", Sfixed64).either(),
    many(7, "filtered_attributes", Message(KeyValue)),
];

pub(super) const BUCKETS: &[Field] = &[one(1, "offset", Sint32), many(2, "bucket_counts", Uint64)];

pub(super) const VALUE_AT_QUANTILE: &[Field] = &[one(1, "quantile", Double), one(2, "value", Double)];

static AGGREGATION_TEMPORALITY: Enumeration = Enumeration {
    name: "opentelemetry.proto.metrics.v1.AggregationTemporality",
    values: &[
        (0, "AGGREGATION_TEMPORALITY_UNSPECIFIED"),
        (1, "AGGREGATION_TEMPORALITY_DELTA"),
        (2, "AGGREGATION_TEMPORALITY_CUMULATIVE"),
    ],
};
