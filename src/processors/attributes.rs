//! The `resource` and `attributes` processors (contrib: internal/coreinternal/attraction): attributes are added, changed
//! and taken away on the wire, and everything around them stays as it came.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use prost::Message;
use ring::digest;

use crate::config::{
    AttributeAction, AttributeChange, AttributeSource, AttributeType, Attributes as Asked, AttributesOf, Pattern,
};
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next};
use crate::payload::{Around, Metadata, Owner, Payload};

use super::matching::Filter;

/// A stage that changes attributes as `asked` in front of `next`.
pub fn attributes(asked: &Asked, next: Next) -> Next {
    let owner = match asked.of {
        AttributesOf::Resource => Owner::Resources,
        AttributesOf::Item => Owner::Items,
    };
    let filter = Filter::of(&asked.matching);
    Arc::new(Stage { owner, filter, actions: asked.actions.iter().map(Action::of).collect(), next })
}

struct Stage {
    owner: Owner,
    /// None: all of them are changed.
    filter: Option<Filter>,
    actions: Vec<Action>,
    next: Next,
}

/// One action, ready to be done.
struct Action {
    key: String,
    what: What,
}

enum What {
    Put(When, Source),
    Delete(Option<Pattern>),
    Hash(Option<Pattern>),
    Extract(Pattern),
    Convert(AttributeType),
}

/// Where a value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Missing,
    There,
    Always,
}

enum Source {
    Value(Value),
    Attribute(String),
    Metadata(String),
    WithDefault(Box<Source>, Value),
}

/// Attributes with their encoded bytes, which are kept where nothing changes.
struct Encoded<'a> {
    key: String,
    bytes: std::borrow::Cow<'a, [u8]>,
}

impl Consume for Stage {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let metadata = payload.metadata().cloned();
        match payload.edited(self.owner, &mut |around, known| self.edit(around, known, metadata.as_deref())) {
            Ok(payload) => self.next.consume(payload),
            Err(error) => {
                let failure = Failure::new(Class::InvalidData, "the changed attributes are not well-formed");
                Box::pin(std::future::ready(Err(failure.because(error))))
            }
        }
    }
}

impl Stage {
    fn edit(&self, around: &Around<'_>, known: &[&[u8]], metadata: Option<&Metadata>) -> Option<Vec<Vec<u8>>> {
        if self.filter.as_ref().is_some_and(|filter| !filter.takes(around, known)) {
            return None;
        }
        let mut attributes: Vec<Encoded<'_>> = known.iter().map(|bytes| Encoded::of(bytes)).collect();
        let mut changed = false;
        for action in &self.actions {
            changed |= action.apply(&mut attributes, metadata);
        }
        changed.then(|| attributes.into_iter().map(|attribute| attribute.bytes.into_owned()).collect())
    }
}

impl Action {
    fn of(asked: &AttributeAction) -> Action {
        let what = match &asked.action {
            AttributeChange::Insert(source) => What::Put(When::Missing, Source::of(source)),
            AttributeChange::Update(source) => What::Put(When::There, Source::of(source)),
            AttributeChange::Upsert(source) => What::Put(When::Always, Source::of(source)),
            AttributeChange::Delete(pattern) => What::Delete(pattern.clone()),
            AttributeChange::Hash(pattern) => What::Hash(pattern.clone()),
            AttributeChange::Extract(pattern) => What::Extract(pattern.clone()),
            AttributeChange::Convert(to) => What::Convert(*to),
        };
        Action { key: asked.key.clone(), what }
    }

    /// Whether anything changed.
    fn apply(&self, attributes: &mut Vec<Encoded<'_>>, metadata: Option<&Metadata>) -> bool {
        let at = attributes.iter().position(|attribute| attribute.key == self.key);
        match &self.what {
            What::Put(When::Missing, _) if at.is_some() => false,
            What::Put(When::There, _) if at.is_none() => false,
            What::Put(_, source) => match source.value(attributes, metadata) {
                Some(value) => put(attributes, &self.key, value),
                None => false,
            },
            What::Delete(pattern) => {
                // Every one of that name, of which there should be one.
                let before = attributes.len();
                attributes.retain(|attribute| !self.means(&attribute.key, pattern.as_ref()));
                attributes.len() != before
            }
            What::Hash(pattern) => {
                let all = 0..attributes.len();
                let meant: Vec<usize> = all.filter(|at| self.means(&attributes[*at].key, pattern.as_ref())).collect();
                let mut changed = false;
                for at in meant {
                    changed |= attributes[at].value().is_some_and(|value| attributes[at].set(hashed(&value)));
                }
                changed
            }
            What::Extract(pattern) => self.extract(attributes, at, pattern),
            What::Convert(to) => {
                let Some(at) = at else { return false };
                let new = attributes[at].value().and_then(|value| converted(&value, *to));
                new.is_some_and(|new| attributes[at].set(new))
            }
        }
    }

    /// Whether an attribute called `key` is meant.
    fn means(&self, key: &str, pattern: Option<&Pattern>) -> bool {
        (!self.key.is_empty() && key == self.key) || pattern.is_some_and(|pattern| pattern.matches(key))
    }

    /// Each group of `pattern` becomes an attribute, where the text matches.
    fn extract(&self, attributes: &mut Vec<Encoded<'_>>, at: Option<usize>, pattern: &Pattern) -> bool {
        let Some(Value::StringValue(text)) = at.and_then(|at| attributes[at].value()) else { return false };
        let mut changed = false;
        for (name, value) in pattern.named(&text).unwrap_or_default() {
            changed |= put(attributes, name, Value::StringValue(value.to_owned()));
        }
        changed
    }
}

/// Sets the attribute `key`, which may not be there; whether that changed anything.
fn put(attributes: &mut Vec<Encoded<'_>>, key: &str, value: Value) -> bool {
    match attributes.iter_mut().find(|attribute| attribute.key == key) {
        Some(attribute) => attribute.set(value),
        None => {
            let bytes = encoded(key, value).into();
            attributes.push(Encoded { key: key.to_owned(), bytes });
            true
        }
    }
}

fn encoded(key: &str, value: Value) -> Vec<u8> {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }.encode_to_vec()
}

impl<'a> Encoded<'a> {
    /// Payloads are well-formed, so that each can be decoded.
    fn of(bytes: &'a [u8]) -> Encoded<'a> {
        let key = KeyValue::decode(bytes).map(|pair| pair.key).unwrap_or_default();
        Encoded { key, bytes: bytes.into() }
    }

    /// Whether that changed anything.
    fn set(&mut self, value: Value) -> bool {
        let new = encoded(&self.key, value);
        let changed = *self.bytes != *new;
        self.bytes = new.into();
        changed
    }

    fn value(&self) -> Option<Value> {
        KeyValue::decode(&*self.bytes).ok()?.value?.value
    }
}

impl Source {
    fn of(asked: &AttributeSource) -> Source {
        match asked {
            AttributeSource::Value(value) => Source::Value(typed(value)),
            AttributeSource::Attribute(key) => Source::Attribute(key.clone()),
            AttributeSource::Metadata(name) => Source::Metadata(name.clone()),
            AttributeSource::Context(fact) => Source::Metadata(fact.metadata_name().to_owned()),
            AttributeSource::WithDefault(source, default) => {
                Source::WithDefault(Box::new(Source::of(source)), typed(default))
            }
        }
    }

    fn value(&self, attributes: &[Encoded<'_>], metadata: Option<&Metadata>) -> Option<Value> {
        match self {
            Source::Value(value) => Some(value.clone()),
            Source::Attribute(key) => attributes.iter().find(|attribute| attribute.key == *key)?.value(),
            Source::Metadata(name) => {
                let values: Vec<&str> = metadata?.get(name).collect();
                (!values.is_empty()).then(|| Value::StringValue(values.join(";")))
            }
            Source::WithDefault(source, default) => {
                source.value(attributes, metadata).or_else(|| Some(default.clone()))
            }
        }
    }
}

/// A value of the configuration.
pub(super) fn typed(value: &serde_json::Value) -> Value {
    let any = |value: &serde_json::Value| AnyValue { value: Some(typed(value)) };
    match value {
        serde_json::Value::Bool(truth) => Value::BoolValue(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::IntValue(integer),
            (None, Some(double)) => Value::DoubleValue(double),
            (None, None) => Value::StringValue(number.to_string()),
        },
        serde_json::Value::String(text) => Value::StringValue(text.clone()),
        serde_json::Value::Array(items) => Value::ArrayValue(ArrayValue { values: items.iter().map(any).collect() }),
        serde_json::Value::Object(entries) => {
            let pair = |(key, value): (&String, &serde_json::Value)| KeyValue {
                key: key.clone(),
                value: Some(any(value)),
                ..KeyValue::default()
            };
            Value::KvlistValue(KeyValueList { values: entries.iter().map(pair).collect() })
        }
        serde_json::Value::Null => Value::StringValue(String::new()),
    }
}

/// The SHA-256 of a value, of numbers that of their bytes, the lowest first. As in the Collector an empty text stays one,
/// and lists and maps become one: nobody is to read them.
fn hashed(value: &Value) -> Value {
    let digest = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    let digest = match value {
        Value::StringValue(text) if !text.is_empty() => digest(text.as_bytes()),
        Value::BoolValue(truth) => digest(&[u8::from(*truth)]),
        Value::IntValue(number) => digest(&number.to_le_bytes()),
        Value::DoubleValue(number) => digest(&number.to_bits().to_le_bytes()),
        _ => return Value::StringValue(String::new()),
    };
    Value::StringValue(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The value as another type; none where it is of that type, or cannot be.
fn converted(value: &Value, to: AttributeType) -> Option<Value> {
    match (to, value) {
        (AttributeType::Int, Value::StringValue(text)) => text.parse().ok().map(Value::IntValue),
        (AttributeType::Int, Value::DoubleValue(number)) => Some(Value::IntValue(*number as i64)),
        (AttributeType::Int, Value::BoolValue(truth)) => Some(Value::IntValue(i64::from(*truth))),
        (AttributeType::Double, Value::StringValue(text)) => text.parse().ok().map(Value::DoubleValue),
        (AttributeType::Double, Value::IntValue(number)) => Some(Value::DoubleValue(*number as f64)),
        (AttributeType::Double, Value::BoolValue(truth)) => Some(Value::DoubleValue(f64::from(u8::from(*truth)))),
        (AttributeType::Text, Value::BoolValue(truth)) => Some(Value::StringValue(truth.to_string())),
        (AttributeType::Text, Value::IntValue(number)) => Some(Value::StringValue(number.to_string())),
        (AttributeType::Text, Value::DoubleValue(number)) => Some(Value::StringValue(number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use serde_json::json;

    use super::*;
    use crate::flow::Receipt;
    use crate::signal::Signal;

    #[derive(Default)]
    struct Taken(Mutex<Option<Payload>>);

    impl Consume for Taken {
        fn consume(&self, payload: Payload) -> Consumed<'_> {
            *self.0.lock().unwrap() = Some(payload);
            Box::pin(std::future::ready(Ok(Receipt::empty())))
        }
    }

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn text(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    /// Attributes of a resource and of its one data point.
    fn request(resource: &[KeyValue], item: &[KeyValue]) -> ExportMetricsServiceRequest {
        let point = NumberDataPoint { attributes: item.to_vec(), time_unix_nano: 7, ..NumberDataPoint::default() };
        let sum = Sum { data_points: vec![point], aggregation_temporality: 2, is_monotonic: true };
        let metric = Metric { name: "m".to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() };
        let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
        let own = Resource { attributes: resource.to_vec(), dropped_attributes_count: 3, ..Resource::default() };
        let resource_metrics =
            vec![ResourceMetrics { resource: Some(own), scope_metrics, schema_url: "urn:s".to_owned() }];
        ExportMetricsServiceRequest { resource_metrics }
    }

    fn edited(of: AttributesOf, actions: Vec<(&str, AttributeChange)>, payload: Payload) -> Payload {
        let actions = actions.into_iter().map(|(key, action)| AttributeAction { key: key.to_owned(), action });
        let taken = Arc::new(Taken::default());
        let stage =
            attributes(&Asked { of, matching: Box::default(), actions: actions.collect() }, Arc::clone(&taken) as Next);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stage.consume(payload)).unwrap();
        taken.0.lock().unwrap().take().unwrap()
    }

    /// `actions` make `after` of `before`, of resources and of items alike, and change nothing else.
    #[track_caller]
    fn check(actions: &[(&str, AttributeChange)], before: &[KeyValue], after: &[KeyValue]) {
        let other = [pair("other", text("x"))];
        for (of, sent, expected) in [
            (AttributesOf::Resource, request(before, &other), request(after, &other)),
            (AttributesOf::Item, request(&other, before), request(&other, after)),
        ] {
            let payload = Payload::parse(Signal::Metrics, sent.encode_to_vec().into()).unwrap();
            let metadata: Metadata = [("tenant", "a"), ("tenant", "b")].into_iter().collect();
            let edited = edited(of, actions.to_vec(), payload.with_metadata(Arc::new(metadata)));
            assert!(edited.metadata().is_some());
            assert_eq!(ExportMetricsServiceRequest::decode(edited.to_bytes()).unwrap(), expected, "{of:?}");
        }
    }

    fn value(value: serde_json::Value) -> AttributeSource {
        AttributeSource::Value(value)
    }

    #[test]
    fn attributes_are_added_replaced_and_taken_away() {
        use AttributeChange::{Delete, Insert, Update, Upsert};
        let before = [pair("a", text("1")), pair("b", text("2"))];
        let b = pair("b", text("2"));
        check(&[("a", Insert(value(json!("x"))))], &before, &before);
        check(&[("c", Insert(value(json!(5))))], &before[1..], &[b.clone(), pair("c", Value::IntValue(5))]);
        check(&[("a", Update(value(json!(0.5))))], &before, &[pair("a", Value::DoubleValue(0.5)), b.clone()]);
        check(&[("c", Update(value(json!("x"))))], &before, &before);
        check(&[("a", Upsert(value(json!(true))))], &before, &[pair("a", Value::BoolValue(true)), b.clone()]);
        check(&[("a", Delete(None)), ("c", Delete(None))], &before, &[b]);
        check(&[("c", Upsert(value(json!("x")))), ("c", Delete(None))], &[], &[]);
    }

    #[test]
    fn values_come_from_other_attributes_and_from_the_request() {
        use AttributeChange::Insert;
        let before = [pair("a", text("1"))];
        let from = |key: &str| Insert(AttributeSource::Attribute(key.to_owned()));
        check(&[("b", from("a")), ("c", from("none"))], &before, &[before[0].clone(), pair("b", text("1"))]);
        let header = |name: &str| Insert(AttributeSource::Metadata(name.to_owned()));
        check(&[("t", header("tenant")), ("u", header("none"))], &[], &[pair("t", text("a;b"))]);
    }

    #[test]
    fn values_are_hashed_and_converted() {
        use AttributeChange::{Convert, Hash};
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(&[("a", Hash(None)), ("none", Hash(None))], &[pair("a", text("abc"))], &[pair("a", text(abc))]);
        for (before, to, after) in [
            (text("12"), AttributeType::Int, Value::IntValue(12)),
            (text("x"), AttributeType::Int, text("x")),
            (Value::IntValue(2), AttributeType::Double, Value::DoubleValue(2.0)),
            (Value::BoolValue(true), AttributeType::Text, text("true")),
        ] {
            check(&[("a", Convert(to))], &[pair("a", before)], &[pair("a", after)]);
        }
    }

    #[test]
    fn attributes_are_meant_by_pattern_and_taken_apart() {
        use AttributeChange::{Delete, Extract, Hash};
        let pattern = |text: &str| Pattern::part(text).unwrap();
        let before = [pair("ab", text("abc")), pair("ac", Value::IntValue(1)), pair("b", text(""))];
        check(&[("", Delete(Some(pattern("^a"))))], &before, &before[2..]);
        check(&[("b", Delete(Some(pattern("^ab"))))], &before, &before[1..2]);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(
            &[("", Hash(Some(pattern("b"))))],
            &before,
            &[pair("ab", text(abc)), before[1].clone(), before[2].clone()],
        );
        let path = [pair("url", text("/api/v1/users")), pair("version", text("old"))];
        let taken_apart = [path[0].clone(), pair("version", text("v1")), pair("rest", text("users"))];
        check(&[("url", Extract(pattern("^/api/(?P<version>[^/]+)/(?P<rest>.*)$")))], &path, &taken_apart);
        check(&[("url", Extract(pattern("^/none/(?P<version>.*)$")))], &path, &path);
    }

    #[test]
    fn lists_and_maps_are_values() {
        let list = Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Value::IntValue(1)) }] });
        let map = Value::KvlistValue(KeyValueList { values: vec![pair("k", Value::BoolValue(true))] });
        let insert = |json| AttributeChange::Insert(value(json));
        check(&[("l", insert(json!([1]))), ("m", insert(json!({"k": true})))], &[], &[pair("l", list), pair("m", map)]);
    }

    #[test]
    fn what_is_not_changed_is_the_same_bytes_and_what_is_unknown_stays() {
        let mut body = request(&[pair("a", text("1"))], &[]).encode_to_vec();
        // Field 100 of the request, which nobody knows.
        body.extend_from_slice(&[0xA2, 0x06, 0x01, 0x07]);
        let payload = || Payload::parse(Signal::Metrics, Bytes::from(body.clone())).unwrap();
        let insert = |key| vec![(key, AttributeChange::Insert(value(json!("x"))))];
        assert_eq!(edited(AttributesOf::Resource, insert("a"), payload()).to_bytes(), body);
        let changed = edited(AttributesOf::Resource, insert("b"), payload());
        assert!(changed.to_bytes().ends_with(&[0xA2, 0x06, 0x01, 0x07]));
        assert_eq!(changed.items(), payload().items());
    }

    #[test]
    fn a_resource_is_made_where_there_is_none() {
        let mut sent = request(&[], &[]);
        sent.resource_metrics[0].resource = None;
        let payload = Payload::parse(Signal::Metrics, sent.encode_to_vec().into()).unwrap();
        let upsert = vec![("a", AttributeChange::Upsert(value(json!("x"))))];
        let edited = edited(AttributesOf::Resource, upsert, payload);
        let request = ExportMetricsServiceRequest::decode(edited.to_bytes()).unwrap();
        assert_eq!(request.resource_metrics[0].resource.as_ref().unwrap().attributes, [pair("a", text("x"))]);
    }
}
