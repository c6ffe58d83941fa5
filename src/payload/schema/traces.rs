//! Which fields a traces request has.

use super::Kind::*;
use super::MessageType::*;
use super::{Enumeration, Field, many, one};

pub(super) const EXPORT_TRACE_SERVICE_REQUEST: &[Field] = &[many(1, "resource_spans", Message(ResourceSpans)).leads()];

pub(super) const RESOURCE_SPANS: &[Field] = &[
    one(1, "resource", Message(Resource)).always(),
    many(2, "scope_spans", Message(ScopeSpans)).leads(),
    one(3, "schema_url", String),
];

pub(super) const SCOPE_SPANS: &[Field] = &[
    one(1, "scope", Message(InstrumentationScope)).always(),
    many(2, "spans", Message(Span)).item(),
    one(3, "schema_url", String),
];

pub(super) const SPAN: &[Field] = &[
    one(1, "trace_id", Id16),
    one(2, "span_id", Id8),
    one(3, "trace_state", String),
    one(4, "parent_span_id", Id8),
    one(5, "name", String),
    one(6, "kind", Enum(&SPAN_KIND)),
    one(7, "start_time_unix_nano", Fixed64),
    one(8, "end_time_unix_nano", Fixed64),
    many(9, "attributes", Message(KeyValue)),
    one(10, "dropped_attributes_count", Uint32),
    many(11, "events", Message(SpanEvent)),
    one(12, "dropped_events_count", Uint32),
    many(13, "links", Message(SpanLink)),
    one(14, "dropped_links_count", Uint32),
    one(15, "status", Message(Status)).always(),
    one(16, "flags", Fixed32),
];

pub(super) const SPAN_EVENT: &[Field] = &[
    one(1, "time_unix_nano", Fixed64),
    one(2, "name", String),
    many(3, "attributes", Message(KeyValue)),
    one(4, "dropped_attributes_count", Uint32),
];

pub(super) const SPAN_LINK: &[Field] = &[
    one(1, "trace_id", Id16),
    one(2, "span_id", Id8),
    one(3, "trace_state", String),
    many(4, "attributes", Message(KeyValue)),
    one(5, "dropped_attributes_count", Uint32),
    one(6, "flags", Fixed32),
];

pub(super) const STATUS: &[Field] = &[one(2, "message", String), one(3, "code", Enum(&STATUS_CODE))];

static SPAN_KIND: Enumeration = Enumeration {
    name: "opentelemetry.proto.trace.v1.Span.SpanKind",
    values: &[
        (0, "SPAN_KIND_UNSPECIFIED"),
        (1, "SPAN_KIND_INTERNAL"),
        (2, "SPAN_KIND_SERVER"),
        (3, "SPAN_KIND_CLIENT"),
        (4, "SPAN_KIND_PRODUCER"),
        (5, "SPAN_KIND_CONSUMER"),
    ],
};

static STATUS_CODE: Enumeration = Enumeration {
    name: "opentelemetry.proto.trace.v1.Status.StatusCode",
    values: &[(0, "STATUS_CODE_UNSET"), (1, "STATUS_CODE_OK"), (2, "STATUS_CODE_ERROR")],
};
