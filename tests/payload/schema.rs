//! The tables are those of the `.proto` files.

use std::collections::{HashMap, HashSet};

use otlp_relay::payload::schema::{Count, Field, Kind, MessageType, Presence, Role};
use otlp_relay::signal::Signal;
use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use crate::descriptors::{self, DESCRIPTORS, fields, id_len, is_message, is_repeated};

#[test]
fn every_message_has_the_rows_of_its_descriptor() {
    for &message in MessageType::ALL {
        let described: Vec<String> = fields(&full_name(message)).iter().map(describe).collect();
        let rows: Vec<String> = message.fields().iter().map(show).collect();
        assert_eq!(rows, described, "{}", message.name());
    }
}

#[test]
fn every_message_that_a_request_can_have_in_it_has_a_table() {
    let mut found: HashSet<String> = HashSet::new();
    let mut open: Vec<String> = Signal::ALL.map(|signal| descriptors::request(signal).to_owned()).into();
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(fields(&name).iter().filter(|f| is_message(f)).map(|field| field.type_name().to_owned()));
        }
    }
    let tables: HashSet<String> = MessageType::ALL.iter().map(|&message| full_name(message)).collect();
    assert_eq!(tables, found);
    for signal in Signal::ALL {
        assert_eq!(full_name(MessageType::request(signal)), descriptors::request(signal));
    }
}

#[test]
fn every_enumeration_has_all_its_names() {
    let rows = MessageType::ALL.iter().flat_map(|message| message.fields());
    let enums: HashMap<&str, _> = rows
        .filter_map(|row| match row.kind {
            Kind::Enum(each) => Some((each.name, each.values)),
            _ => None,
        })
        .collect();
    assert_eq!(enums.len(), 4);
    for (name, values) in enums {
        let described = DESCRIPTORS.enums[&format!(".{name}")].value.iter();
        let described: Vec<(i32, &str)> = described.map(|value| (value.number(), value.name())).collect();
        assert_eq!(values, described, "{name}");
    }
}

#[test]
fn only_the_way_to_the_items_leads_to_items() {
    let leads = |message: MessageType| message.fields().iter().any(|row| row.role != Role::Header);
    for row in MessageType::ALL.iter().flat_map(|message| message.fields()) {
        let inner = row.kind.message().is_some_and(leads);
        assert_eq!(inner, matches!(row.role, Role::Leads | Role::LeadsAlone), "{}", row.name);
    }
    let items = |row: &&Field| row.role == Role::Item;
    let items = MessageType::ALL.iter().flat_map(|message| message.fields()).filter(items);
    let mut names: Vec<&str> = items.map(|row| row.name).collect();
    names.dedup();
    assert_eq!(names, ["spans", "data_points", "log_records", "samples"]);
}

#[test]
fn what_the_collector_always_shows_are_messages() {
    let rows = MessageType::ALL.iter().flat_map(|message| message.fields());
    let shown: Vec<&Field> = rows.filter(|row| row.presence == Presence::Always).collect();
    assert!(shown.iter().all(|row| row.kind.message().is_some() && row.count == Count::One));
    let mut names: Vec<&str> = shown.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["body", "resource", "scope", "status"]);
}

fn full_name(message: MessageType) -> String {
    format!(".{}", message.name())
}

fn show(row: &Field) -> String {
    let kind = match row.kind {
        Kind::Enum(each) => format!(".{}", each.name),
        Kind::Message(inner) => full_name(inner),
        kind => format!("{kind:?}"),
    };
    let presence = match row.presence {
        Presence::Always => Presence::Implicit,
        presence => presence,
    };
    format!("{} {} {kind} {:?} {presence:?}", row.number, row.name, row.count)
}

fn describe(field: &FieldDescriptorProto) -> String {
    let kind = match (field.r#type(), id_len(field)) {
        (Type::Message | Type::Enum, _) => field.type_name().to_owned(),
        (_, Some(16)) => format!("{:?}", Kind::Id16),
        (_, Some(_)) => format!("{:?}", Kind::Id8),
        (kind, None) => format!("{kind:?}"),
    };
    let count = if is_repeated(field) { Count::Many } else { Count::One };
    let presence = match field.oneof_index {
        Some(_) if field.proto3_optional() => Presence::Explicit,
        Some(_) => Presence::Alternative,
        None => Presence::Implicit,
    };
    format!("{} {} {kind} {count:?} {presence:?}", field.number(), field.name())
}
