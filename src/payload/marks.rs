//! Which attributes mark the items of a request, read where they stand on the wire: nothing is decoded but them.

use super::Payload;
use super::schema::{Kind, MessageType, Role};
use super::wire::{Reader, fields, put_prefix};

/// The two attributes by which items are told apart.
#[derive(Clone, Debug)]
pub struct Marks {
    of_resource: Attribute,
    of_item: Attribute,
    /// The field numbers of `AnyValue`.
    text: u32,
    integer: u32,
}

/// What marks one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The text attribute of its resource.
    pub of_resource: Option<&'a [u8]>,
    /// The integer attribute of its own.
    pub of_item: Option<i64>,
}

/// One attribute, by its key.
#[derive(Clone, Debug)]
struct Attribute {
    /// The field of its key, as an encoder writes it in front of the value.
    lead: Vec<u8>,
    key: &'static str,
    /// The field numbers of `KeyValue`.
    key_field: u32,
    value_field: u32,
}

impl Marks {
    /// The text attribute `of_resource` of resources, and the integer attribute `of_item` of items.
    pub fn new(of_resource: &'static str, of_item: &'static str) -> Marks {
        Marks {
            of_resource: Attribute::new(of_resource),
            of_item: Attribute::new(of_item),
            text: number(MessageType::AnyValue, "string_value"),
            integer: number(MessageType::AnyValue, "int_value"),
        }
    }

    /// Tells `seen` of each item of `payload`, in their order. A profile's samples have no attributes of this form: a
    /// request of profiles has no marks.
    pub fn read(&self, payload: &Payload, seen: &mut dyn FnMut(Mark<'_>)) {
        let body = payload.to_bytes();
        self.message(MessageType::request(payload.signal()), &body, None, seen);
    }

    /// Goes through a message that leads to items. Messages do so four levels deep at most, by the schema.
    fn message(&self, kind: MessageType, message: &[u8], of_resource: Option<&[u8]>, seen: &mut dyn FnMut(Mark<'_>)) {
        let of_resource = of_resource.or_else(|| self.of_resource(kind, message));
        for row in kind.fields() {
            let Kind::Message(inner) = row.kind else { continue };
            let contents = || fields(message).filter(|field| field.number == row.number).map(|field| field.content);
            match row.role {
                Role::Header => {}
                Role::Leads | Role::LeadsAlone => {
                    contents().for_each(|content| self.message(inner, content, of_resource, seen));
                }
                Role::Item => {
                    let Some(attributes) = attributes_of(inner) else { continue };
                    for item in contents() {
                        seen(Mark { of_resource, of_item: self.integer(self.of_item.find(item, attributes)) });
                    }
                }
            }
        }
    }

    /// The text of the resource in `message`, whichever place it has there.
    fn of_resource<'a>(&self, kind: MessageType, message: &'a [u8]) -> Option<&'a [u8]> {
        let row = kind.fields().iter().find(|row| row.kind == Kind::Message(MessageType::Resource))?;
        let attributes = attributes_of(MessageType::Resource)?;
        let resources = fields(message).filter(|field| field.number == row.number);
        let value = resources.filter_map(|field| self.of_resource.find(field.content, attributes)).last()?;
        fields(value).filter(|field| field.number == self.text).map(|field| field.content).last()
    }

    fn integer(&self, value: Option<&[u8]>) -> Option<i64> {
        let mut reader = Reader::new(value?);
        let mut found = None;
        while 0 < reader.left() {
            let key = reader.key().ok()?;
            if key.number == self.integer {
                found = Some(reader.varint().ok()?.cast_signed());
            } else {
                reader.skip(key, 1).ok()?;
            }
        }
        found
    }
}

impl Attribute {
    fn new(key: &'static str) -> Attribute {
        let key_field = number(MessageType::KeyValue, "key");
        let mut lead = Vec::new();
        put_prefix(&mut lead, key_field, key.len() as u64);
        lead.extend_from_slice(key.as_bytes());
        Attribute { lead, key, key_field, value_field: number(MessageType::KeyValue, "value") }
    }

    /// The value that it has in `message`, whose attributes are the field `attributes`.
    fn find<'a>(&self, message: &'a [u8], attributes: u32) -> Option<&'a [u8]> {
        fields(message).filter(|field| field.number == attributes).find_map(|field| self.value(field.content))
    }

    /// The value in `pair`, if it is this attribute.
    fn value<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let rest = match pair.strip_prefix(&self.lead[..]) {
            Some(rest) => rest,
            // The key stands in front, and it is another one.
            None if pair.first() == self.lead.first() => return None,
            None => {
                let key = fields(pair).filter(|field| field.number == self.key_field).last()?;
                if key.content != self.key.as_bytes() {
                    return None;
                }
                pair
            }
        };
        fields(rest).filter(|field| field.number == self.value_field).map(|field| field.content).last()
    }
}

/// The number of the attributes in messages of `kind`, if they have attributes of their own.
fn attributes_of(kind: MessageType) -> Option<u32> {
    kind.fields().iter().find(|row| row.name == "attributes").map(|row| row.number)
}

/// The number of a field that the schema has; 0, which no field has, for any other.
fn number(kind: MessageType, name: &str) -> u32 {
    kind.fields().iter().find(|row| row.name == name).map_or(0, |row| row.number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::signal::Signal;

    #[track_caller]
    fn check(signal: Signal, json: &str, expected: &[(Option<&str>, Option<i64>)]) {
        let payload = Payload::from_json(signal, json.as_bytes()).unwrap();
        let mut found = Vec::new();
        Marks::new("run", "place").read(&payload, &mut |mark| {
            let run = mark.of_resource.map(|run| String::from_utf8(run.to_vec()).unwrap());
            found.push((run, mark.of_item));
        });
        let found: Vec<_> = found.iter().map(|(run, place)| (run.as_deref(), *place)).collect();
        assert_eq!(found, expected);
    }

    const RUN: &str = r#"{"key": "run", "value": {"stringValue": "a"}}"#;
    const OTHER: &str = r#"{"key": "ruin", "value": {"stringValue": "b"}}"#;

    fn at(place: &str) -> String {
        format!(r#""attributes": [{OTHER}, {{"key": "place", "value": {{"intValue": "{place}"}}}}]"#)
    }

    #[test]
    fn spans_and_records_are_told_by_their_resource_and_their_own_place() {
        let traces = format!(
            r#"{{"resourceSpans": [
                {{"scopeSpans": [{{"spans": [{{ {} }}, {{}}]}}], "resource": {{"attributes": [{OTHER}, {RUN}]}}}},
                {{"resource": {{"attributes": [{OTHER}]}}, "scopeSpans": [{{"spans": [{{ {} }}]}}]}}]}}"#,
            at("7"),
            at("-1")
        );
        check(Signal::Traces, &traces, &[(Some("a"), Some(7)), (Some("a"), None), (None, Some(-1))]);
        let logs = format!(
            r#"{{"resourceLogs": [{{"resource": {{"attributes": [{RUN}]}}, "scopeLogs": [{{"logRecords": [{{ {} }}]}}]}}]}}"#,
            at("0")
        );
        check(Signal::Logs, &logs, &[(Some("a"), Some(0))]);
    }

    #[test]
    fn data_points_of_every_kind_are_told() {
        let metrics: Vec<String> = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"]
            .iter()
            .enumerate()
            .map(|(place, kind)| format!(r#"{{"{kind}": {{"dataPoints": [{{ {} }}]}}}}"#, at(&place.to_string())))
            .collect();
        let json = format!(
            r#"{{"resourceMetrics": [{{"resource": {{"attributes": [{RUN}]}}, "scopeMetrics": [{{"metrics": [{}]}}]}}]}}"#,
            metrics.join(",")
        );
        check(Signal::Metrics, &json, &[0, 1, 2, 3, 4].map(|place| (Some("a"), Some(place))));
    }

    #[test]
    fn the_value_may_stand_in_front_of_its_key() {
        let marks = Marks::new("run", "place");
        // value { int_value: 5 }, then the key.
        let mut pair = vec![0x12, 2, 0x18, 5, 0x0a, 5];
        pair.extend_from_slice(b"place");
        assert_eq!(marks.integer(marks.of_item.value(&pair)), Some(5));
        assert_eq!(marks.of_resource.value(&pair), None);
    }

    #[test]
    fn what_has_another_type_is_no_mark() {
        let json = r#"{"resourceSpans": [{"resource": {"attributes": [{"key": "run", "value": {"intValue": "1"}}]},
            "scopeSpans": [{"spans": [{"attributes": [{"key": "place", "value": {"stringValue": "1"}}]}]}]}]}"#;
        check(Signal::Traces, json, &[(None, None)]);
    }
}
