//! Which items the `attributes` processor changes: `include` and `exclude`, asked of the bytes on the wire.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;

use crate::config::{AttributeMatch, LibraryMatch, MatchProperties, Matching, SeverityMatch, TextMatch, ValueMatch};
use crate::payload::schema::{Kind, MessageType};
use crate::payload::{Around, Part};

use super::attributes::typed;

/// Tells which items are changed.
pub(super) struct Filter {
    include: Option<Properties>,
    exclude: Option<Properties>,
}

/// What an item has to be, ready to be asked.
struct Properties {
    /// A field with a text, in the message that the item is or is in.
    texts: Vec<(MessageType, &'static str, Vec<TextMatch>)>,
    kinds: Vec<TextMatch>,
    bodies: Vec<TextMatch>,
    severity: Option<SeverityMatch>,
    services: Vec<TextMatch>,
    attributes: Vec<Wanted>,
    resources: Vec<Wanted>,
    libraries: Vec<LibraryMatch>,
}

struct Wanted {
    key: String,
    value: Option<WantedValue>,
}

enum WantedValue {
    Exact(Value),
    Text(TextMatch),
}

impl Filter {
    /// None where every item is changed.
    pub(super) fn of(asked: &Matching) -> Option<Filter> {
        if *asked == Matching::default() {
            return None;
        }
        Some(Filter {
            include: asked.include.as_ref().map(Properties::of),
            exclude: asked.exclude.as_ref().map(Properties::of),
        })
    }

    /// Whether the item is changed that has these `attributes`, each an encoded `KeyValue`.
    pub(super) fn takes(&self, around: &Around<'_>, attributes: &[&[u8]]) -> bool {
        let fits = |properties: &Properties| properties.fit(around, attributes);
        self.include.as_ref().is_none_or(fits) && !self.exclude.as_ref().is_some_and(fits)
    }
}

impl Properties {
    fn of(asked: &MatchProperties) -> Properties {
        let wanted = |all: &[AttributeMatch]| all.iter().map(Wanted::of).collect();
        Properties {
            texts: vec![
                (MessageType::Span, "name", asked.span_names.clone()),
                (MessageType::Metric, "name", asked.metric_names.clone()),
                (MessageType::LogRecord, "severity_text", asked.log_severity_texts.clone()),
            ],
            kinds: asked.span_kinds.clone(),
            bodies: asked.log_bodies.clone(),
            severity: asked.log_severity_number,
            services: asked.services.clone(),
            attributes: wanted(&asked.attributes),
            resources: wanted(&asked.resources),
            libraries: asked.libraries.clone(),
        }
    }

    fn fit(&self, around: &Around<'_>, attributes: &[&[u8]]) -> bool {
        let texts = self.texts.iter().filter(|(_, _, wanted)| !wanted.is_empty());
        let mut texts = texts.map(|(kind, field, wanted)| {
            let text = around.message(*kind).map(|message| message.text(field));
            text.is_some_and(|text| any_fits(wanted, text))
        });
        texts.all(|fits| fits)
            && (self.kinds.is_empty() || self.kind_fits(around))
            && (self.bodies.is_empty() || self.body_fits(around))
            && self.severity.is_none_or(|severity| severity_fits(severity, around))
            && self.resource_fits(around)
            && (self.libraries.is_empty() || self.library_fits(around))
            && self.attributes.iter().all(|wanted| wanted.is_among(attributes.iter().copied()))
    }

    /// By its whole name, or by its last word.
    fn kind_fits(&self, around: &Around<'_>) -> bool {
        let Some(span) = around.message(MessageType::Span) else { return false };
        let field = MessageType::Span.fields().iter().find(|field| field.name == "kind");
        let Some(Kind::Enum(names)) = field.map(|field| field.kind) else { return false };
        let number = span.number("kind");
        let name = names.values.iter().find(|(known, _)| u64::try_from(*known) == Ok(number)).map(|(_, name)| *name);
        let name = name.unwrap_or("SPAN_KIND_UNSPECIFIED");
        let word = name.strip_prefix("SPAN_KIND_").unwrap_or_default();
        let short = word.char_indices().map(|(at, c)| if at == 0 { c } else { c.to_ascii_lowercase() });
        any_fits(&self.kinds, name) || any_fits(&self.kinds, &short.collect::<String>())
    }

    fn body_fits(&self, around: &Around<'_>) -> bool {
        let Some(record) = around.message(MessageType::LogRecord) else { return false };
        let Some(body) = record.bytes("body").last() else { return false };
        match AnyValue::decode(body).ok().and_then(|body| body.value) {
            Some(Value::StringValue(text)) => any_fits(&self.bodies, &text),
            _ => false,
        }
    }

    fn resource_fits(&self, around: &Around<'_>) -> bool {
        if self.services.is_empty() && self.resources.is_empty() {
            return true;
        }
        let attributes: Vec<&[u8]> =
            around.beside(MessageType::Resource).flat_map(|resource: Part<'_>| resource.bytes("attributes")).collect();
        let service = || match value_of("service.name", attributes.iter().copied()) {
            Some(Value::StringValue(name)) => any_fits(&self.services, &name),
            _ => false,
        };
        (self.services.is_empty() || service())
            && self.resources.iter().all(|wanted| wanted.is_among(attributes.iter().copied()))
    }

    fn library_fits(&self, around: &Around<'_>) -> bool {
        let scope = around.beside(MessageType::InstrumentationScope).last();
        let text = |name| scope.map(|scope| scope.text(name)).unwrap_or_default();
        let (name, version) = (text("name"), text("version"));
        self.libraries.iter().any(|library| {
            library.name.fits(name) && library.version.as_ref().is_none_or(|wanted| wanted.fits(version))
        })
    }
}

impl Wanted {
    fn of(asked: &AttributeMatch) -> Wanted {
        let value = asked.value.as_ref().map(|value| match value {
            ValueMatch::Exact(value) => WantedValue::Exact(typed(value)),
            ValueMatch::Pattern(pattern) => WantedValue::Text(TextMatch::Pattern(pattern.clone())),
        });
        Wanted { key: asked.key.clone(), value }
    }

    fn is_among<'a>(&self, attributes: impl Iterator<Item = &'a [u8]>) -> bool {
        let found = value_of(&self.key, attributes);
        match (&self.value, found) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(WantedValue::Exact(wanted)), Some(found)) => *wanted == found,
            (Some(WantedValue::Text(wanted)), Some(Value::StringValue(found))) => wanted.fits(&found),
            (Some(WantedValue::Text(_)), Some(_)) => false,
        }
    }
}

/// The value of the attribute `key`; an attribute without a value has an empty text.
fn value_of<'a>(key: &str, mut attributes: impl Iterator<Item = &'a [u8]>) -> Option<Value> {
    attributes.find_map(|bytes| {
        let pair = KeyValue::decode(bytes).ok().filter(|pair| pair.key == key)?;
        Some(pair.value.and_then(|value| value.value).unwrap_or(Value::StringValue(String::new())))
    })
}

fn severity_fits(wanted: SeverityMatch, around: &Around<'_>) -> bool {
    let Some(record) = around.message(MessageType::LogRecord) else { return false };
    match record.number("severity_number") {
        0 => wanted.match_undefined,
        number => wanted.min <= number,
    }
}

fn any_fits(wanted: &[TextMatch], text: &str) -> bool {
    wanted.iter().any(|wanted| wanted.fits(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use serde_json::json;

    use super::*;
    use crate::config::Pattern;
    use crate::payload::{Owner, Payload};
    use crate::signal::Signal;

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn text(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    fn resource() -> Option<Resource> {
        let attributes = vec![pair("service.name", text("shop")), pair("tier", text("gold"))];
        Some(Resource { attributes, ..Resource::default() })
    }

    fn scope() -> Option<InstrumentationScope> {
        Some(InstrumentationScope {
            name: "lib".to_owned(),
            version: "1.2".to_owned(),
            ..InstrumentationScope::default()
        })
    }

    fn attributes() -> Vec<KeyValue> {
        vec![pair("code", Value::IntValue(200)), pair("path", text("/api/v1"))]
    }

    /// One item of each signal, with the same attributes.
    fn payloads() -> [Payload; 3] {
        let span = Span { name: "GET /".to_owned(), kind: 2, attributes: attributes(), ..Span::default() };
        let scope_spans = vec![ScopeSpans { scope: scope(), spans: vec![span], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
        let point = NumberDataPoint { attributes: attributes(), ..NumberDataPoint::default() };
        let data = Some(Data::Gauge(Gauge { data_points: vec![point] }));
        let metrics = vec![Metric { name: "temperature".to_owned(), data, ..Metric::default() }];
        let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
        let resource_metrics =
            vec![ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() }];
        let record = LogRecord {
            severity_number: 13,
            severity_text: "WARN".to_owned(),
            body: Some(AnyValue { value: Some(text("disk is full")) }),
            attributes: attributes(),
            ..LogRecord::default()
        };
        let scope_logs = vec![ScopeLogs { scope: scope(), log_records: vec![record], ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
        let parse = |signal, body: Vec<u8>| Payload::parse(signal, body.into()).unwrap();
        [
            parse(Signal::Traces, ExportTraceServiceRequest { resource_spans }.encode_to_vec()),
            parse(Signal::Metrics, ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()),
            parse(Signal::Logs, ExportLogsServiceRequest { resource_logs }.encode_to_vec()),
        ]
    }

    /// Which of span, data point and log record have these properties.
    #[track_caller]
    fn check(properties: MatchProperties, expected: [bool; 3]) {
        let include = Filter::of(&Matching { include: Some(properties.clone()), exclude: None }).unwrap();
        let exclude = Filter::of(&Matching { include: None, exclude: Some(properties.clone()) }).unwrap();
        let found = payloads().map(|payload| {
            let mut taken = Vec::new();
            let mut editor = |around: &Around<'_>, known: &[&[u8]]| {
                taken.push((include.takes(around, known), exclude.takes(around, known)));
                None
            };
            payload.edited(Owner::Items, &mut editor).unwrap();
            assert_eq!(taken.len(), 1);
            assert_ne!(taken[0].0, taken[0].1, "{properties:?}");
            taken[0].0
        });
        assert_eq!(found, expected, "{properties:?}");
    }

    fn exact(texts: &[&str]) -> Vec<TextMatch> {
        texts.iter().map(|text| TextMatch::Exact((*text).to_owned())).collect()
    }

    fn pattern(text: &str) -> Vec<TextMatch> {
        vec![TextMatch::Pattern(Pattern::part(text).unwrap())]
    }

    #[test]
    fn items_are_told_by_their_names_and_kinds() {
        let all = MatchProperties::default;
        check(MatchProperties { span_names: exact(&["x", "GET /"]), ..all() }, [true, false, false]);
        check(MatchProperties { span_names: pattern("^GET"), ..all() }, [true, false, false]);
        check(MatchProperties { span_names: pattern("^PUT"), ..all() }, [false; 3]);
        check(MatchProperties { span_kinds: exact(&["SPAN_KIND_SERVER"]), ..all() }, [true, false, false]);
        check(MatchProperties { span_kinds: exact(&["Server"]), ..all() }, [true, false, false]);
        check(MatchProperties { span_kinds: exact(&["Client"]), ..all() }, [false; 3]);
        check(MatchProperties { metric_names: pattern("temp"), ..all() }, [false, true, false]);
        check(MatchProperties { log_bodies: pattern("full$"), ..all() }, [false, false, true]);
        check(MatchProperties { log_severity_texts: exact(&["WARN"]), ..all() }, [false, false, true]);
        for (min, expected) in [(9, true), (13, true), (17, false)] {
            let severity = SeverityMatch { min, match_undefined: false };
            check(MatchProperties { log_severity_number: Some(severity), ..all() }, [false, false, expected]);
        }
    }

    #[test]
    fn items_are_told_by_attributes_resource_and_scope() {
        let all = MatchProperties::default;
        let has = |key: &str, value: Option<ValueMatch>| vec![AttributeMatch { key: key.to_owned(), value }];
        let value = |value| Some(ValueMatch::Exact(value));
        check(MatchProperties { services: exact(&["shop"]), ..all() }, [true; 3]);
        check(MatchProperties { services: exact(&["sho"]), ..all() }, [false; 3]);
        check(MatchProperties { resources: has("tier", value(json!("gold"))), ..all() }, [true; 3]);
        check(MatchProperties { resources: has("tier", value(json!("tin"))), ..all() }, [false; 3]);
        check(MatchProperties { attributes: has("code", value(json!(200))), ..all() }, [true; 3]);
        check(MatchProperties { attributes: has("code", value(json!("200"))), ..all() }, [false; 3]);
        check(MatchProperties { attributes: has("path", None), ..all() }, [true; 3]);
        check(MatchProperties { attributes: has("none", None), ..all() }, [false; 3]);
        let api = Some(ValueMatch::Pattern(Pattern::part("^/api").unwrap()));
        check(MatchProperties { attributes: has("path", api), services: exact(&["shop"]), ..all() }, [true; 3]);
        let library = |version: Option<&str>| {
            let version = version.map(|version| TextMatch::Exact(version.to_owned()));
            vec![LibraryMatch { name: TextMatch::Exact("lib".to_owned()), version }]
        };
        check(MatchProperties { libraries: library(None), ..all() }, [true; 3]);
        check(MatchProperties { libraries: library(Some("1.3")), ..all() }, [false; 3]);
    }
}
