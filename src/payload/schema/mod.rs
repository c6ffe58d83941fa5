//! Which fields the OTLP messages have: one row each, so that validating, counting, cutting and converting need no code per signal.
//!
//! The rows are those of `opentelemetry-proto` (a test compares them with its descriptors), with the two marks that
//! protobuf has no word for: which byte strings are ids, and which fields are the items that the relay counts.

mod common;
mod logs;
mod metrics;
mod profiles;
mod steps;
mod traces;

pub(super) use steps::{Step, steps};

use crate::signal::Signal;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field number.
    pub number: u32,
    /// The name in the `.proto` file: `dropped_attributes_count`.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// How often it may be there.
    pub count: Count,
    /// What it has to do with items.
    pub role: Role,
    /// When OTLP/JSON shows it.
    pub presence: Presence,
}

/// What the value of a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A varint of 0 or 1.
    Bool,
    /// A varint in two's complement.
    Int32,
    /// A varint in two's complement.
    Int64,
    /// A varint.
    Uint32,
    /// A varint.
    Uint64,
    /// A zigzag varint.
    Sint32,
    /// A varint that stands for a name.
    Enum(&'static Enumeration),
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// Eight bytes in two's complement.
    Sfixed64,
    /// Eight bytes of IEEE 754.
    Double,
    /// UTF-8.
    String,
    /// Any bytes.
    Bytes,
    /// A trace or profile id: 16 bytes or none.
    Id16,
    /// A span id: 8 bytes or none.
    Id8,
    /// Another message.
    Message(MessageType),
}

/// How often a field may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// At most once; of several the last counts, and messages are merged.
    One,
    /// Any number of times; numbers may be packed.
    Many,
}

/// What a field has to do with items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing: it belongs to the header of its message, and is kept on both sides of a cut.
    Header,
    /// Its message has items in it.
    Leads,
    /// Its message has items in it, and replaces those of any other such field before it: a `oneof`.
    LeadsAlone,
    /// It is an item.
    Item,
}

/// What it means that a field is not there, and so when OTLP/JSON shows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The same as zero or empty: a number or a string that is neither is shown, and a message that is there.
    Implicit,
    /// Something else than zero (`optional` in the `.proto` file): shown where it is there.
    Explicit,
    /// Of such fields of a message one at most is there, the last (`oneof`): shown where it is there.
    Alternative,
    /// A message that is always shown, as the Collector does it.
    Always,
}

/// The names of a number.
#[derive(Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// The name in the `.proto` file, with its package.
    pub name: &'static str,
    /// Every number with its name.
    pub values: &'static [(i32, &'static str)],
}

macro_rules! message_types {
    ($($name:ident = $full:literal, $rows:path;)*) => {
        /// A message that a request can have in it, itself included.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum MessageType {
            $(#[doc = concat!("`", $full, "`")] $name,)*
        }

        impl MessageType {
            /// All of them.
            pub const ALL: &'static [MessageType] = &[$(MessageType::$name,)*];

            /// The name in the `.proto` file, with its package.
            pub const fn name(self) -> &'static str {
                match self {
                    $(MessageType::$name => concat!("opentelemetry.proto.", $full),)*
                }
            }

            /// Its fields, by ascending number.
            pub const fn fields(self) -> &'static [Field] {
                match self {
                    $(MessageType::$name => $rows,)*
                }
            }
        }
    };
}

message_types! {
    Resource = "resource.v1.Resource", common::RESOURCE;
    KeyValue = "common.v1.KeyValue", common::KEY_VALUE;
    EntityRef = "common.v1.EntityRef", common::ENTITY_REF;
    InstrumentationScope = "common.v1.InstrumentationScope", common::INSTRUMENTATION_SCOPE;
    AnyValue = "common.v1.AnyValue", common::ANY_VALUE;
    ArrayValue = "common.v1.ArrayValue", common::ARRAY_VALUE;
    KeyValueList = "common.v1.KeyValueList", common::KEY_VALUE_LIST;
    ExportTraceServiceRequest = "collector.trace.v1.ExportTraceServiceRequest", traces::EXPORT_TRACE_SERVICE_REQUEST;
    ResourceSpans = "trace.v1.ResourceSpans", traces::RESOURCE_SPANS;
    ScopeSpans = "trace.v1.ScopeSpans", traces::SCOPE_SPANS;
    Span = "trace.v1.Span", traces::SPAN;
    SpanEvent = "trace.v1.Span.Event", traces::SPAN_EVENT;
    SpanLink = "trace.v1.Span.Link", traces::SPAN_LINK;
    Status = "trace.v1.Status", traces::STATUS;
    ExportMetricsServiceRequest = "collector.metrics.v1.ExportMetricsServiceRequest", metrics::EXPORT_METRICS_SERVICE_REQUEST;
    ResourceMetrics = "metrics.v1.ResourceMetrics", metrics::RESOURCE_METRICS;
    ScopeMetrics = "metrics.v1.ScopeMetrics", metrics::SCOPE_METRICS;
    Metric = "metrics.v1.Metric", metrics::METRIC;
    Gauge = "metrics.v1.Gauge", metrics::GAUGE;
    Sum = "metrics.v1.Sum", metrics::SUM;
    Histogram = "metrics.v1.Histogram", metrics::HISTOGRAM;
    ExponentialHistogram = "metrics.v1.ExponentialHistogram", metrics::EXPONENTIAL_HISTOGRAM;
    Summary = "metrics.v1.Summary", metrics::SUMMARY;
    NumberDataPoint = "metrics.v1.NumberDataPoint", metrics::NUMBER_DATA_POINT;
    HistogramDataPoint = "metrics.v1.HistogramDataPoint", metrics::HISTOGRAM_DATA_POINT;
    ExponentialHistogramDataPoint = "metrics.v1.ExponentialHistogramDataPoint", metrics::EXPONENTIAL_HISTOGRAM_DATA_POINT;
    SummaryDataPoint = "metrics.v1.SummaryDataPoint", metrics::SUMMARY_DATA_POINT;
    Exemplar = "metrics.v1.Exemplar", metrics::EXEMPLAR;
    Buckets = "metrics.v1.ExponentialHistogramDataPoint.Buckets", metrics::BUCKETS;
    ValueAtQuantile = "metrics.v1.SummaryDataPoint.ValueAtQuantile", metrics::VALUE_AT_QUANTILE;
    ExportLogsServiceRequest = "collector.logs.v1.ExportLogsServiceRequest", logs::EXPORT_LOGS_SERVICE_REQUEST;
    ResourceLogs = "logs.v1.ResourceLogs", logs::RESOURCE_LOGS;
    ScopeLogs = "logs.v1.ScopeLogs", logs::SCOPE_LOGS;
    LogRecord = "logs.v1.LogRecord", logs::LOG_RECORD;
    ExportProfilesServiceRequest = "collector.profiles.v1development.ExportProfilesServiceRequest", profiles::EXPORT_PROFILES_SERVICE_REQUEST;
    ResourceProfiles = "profiles.v1development.ResourceProfiles", profiles::RESOURCE_PROFILES;
    ProfilesDictionary = "profiles.v1development.ProfilesDictionary", profiles::PROFILES_DICTIONARY;
    ScopeProfiles = "profiles.v1development.ScopeProfiles", profiles::SCOPE_PROFILES;
    Mapping = "profiles.v1development.Mapping", profiles::MAPPING;
    Location = "profiles.v1development.Location", profiles::LOCATION;
    Function = "profiles.v1development.Function", profiles::FUNCTION;
    ProfileLink = "profiles.v1development.Link", profiles::PROFILE_LINK;
    KeyValueAndUnit = "profiles.v1development.KeyValueAndUnit", profiles::KEY_VALUE_AND_UNIT;
    Stack = "profiles.v1development.Stack", profiles::STACK;
    Profile = "profiles.v1development.Profile", profiles::PROFILE;
    Line = "profiles.v1development.Line", profiles::LINE;
    ValueType = "profiles.v1development.ValueType", profiles::VALUE_TYPE;
    Sample = "profiles.v1development.Sample", profiles::SAMPLE;
}

impl MessageType {
    /// What clients send in an Export call of `signal`.
    pub const fn request(signal: Signal) -> MessageType {
        match signal {
            Signal::Traces => MessageType::ExportTraceServiceRequest,
            Signal::Metrics => MessageType::ExportMetricsServiceRequest,
            Signal::Logs => MessageType::ExportLogsServiceRequest,
            Signal::Profiles => MessageType::ExportProfilesServiceRequest,
        }
    }

    /// The row of the field with this number.
    pub fn field(self, number: u32) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.number == number)
    }
}

impl Kind {
    /// The message that it is, if it is one.
    pub const fn message(self) -> Option<MessageType> {
        match self {
            Kind::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// A field that is there at most once.
const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, count: Count::One, role: Role::Header, presence: Presence::Implicit }
}

/// A field that is there any number of times.
const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, count: Count::Many, role: Role::Header, presence: Presence::Implicit }
}

impl Field {
    const fn leads(mut self) -> Field {
        self.role = match self.count {
            Count::One => Role::LeadsAlone,
            Count::Many => Role::Leads,
        };
        self
    }

    const fn item(mut self) -> Field {
        self.role = Role::Item;
        self
    }

    const fn optional(mut self) -> Field {
        self.presence = Presence::Explicit;
        self
    }

    const fn either(mut self) -> Field {
        self.presence = Presence::Alternative;
        self
    }

    const fn always(mut self) -> Field {
        self.presence = Presence::Always;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_by_number() {
        for message in MessageType::ALL {
            assert!(message.fields().is_sorted_by(|a, b| a.number < b.number), "{}", message.name());
        }
    }
}
