//! The `zipkin` exporter (contrib: exporter/zipkinexporter): spans as Zipkin has them, v2, in JSON or protobuf, by the
//! OpenTelemetry specification ("OpenTelemetry to Zipkin Transformation").

mod json;
mod span;
mod wire;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::config::{HttpEncoding, Zipkin};
use crate::failure::{Class, Failure};
use crate::payload::Payload;
use crate::units::Items;

use super::otlp::{Translate, Translated};

use self::span::Source;

/// What `asked` makes of spans.
pub(super) fn zipkin(asked: &Zipkin, encoding: HttpEncoding) -> Arc<dyn Translate> {
    Arc::new(Writer { nameless: asked.default_service_name.clone(), encoding })
}

#[derive(Debug)]
struct Writer {
    /// The name of a service that has none.
    nameless: String,
    encoding: HttpEncoding,
}

impl Translate for Writer {
    fn translate(&self, payload: &Payload) -> Result<Translated, Failure> {
        let request = ExportTraceServiceRequest::decode(payload.to_bytes()).map_err(|error| {
            Failure::new(Class::InvalidData, "the request cannot be decoded to be sent as Zipkin's").because(error)
        })?;
        let (mut spans, mut rejected) = (Vec::new(), 0);
        for of_resource in &request.resource_spans {
            let attributes = of_resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            for of_scope in &of_resource.scope_spans {
                let source = Source { resource: attributes, scope: of_scope.scope.as_ref(), nameless: &self.nameless };
                for span in &of_scope.spans {
                    if has_ids(span) {
                        spans.push(source.span(span));
                    } else {
                        rejected += 1;
                    }
                }
            }
        }
        let list = wire::ListOfSpans { spans };
        let body = match self.encoding {
            HttpEncoding::Proto => list.encode_to_vec(),
            HttpEncoding::Json => json::write(&list).into_bytes(),
        };
        let message = (rejected != 0).then(|| "Zipkin takes no span without a trace id and a span id".into());
        Ok(Translated { body: body.into(), rejected: Items(rejected), message })
    }

    fn usual_path(&self) -> &'static str {
        "/api/v2/spans"
    }
}

fn has_ids(span: &Span) -> bool {
    let is_set = |id: &[u8]| id.iter().any(|byte| *byte != 0);
    is_set(&span.trace_id) && is_set(&span.span_id)
}
