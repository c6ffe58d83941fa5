//! Which fields the messages have that all signals share.

use super::Kind::*;
use super::MessageType::*;
use super::{Field, many, one};

pub(super) const RESOURCE: &[Field] = &[
    many(1, "attributes", Message(KeyValue)),
    one(2, "dropped_attributes_count", Uint32),
    many(3, "entity_refs", Message(EntityRef)),
];

pub(super) const KEY_VALUE: &[Field] =
    &[one(1, "key", String), one(2, "value", Message(AnyValue)), one(3, "key_strindex", Int32)];

pub(super) const ENTITY_REF: &[Field] = &[
    one(1, "schema_url", String),
    one(2, "type", String),
    many(3, "id_keys", String),
    many(4, "description_keys", String),
];

pub(super) const INSTRUMENTATION_SCOPE: &[Field] = &[
    one(1, "name", String),
    one(2, "version", String),
    many(3, "attributes", Message(KeyValue)),
    one(4, "dropped_attributes_count", Uint32),
];

pub(super) const ANY_VALUE: &[Field] = &[
    one(1, "string_value", String).either(),
    one(2, "bool_value", Bool).either(),
    one(3, "int_value", Int64).either(),
    one(4, "double_value", Double).either(),
    one(5, "array_value", Message(ArrayValue)).either(),
    one(6, "kvlist_value", Message(KeyValueList)).either(),
    one(7, "bytes_value", Bytes).either(),
    one(8, "string_value_strindex", Int32).either(),
];

pub(super) const ARRAY_VALUE: &[Field] = &[many(1, "values", Message(AnyValue))];

pub(super) const KEY_VALUE_LIST: &[Field] = &[many(1, "values", Message(KeyValue))];
