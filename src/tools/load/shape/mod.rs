//! What does generated telemetry look like? Like that of a shop's services: the attributes, sizes and kinds of real ones.
//!
//! Whatever changes from request to request has the placeholders below, which a template finds again in the encoded
//! request.

mod logs;
mod metrics;
mod traces;

use std::ops::Range;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::signal::Signal;
use crate::tools::sequence::{RUN, SEQUENCE};

/// Stands for the trace id of an item.
pub(super) const TRACE_ID: [u8; 16] = *b"\xfeload\xf5trace\xf6id\xff\xfa";
/// Stands for the span id of an item.
pub(super) const SPAN_ID: [u8; 8] = *b"\xfespan\xf5id";
/// Stands for the time that a span begins.
pub(super) const START: u64 = 1_357_913_579_135_791_357;
/// Stands for the time of an item, or of its end.
pub(super) const END: u64 = 1_246_812_468_124_681_246;

/// What a request is to hold.
#[derive(Clone, Debug)]
pub(super) struct Order<'a> {
    /// The run that it belongs to.
    pub(super) run: &'a str,
    /// The places of its items in the run: one item for each.
    pub(super) sequences: Range<u64>,
    /// Which of the kinds of items comes first: requests of one item are to be of all kinds, in turn.
    pub(super) variant: u64,
    /// When the run began, in nanoseconds since 1970.
    pub(super) began: u64,
    /// The length of an attribute that each item has beside the usual ones; none for 0.
    pub(super) attribute_size: usize,
}

/// Writes a request.
type Shape = fn(&Order<'_>) -> Vec<u8>;

/// The signals that there are shapes for, with the encoded request of each.
const SHAPES: [(Signal, Shape); 3] =
    [(Signal::Traces, traces::request), (Signal::Metrics, metrics::request), (Signal::Logs, logs::request)];

/// The signals that can be generated.
pub(crate) fn signals() -> impl Iterator<Item = Signal> {
    SHAPES.iter().map(|(signal, _)| *signal)
}

/// The protobuf request of `signal`, with placeholders; nothing for a signal that has no shape.
pub(super) fn request(signal: Signal, order: &Order<'_>) -> Option<Vec<u8>> {
    let (_, request) = SHAPES.iter().find(|(known, _)| *known == signal)?;
    Some(request(order))
}

impl Order<'_> {
    /// The items: the sequence of each, and a number by which its kind is chosen.
    fn items(&self) -> impl Iterator<Item = (u64, u64)> {
        self.sequences.clone().zip(self.variant..)
    }

    fn dice(&self, signal: u64) -> Dice {
        Dice(fastrand::Rng::with_seed(signal ^ self.variant))
    }
}

/// The service that everything is from.
fn resource(order: &Order<'_>) -> Resource {
    let attributes = vec![
        text("service.name", "checkout"),
        text("service.namespace", "shop"),
        text("service.version", "2.14.3"),
        text("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        text("deployment.environment.name", "load-test"),
        text("host.name", "ip-10-32-5-117.eu-west-1.compute.internal"),
        text("k8s.namespace.name", "shop-prod"),
        text("k8s.pod.name", "checkout-6d4b75cb6d-hx7kq"),
        text("k8s.node.name", "node-eu-west-1b-07"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.language", "java"),
        text("telemetry.sdk.version", "1.45.0"),
        int("process.pid", 7431),
        text(RUN, order.run),
    ];
    Resource { attributes, ..Resource::default() }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.to_owned(), version: "2.11.0".to_owned(), ..InstrumentationScope::default() }
}

/// What every item has: its place in the run, and as much more as is ordered.
fn marks(order: &Order<'_>, sequence: u64, dice: &mut Dice) -> Vec<KeyValue> {
    let mut marks = vec![int(SEQUENCE, i64::try_from(sequence).unwrap_or(i64::MAX))];
    if order.attribute_size > 0 {
        marks.push(text("app.context", &dice.words(order.attribute_size)));
    }
    marks
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// Random numbers that are the same in every run, so that runs can be compared.
struct Dice(fastrand::Rng);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end.max(1))
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        self.0.choice(of).copied()
    }

    fn id(&mut self) -> Vec<u8> {
        self.0.u64(1..).to_be_bytes().to_vec()
    }

    /// Words that compress about as well as identifiers do, `len` bytes of them.
    fn words(&mut self, len: usize) -> String {
        let mut words = String::with_capacity(len + 9);
        while words.len() < len {
            words.push_str(&format!("{:08x}-", self.0.u32(..)));
        }
        words.truncate(len);
        words
    }
}

/// A one-to-one scramble of all 64-bit numbers (the last steps of splitmix64): what it makes of different numbers differs.
pub(super) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
