//! Which fields a profiles request has.

use super::Kind::*;
use super::MessageType::*;
use super::{Field, many, one};

pub(super) const EXPORT_PROFILES_SERVICE_REQUEST: &[Field] = &[
    many(1, "resource_profiles", Message(ResourceProfiles)).leads(),
    one(2, "dictionary", Message(ProfilesDictionary)),
];

pub(super) const RESOURCE_PROFILES: &[Field] = &[
    one(1, "resource", Message(Resource)).always(),
    many(2, "scope_profiles", Message(ScopeProfiles)).leads(),
    one(3, "schema_url", String),
];

pub(super) const PROFILES_DICTIONARY: &[Field] = &[
    many(1, "mapping_table", Message(Mapping)),
    many(2, "location_table", Message(Location)),
    many(3, "function_table", Message(Function)),
    many(4, "link_table", Message(ProfileLink)),
    many(5, "string_table", String),
    many(6, "attribute_table", Message(KeyValueAndUnit)),
    many(7, "stack_table", Message(Stack)),
];

pub(super) const SCOPE_PROFILES: &[Field] = &[
    one(1, "scope", Message(InstrumentationScope)).always(),
    many(2, "profiles", Message(Profile)).leads(),
    one(3, "schema_url", String),
];

pub(super) const MAPPING: &[Field] = &[
    one(1, "memory_start", Uint64),
    one(2, "memory_limit", Uint64),
    one(3, "file_offset", Uint64),
    one(4, "filename_strindex", Int32),
    many(5, "attribute_indices", Int32),
];

pub(super) const LOCATION: &[Field] = &[
    one(1, "mapping_index", Int32),
    one(2, "address", Uint64),
    many(3, "lines", Message(Line)),
    many(4, "attribute_indices", Int32),
];

pub(super) const FUNCTION: &[Field] = &[
    one(1, "name_strindex", Int32),
    one(2, "system_name_strindex", Int32),
    one(3, "filename_strindex", Int32),
    one(4, "start_line", Int64),
];

pub(super) const PROFILE_LINK: &[Field] = &[one(1, "trace_id", Id16), one(2, "span_id", Id8)];

pub(super) const KEY_VALUE_AND_UNIT: &[Field] =
    &[one(1, "key_strindex", Int32), one(2, "value", Message(AnyValue)), one(3, "unit_strindex", Int32)];

pub(super) const STACK: &[Field] = &[many(1, "location_indices", Int32)];

pub(super) const PROFILE: &[Field] = &[
    one(1, "sample_type", Message(ValueType)),
    many(2, "samples", Message(Sample)).item(),
    one(3, "time_unix_nano", Fixed64),
    one(4, "duration_nano", Uint64),
    one(5, "period_type", Message(ValueType)),
    one(6, "period", Int64),
    one(7, "profile_id", Id16),
    one(8, "dropped_attributes_count", Uint32),
    one(9, "original_payload_format", String),
    one(10, "original_payload", Bytes),
    many(11, "attribute_indices", Int32),
];

pub(super) const LINE: &[Field] = &[one(1, "function_index", Int32), one(2, "line", Int64), one(3, "column", Int64)];

pub(super) const VALUE_TYPE: &[Field] = &[one(1, "type_strindex", Int32), one(2, "unit_strindex", Int32)];

pub(super) const SAMPLE: &[Field] = &[
    one(1, "stack_index", Int32),
    many(2, "attribute_indices", Int32),
    one(3, "link_index", Int32),
    many(4, "values", Int64),
    many(5, "timestamps_unix_nano", Fixed64),
];
