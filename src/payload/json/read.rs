//! How the JSON of a request is read: value by value, straight into the wire format.
//!
//! The parser is `serde_json`'s, which skips unknown values without recursion; messages nest as deeply as protobuf's may.
//! A key that comes twice is treated as protobuf treats a field that comes twice: lists and messages are joined, of
//! anything else the last counts. Null stands for a field that is not set (ProtoJSON), and in a list for an empty element,
//! but not for a number in a list. The Collector refuses a null for a number anywhere; JavaScript writes NaN as one.

use std::fmt;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use super::fault::{Fault, JsonError, MalformedJson, Step};
use super::number::{self, Number};
use super::output::{Begun, Output};
use super::{name, text};
use crate::payload::schema::{Count, Field, Kind, MessageType};
use crate::payload::wire::MAX_DEPTH;
use crate::signal::Signal;
use crate::units::ByteCount;

/// The wire format of the request of `signal` that `json` begins with.
pub(super) fn read(signal: Signal, json: &[u8], grant: &mut dyn FnMut(ByteCount) -> bool) -> Result<Bytes, JsonError> {
    let mut reading = Reading { out: Output::new(grant), path: Vec::new(), depth: 0, refused: None };
    let mut parser = serde_json::Deserializer::from_slice(json);
    // Bounded by `Reading::enter`.
    parser.disable_recursion_limit();
    match parser.deserialize_any(Object { reading: &mut reading, message: MessageType::request(signal) }) {
        Ok(_) => Ok(reading.out.finish()),
        Err(_) if reading.refused == Some(Fault::NoRoom) => Err(JsonError::NoRoom),
        Err(error) => Err(MalformedJson::new(signal, json, &reading.path, &error).into()),
    }
}

/// What is read into, and where it has come to.
struct Reading<'g> {
    out: Output<'g>,
    /// From the request to the current value; after an error, to the value that is wrong.
    path: Vec<Step>,
    /// How many messages are open below the request.
    depth: usize,
    refused: Option<Fault>,
}

impl Reading<'_> {
    /// The parser's error for a fault of ours.
    fn refuse<E: Error>(&mut self, fault: Fault) -> E {
        let error = E::custom(&fault);
        self.refused = Some(fault);
        error
    }

    fn fields<'de, A: MapAccess<'de>>(&mut self, message: MessageType, mut map: A) -> Result<(), A::Error> {
        while let Some(found) = map.next_key_seed(Key(message))? {
            let Some(field) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.path.push(Step::Field(field));
            map.next_value_seed(Value { reading: self, field, place: Place::Field })?;
            self.path.pop();
        }
        Ok(())
    }

    fn elements<'de, A: SeqAccess<'de>>(&mut self, field: &'static Field, mut list: A) -> Result<(), A::Error> {
        for index in 0.. {
            self.path.push(Step::Element(index));
            let element = list.next_element_seed(Value { reading: self, field, place: Place::Element })?;
            self.path.pop();
            if element.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Begins the message behind `field`.
    fn enter(&mut self, field: &Field) -> Result<Begun, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        self.out.begin(field.number)
    }

    fn leave(&mut self, begun: Begun) -> Result<(), Fault> {
        self.depth -= 1;
        self.out.end(begun)
    }

    /// Ends a message that is not there after all.
    fn leave_out(&mut self, begun: Begun) -> Result<(), Fault> {
        self.depth -= 1;
        self.out.cancel(begun);
        Ok(())
    }
}

/// Whether a value stands behind a key or in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Field,
    Element,
}

/// A key of a message: which field it is, if any.
struct Key(MessageType);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        // As bytes, since a key that is no UTF-8 is an unknown one, and no error.
        key.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(name::find(self.0, key))
    }
}

/// A value of a field.
struct Value<'r, 'g> {
    reading: &'r mut Reading<'g>,
    field: &'static Field,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let Value { reading, field, place } = self;
        match field.kind {
            _ if place == Place::Field && field.count == Count::Many => value.deserialize_any(List { reading, field }),
            Kind::Message(message) => {
                let begun = reading.enter(field).map_err(|fault| reading.refuse(fault))?;
                let read = value.deserialize_any(Object { reading: &mut *reading, message })?;
                let left = match (read, place) {
                    (Read::Null, Place::Field) => reading.leave_out(begun),
                    _ => reading.leave(begun),
                };
                left.map_err(|fault| reading.refuse(fault))
            }
            Kind::String | Kind::Bytes | Kind::Id16 | Kind::Id8 => {
                value.deserialize_option(Text { reading, field, place })
            }
            _ => value.deserialize_any(Numeral { reading, field, place }),
        }
    }
}

/// What stood where a message may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Object,
    Null,
}

/// An object: the content of a message.
struct Object<'r, 'g> {
    reading: &'r mut Reading<'g>,
    message: MessageType,
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Read, A::Error> {
        self.reading.fields(self.message, map)?;
        Ok(Read::Object)
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Read::Null)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Read, E> {
        Err(E::invalid_type(A_STRING, &self))
    }
}

/// The values of a field that may have any number of them.
struct List<'r, 'g> {
    reading: &'r mut Reading<'g>,
    field: &'static Field,
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        let List { reading, field } = self;
        if !number::is_number(field.kind) {
            return reading.elements(field, list);
        }
        let begun = reading.out.begin(field.number).map_err(|fault| reading.refuse(fault))?;
        reading.elements(field, list)?;
        reading.out.end_packed(begun).map_err(|fault| reading.refuse(fault))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(A_STRING, &self))
    }
}

/// A string, a byte string or an id. What is not UTF-8 is taken as it is, and repaired with the rest of the request.
struct Text<'r, 'g> {
    reading: &'r mut Reading<'g>,
    field: &'static Field,
    place: Place,
}

impl<'de> Visitor<'de> for Text<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_bytes(self)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        match self.place {
            Place::Field => Ok(()),
            Place::Element => self.visit_bytes(&[]),
        }
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<(), E> {
        let Text { reading, field, place: _ } = self;
        let put = text::decode(field.kind, text).and_then(|content| reading.out.sized(field.number, &content));
        put.map_err(|fault| reading.refuse(fault))
    }
}

/// A number, a truth value or the name of a number.
struct Numeral<'r, 'g> {
    reading: &'r mut Reading<'g>,
    field: &'static Field,
    place: Place,
}

impl Numeral<'_, '_> {
    fn put<E: Error>(self, number: Result<Number, Fault>) -> Result<(), E> {
        let Numeral { reading, field, place } = self;
        let put = number.and_then(|number| {
            if place == Place::Field {
                reading.out.key(field.number, number::wire(field.kind))?;
            }
            number.put(field.kind, &mut reading.out)
        });
        put.map_err(|fault| reading.refuse(fault))
    }

    fn put_number<E: Error>(self, number: Number, unexpected: Unexpected<'_>) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => Err(E::invalid_type(unexpected, &self)),
            _ => self.put(Ok(number)),
        }
    }
}

impl Visitor<'_> for Numeral<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.field.kind {
            Kind::Bool => "true or false",
            Kind::Enum(_) => "a number or its name",
            Kind::Double => "a number",
            _ => "a whole number",
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => self.put(Ok(Number::Natural(u64::from(value)))),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put_number(Number::Natural(value), Unexpected::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put_number(Number::Negative(value), Unexpected::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put_number(Number::Real(value), Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => Err(E::invalid_type(A_STRING, &self)),
            kind => self.put(Number::from_text(kind, text)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.place {
            Place::Field => Ok(()),
            Place::Element => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }
}

/// Without its content, which may be of any length.
const A_STRING: Unexpected<'static> = Unexpected::Other("string");
