//! Which fields a logs request has.

use super::Kind::*;
use super::MessageType::*;
use super::{Enumeration, Field, many, one};

pub(super) const EXPORT_LOGS_SERVICE_REQUEST: &[Field] = &[many(1, "resource_logs", Message(ResourceLogs)).leads()];

pub(super) const RESOURCE_LOGS: &[Field] = &[
    one(1, "resource", Message(Resource)).always(),
    many(2, "scope_logs", Message(ScopeLogs)).leads(),
    one(3, "schema_url", String),
];

pub(super) const SCOPE_LOGS: &[Field] = &[
    one(1, "scope", Message(InstrumentationScope)).always(),
    many(2, "log_records", Message(LogRecord)).item(),
    one(3, "schema_url", String),
];

pub(super) const LOG_RECORD: &[Field] = &[
    one(1, "time_unix_nano", Fixed64),
    one(2, "severity_number", Enum(&SEVERITY_NUMBER)),
    one(3, "severity_text", String),
    one(5, "body", Message(AnyValue)).always(),
    many(6, "attributes", Message(KeyValue)),
    one(7, "dropped_attributes_count", Uint32),
    one(8, "flags", Fixed32),
    one(9, "trace_id", Id16),
    one(10, "span_id", Id8),
    one(11, "observed_time_unix_nano", Fixed64),
    one(12, "event_name", String),
];

static SEVERITY_NUMBER: Enumeration = Enumeration {
    name: "opentelemetry.proto.logs.v1.SeverityNumber",
    values: &[
        (0, "SEVERITY_NUMBER_UNSPECIFIED"),
        (1, "SEVERITY_NUMBER_TRACE"),
        (2, "SEVERITY_NUMBER_TRACE2"),
        (3, "SEVERITY_NUMBER_TRACE3"),
        (4, "SEVERITY_NUMBER_TRACE4"),
        (5, "SEVERITY_NUMBER_DEBUG"),
        (6, "SEVERITY_NUMBER_DEBUG2"),
        (7, "SEVERITY_NUMBER_DEBUG3"),
        (8, "SEVERITY_NUMBER_DEBUG4"),
        (9, "SEVERITY_NUMBER_INFO"),
        (10, "SEVERITY_NUMBER_INFO2"),
        (11, "SEVERITY_NUMBER_INFO3"),
        (12, "SEVERITY_NUMBER_INFO4"),
        (13, "SEVERITY_NUMBER_WARN"),
        (14, "SEVERITY_NUMBER_WARN2"),
        (15, "SEVERITY_NUMBER_WARN3"),
        (16, "SEVERITY_NUMBER_WARN4"),
        (17, "SEVERITY_NUMBER_ERROR"),
        (18, "SEVERITY_NUMBER_ERROR2"),
        (19, "SEVERITY_NUMBER_ERROR3"),
        (20, "SEVERITY_NUMBER_ERROR4"),
        (21, "SEVERITY_NUMBER_FATAL"),
        (22, "SEVERITY_NUMBER_FATAL2"),
        (23, "SEVERITY_NUMBER_FATAL3"),
        (24, "SEVERITY_NUMBER_FATAL4"),
    ],
};
