//! Do spans reach a Zipkin, in both of its formats?

use serde_json::{Value, json};

use crate::support::client::http_request;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::web::{Says, Web};

/// A relay that sends to `web`.
fn sending(web: &Web, settings: &str) -> Setup {
    let endpoint = format!("endpoint: 'http://127.0.0.1:{}/api/v2/spans'{settings}", web.port);
    Setup::new().exporter("zipkin", &endpoint).pipeline("traces", "receivers: [otlp], exporters: [zipkin]")
}

fn span(id: &str, parent: &str) -> Value {
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent, "name": "GET", "kind": 3,
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000005000999",
        "attributes": [
            {"key": "http.status_code", "value": {"intValue": "200"}},
            {"key": "server.address", "value": {"stringValue": "db"}},
            {"key": "server.port", "value": {"intValue": "5432"}},
            {"key": "network.peer.address", "value": {"stringValue": "10.0.0.7"}},
        ],
        "events": [
            {"timeUnixNano": "1700000000001000000", "name": "e", "attributes": [{"key": "n", "value": {"intValue": "1"}}]},
            {"timeUnixNano": "1700000000002000000", "name": "bare"},
        ],
        "links": [{"traceId": "1af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203332"}],
        "status": {"code": 2, "message": "bad"}, "traceState": "a=b",
    })
}

fn request(resource: Value, spans: Vec<Value>) -> String {
    let scope = json!({"name": "lib", "version": "1"});
    let scope_spans = json!([{"scope": scope, "spans": spans}]);
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": scope_spans}]}).to_string()
}

async fn send(relay: &Relay, setup: &Setup, body: &str) -> Value {
    let headers = [("content-type", "application/json")];
    let answer = http_request(http::Method::POST, setup.ports.http, "/v1/traces", &headers, body.to_owned()).await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), relay.log());
    serde_json::from_str(&answer.text()).unwrap()
}

#[tokio::test]
async fn spans_arrive_as_zipkin_has_them() {
    let web = Web::start(Says::status(202)).await;
    let setup = sending(&web, "");
    let relay = Relay::start(&setup).await;
    let resource = json!([
        {"key": "service.name", "value": {"stringValue": "shop"}}, {"key": "host.name", "value": {"stringValue": "h"}},
    ]);
    send(&relay, &setup, &request(resource, vec![span("b7ad6b7169203331", "a7ad6b7169203331")])).await;
    let asked = &web.wait_for(1).await[0];
    assert_eq!((asked.path.as_str(), asked.headers["content-type"].as_str()), ("/api/v2/spans", "application/json"));
    let expected = json!([{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "id": "b7ad6b7169203331", "parentId": "a7ad6b7169203331",
        "kind": "CLIENT", "name": "GET", "timestamp": 1_700_000_000_000_000_u64, "duration": 5000,
        "localEndpoint": {"serviceName": "shop"},
        "remoteEndpoint": {"serviceName": "db", "ipv4": "10.0.0.7", "port": 5432},
        "annotations": [
            {"timestamp": 1_700_000_000_001_000_u64, "value": "{\"e\":{\"n\":1}}"},
            {"timestamp": 1_700_000_000_002_000_u64, "value": "bare"},
        ],
        "tags": {
            "host.name": "h", "http.status_code": "200", "server.address": "db", "server.port": "5432",
            "network.peer.address": "10.0.0.7", "otel.scope.name": "lib", "otel.scope.version": "1",
            "otel.status_code": "ERROR", "error": "bad", "w3c.tracestate": "a=b",
            "otlp.link.0": "1af7651916cd43dd8448eb211c80319c|b7ad6b7169203332||{}|0",
        },
    }]);
    assert_eq!(serde_json::from_slice::<Value>(&asked.body).unwrap(), expected);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_protobuf_format_is_a_list_of_spans() {
    let web = Web::start(Says::status(202)).await;
    let setup = sending(&web, ", format: proto, default_service_name: nobody, compression: gzip");
    let relay = Relay::start(&setup).await;
    send(&relay, &setup, &request(json!([]), vec![span("b7ad6b7169203331", "")])).await;
    let asked = &web.wait_for(1).await[0];
    assert_eq!(asked.headers["content-type"], "application/x-protobuf");
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&asked.body[..]), &mut plain).unwrap();
    // ListOfSpans { spans 1 { trace_id 1: 16 bytes, id 3: 8 bytes } }
    assert_eq!(plain[0], 0x0a);
    let has = |part: &[u8]| plain.windows(part.len()).any(|window| window == part);
    assert!(has(b"\x0a\x10\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c"));
    assert!(has(b"\x1a\x08\xb7\xad\x6b\x71\x69\x20\x33\x31") && has(b"nobody"));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_span_without_ids_is_told_as_rejected_and_a_failing_server_is_tried_again() {
    let web = Web::start(Says::status(202)).await;
    let quick = crate::support::setup::QUICK_RETRY;
    let setup = sending(&web, &format!(", {quick}, sending_queue: {{enabled: false}}"));
    let relay = Relay::start(&setup).await;
    web.once(Says::status(500));
    let spans = vec![span("b7ad6b7169203331", ""), span("", "")];
    let answer = send(&relay, &setup, &request(json!([]), spans)).await;
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");
    assert_eq!(web.asked().len(), 2);
    relay.stop().await;
}
