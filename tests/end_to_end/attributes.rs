//! Do attributes change as the `resource` and `attributes` processors say, and nothing else?

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::export::{Export, Signal, assert_same_items};
use crate::support::generate::request;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

fn pair(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// What the processors of the test make of `sent`.
fn changed(mut sent: Export) -> Export {
    let added = |attributes: &mut Vec<KeyValue>, value: &str| attributes.push(pair("deployment", value));
    match &mut sent {
        Export::Traces(request) => {
            for resource in &mut request.resource_spans {
                added(&mut resource.resource.as_mut().unwrap().attributes, "production");
                let spans = resource.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans);
                spans.for_each(|span| added(&mut span.attributes, "here"));
            }
        }
        Export::Logs(request) => {
            for resource in &mut request.resource_logs {
                added(&mut resource.resource.as_mut().unwrap().attributes, "production");
                let records = resource.scope_logs.iter_mut().flat_map(|scope| &mut scope.log_records);
                records.for_each(|record| added(&mut record.attributes, "here"));
            }
        }
        other => panic!("{other:?}"),
    }
    sent
}

#[tokio::test]
async fn attributes_are_added_and_the_rest_arrives_as_it_was() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let pipeline = format!(
            "receivers: [otlp], processors: [attributes, resource], exporters: [{}]",
            crate::support::setup::exporter_type(wire)
        );
        let setup = Setup::forwarding(wire, &backend, "")
            .processor("resource", "attributes: [{key: deployment, value: production, action: upsert}]")
            .processor("attributes", "actions: [{key: deployment, value: here, action: insert}]")
            .pipeline("traces", &pipeline)
            .pipeline("logs", &pipeline);
        let relay = Relay::start(&setup).await;
        let mut client = relay.client(wire, Coding::Gzip).await;
        let sent = [Signal::Traces, Signal::Logs].map(|signal| request(signal, "app", 0..20));
        for export in &sent {
            client.deliver(export).await;
        }
        backend.wait_for_items(40).await;
        relay.stop_without_loss().await;
        let arrived: Vec<Export> = backend.accepted().iter().map(|export| Export::clone(export)).collect();
        assert_same_items(&sent.map(changed), &arrived);
    }
}
