//! Random requests, made from the descriptors: as SDKs send them, and as only the wire format allows.

use otlp_relay::signal::Signal;
use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use crate::descriptors::{self, fields, id_len, is_repeated};
use crate::dice::Dice;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Style {
    /// Well-formed, with some unknown fields; fields in ascending order.
    Plain,
    /// Fields in any order and several times, long varints, groups, deep nesting, invalid UTF-8, a few mistakes.
    Odd,
}

/// A request of about `size` fields.
pub fn request(dice: &mut Dice, signal: Signal, style: Style, size: usize) -> Vec<u8> {
    let mut maker = Maker { dice, style, left: size };
    maker.message(descriptors::request(signal), 0)
}

struct Maker<'a> {
    dice: &'a mut Dice,
    style: Style,
    /// How many fields may still be made.
    left: usize,
}

impl Maker<'_> {
    fn message(&mut self, name: &str, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if self.odd(40) && name.ends_with(".AnyValue") {
            return self.deep_value();
        }
        for field in self.chosen(name, depth) {
            self.left = self.left.saturating_sub(1);
            self.field(field, depth, &mut out);
            if self.odd(60) {
                self.unknown(&mut out);
            }
        }
        if self.dice.one_in(10) {
            self.unknown(&mut out);
        }
        out
    }

    /// Which fields the message has, and how often.
    fn chosen(&mut self, name: &str, depth: usize) -> Vec<&'static FieldDescriptorProto> {
        let mut chosen: Vec<&'static FieldDescriptorProto> = Vec::new();
        for field in fields(name) {
            let leaf = !descriptors::is_message(field);
            let times = match () {
                () if !leaf && self.left == 0 => 0,
                () if is_repeated(field) => 1 + self.dice.below(if depth < 3 { 4 } else { 2 }) - usize::from(3 < depth),
                () if self.odd(8) => 2,
                () => usize::from(!self.dice.one_in(3)),
            };
            chosen.extend(std::iter::repeat_n(field, times));
        }
        self.settle_oneofs(&mut chosen);
        if self.style == Style::Odd {
            for _ in 0..self.dice.below(4) {
                let (a, b) = (self.dice.below(chosen.len()), self.dice.below(chosen.len()));
                if a < chosen.len() && b < chosen.len() {
                    chosen.swap(a, b);
                }
            }
        }
        chosen
    }

    /// Keeps one alternative of each `oneof`; odd requests keep several, now and then.
    fn settle_oneofs(&mut self, chosen: &mut Vec<&'static FieldDescriptorProto>) {
        let is_alternative = |field: &FieldDescriptorProto| field.oneof_index.is_some() && !field.proto3_optional();
        let alternatives = chosen.iter().filter(|field| is_alternative(field)).count();
        if alternatives == 0 || self.odd(6) {
            return;
        }
        let keep = self.dice.below(alternatives);
        let mut seen = 0;
        chosen.retain(|field| {
            let index = seen;
            seen += usize::from(is_alternative(field));
            !is_alternative(field) || index == keep
        });
    }

    fn field(&mut self, field: &FieldDescriptorProto, depth: usize, out: &mut Vec<u8>) {
        let number = field.number() as u32;
        let numeric = !matches!(field.r#type(), Type::Message | Type::String | Type::Bytes);
        if numeric && is_repeated(field) && !self.odd(3) {
            let values: Vec<u8> = (0..self.dice.below(5)).flat_map(|_| self.number(field.r#type()).1).collect();
            self.sized(number, &values, out);
        } else if numeric {
            let (wire, value) = self.number(field.r#type());
            let wire = if self.odd(600) { (wire + 1) % 8 } else { wire };
            self.key(number, wire, out);
            out.extend(value);
        } else {
            let content = match field.r#type() {
                Type::Message => self.message(field.type_name(), depth + 1),
                Type::String => self.text(),
                _ => self.byte_string(id_len(field)),
            };
            self.sized(number, &content, out);
        }
    }

    fn number(&mut self, kind: Type) -> (u32, Vec<u8>) {
        match kind {
            Type::Fixed32 => (5, self.dice.bytes(4)),
            Type::Fixed64 | Type::Sfixed64 | Type::Double => (1, self.dice.bytes(8)),
            _ => {
                let shift = self.dice.below(64);
                let value = self.dice.next() >> shift;
                (0, self.varint(value))
            }
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let words =
            ["", "a", "GET", "http.request.method", "Zürich", "日本語のテキスト", "service.instance.id/0123456789"];
        let mut text = words[self.dice.below(words.len())].as_bytes().to_vec();
        if self.odd(12) {
            let len = self.dice.below(60);
            text.extend(self.dice.bytes(len));
        }
        text
    }

    fn byte_string(&mut self, id: Option<usize>) -> Vec<u8> {
        let len = match id {
            Some(_) if self.dice.one_in(5) => 0,
            Some(_) if self.odd(300) => 3,
            Some(len) => len,
            None => self.dice.below(20),
        };
        self.dice.bytes(len)
    }

    /// A field that no schema knows.
    fn unknown(&mut self, out: &mut Vec<u8>) {
        let number = [17, 100, 1000, (1 << 29) - 1][self.dice.below(4)];
        match self.dice.below(if self.style == Style::Odd { 5 } else { 4 }) {
            0 => {
                self.key(number, 0, out);
                let value = self.dice.next();
                out.extend(self.varint(value));
            }
            1 => {
                self.key(number, 1, out);
                out.extend(self.dice.bytes(8));
            }
            2 => {
                self.key(number, 5, out);
                out.extend(self.dice.bytes(4));
            }
            3 => {
                let len = self.dice.below(30);
                let content = self.dice.bytes(len);
                self.sized(number, &content, out);
            }
            _ => self.group(number, 0, out),
        }
    }

    fn group(&mut self, number: u32, depth: usize, out: &mut Vec<u8>) {
        self.key(number, 3, out);
        if depth < 120 && !self.dice.one_in(if depth == 0 { 2 } else { 40 }) {
            self.group(number + 1, depth + 1, out);
        }
        if depth == 0 {
            self.key(5, 0, out);
            out.push(1);
        }
        let wrong = u32::from(self.odd(500));
        self.key(number + wrong, 4, out);
    }

    /// Lists in lists, to about the depth that is allowed.
    fn deep_value(&mut self) -> Vec<u8> {
        let mut value = if self.dice.one_in(2) { vec![0x10, 1] } else { vec![0xa0, 0x06, 1] };
        for _ in 0..38 + self.dice.below(12) {
            let mut list = Vec::new();
            self.sized(1, &value, &mut list);
            value.clear();
            self.sized(5, &list, &mut value);
        }
        value
    }

    fn sized(&mut self, number: u32, content: &[u8], out: &mut Vec<u8>) {
        self.key(number, 2, out);
        out.extend(self.varint(content.len() as u64));
        out.extend(content);
    }

    fn key(&mut self, number: u32, wire: u32, out: &mut Vec<u8>) {
        out.extend(self.varint(u64::from(number << 3 | wire)));
    }

    fn varint(&mut self, value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        prost::encoding::encode_varint(value, &mut bytes);
        if self.odd(30) {
            let padding = self.dice.below(11 - bytes.len());
            for _ in 0..padding {
                *bytes.last_mut().unwrap() |= 0x80;
                bytes.push(0);
            }
        }
        bytes
    }

    fn odd(&mut self, n: usize) -> bool {
        self.style == Style::Odd && self.dice.one_in(n)
    }
}
