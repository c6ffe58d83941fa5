//! The descriptors of `opentelemetry-proto`, by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use otlp_relay::signal::Signal;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

pub struct Descriptors {
    pub messages: HashMap<String, DescriptorProto>,
    pub enums: HashMap<String, EnumDescriptorProto>,
}

pub static DESCRIPTORS: LazyLock<Descriptors> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(opentelemetry_proto::DESCRIPTORS).unwrap();
    let mut all = Descriptors { messages: HashMap::new(), enums: HashMap::new() };
    for file in set.file {
        all.add(&format!(".{}", file.package()), file.message_type, file.enum_type);
    }
    all
});

impl Descriptors {
    fn add(&mut self, scope: &str, messages: Vec<DescriptorProto>, enums: Vec<EnumDescriptorProto>) {
        for each in enums {
            self.enums.insert(format!("{scope}.{}", each.name()), each);
        }
        for mut each in messages {
            let name = format!("{scope}.{}", each.name());
            self.add(&name, std::mem::take(&mut each.nested_type), std::mem::take(&mut each.enum_type));
            each.field.sort_by_key(FieldDescriptorProto::number);
            self.messages.insert(name, each);
        }
    }
}

/// The fields of a message, by ascending number.
pub fn fields(message: &str) -> &'static [FieldDescriptorProto] {
    &DESCRIPTORS.messages[message].field
}

pub fn field(message: &str, number: u32) -> Option<&'static FieldDescriptorProto> {
    fields(message).iter().find(|field| field.number() as u32 == number)
}

pub fn is_message(field: &FieldDescriptorProto) -> bool {
    field.r#type() == Type::Message
}

pub fn is_repeated(field: &FieldDescriptorProto) -> bool {
    field.label() == Label::Repeated
}

/// The length that a byte string has when it is an id.
pub fn id_len(field: &FieldDescriptorProto) -> Option<usize> {
    match (field.r#type(), field.name()) {
        (Type::Bytes, "trace_id" | "profile_id") => Some(16),
        (Type::Bytes, "span_id" | "parent_span_id") => Some(8),
        _ => None,
    }
}

/// What clients send in an Export call.
pub fn request(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => ".opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
        Signal::Metrics => ".opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
        Signal::Logs => ".opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
        Signal::Profiles => ".opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest",
    }
}
