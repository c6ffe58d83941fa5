//! What is said of components and their keys that are not there, or not as they are written.

use super::*;

#[test]
fn exporters_that_the_collector_has_no_more_come_with_the_one_to_write() {
    check_problems(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: }}}
exporters:
  jaeger: {endpoint: "jaeger-all-in-one:14250", tls: {insecure: true}}
  loki: {endpoint: "http://loki:3100/loki/api/v1/push"}
  kafka: 
processors: {filter: , k8sattributes: }
service: {pipelines: {traces: {receivers: [otlp], processors: [filter, k8sattributes], exporters: [jaeger, loki, kafka]}}}
"#,
        &[
            "c.yaml:3:3: exporters::jaeger: the Collector's exporter jaeger, which sends to Jaeger in a \
             format that the Collector has given up, is not in otlp-relay; write otlp_grpc/jaeger: \
             {endpoint: 'jaeger-all-in-one:4317', tls: {insecure: true}} instead, and otlp_grpc/jaeger \
             for jaeger in the pipelines",
            "c.yaml:4:3: exporters::loki: the Collector's exporter loki, which sends to Loki in a format \
             that the Collector has given up, is not in otlp-relay; write otlp_http/loki: {endpoint: \
             'http://loki:3100/otlp'} instead, and otlp_http/loki for loki in the pipelines",
            "c.yaml:5:3: exporters::kafka: the Collector's exporter kafka, which writes to a message \
             broker, is not in otlp-relay yet; the nearest thing is an otlp_grpc exporter to a Collector \
             with this exporter",
            "c.yaml:6:14: processors::filter: the Collector's processor filter, which drops telemetry by \
             conditions, is a later step of otlp-relay; until then: the SDK, or the backend",
            "c.yaml:6:24: processors::k8sattributes: the Collector's processor k8sattributes, which adds \
             what Kubernetes knows of a pod, is not in otlp-relay yet; the nearest thing is the variable \
             OTEL_RESOURCE_ATTRIBUTES of the pod, filled by the downward API",
        ],
    );
}

#[test]
fn what_is_not_there_comes_with_what_to_write_instead() {
    check_problems(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: }}}
exporters: {sentry: {dsn: x}, datadog: }
extensions: {jaeger_storage: }
processors: {resourcedetection: , tail_sampling: }
service: {extensions: [jaeger_storage], pipelines: {traces: {receivers: [otlp], processors: [resourcedetection, tail_sampling], exporters: [sentry, datadog]}}}
"#,
        &[
            "c.yaml:2:13: exporters::sentry: the Collector's exporter sentry, which sends to Sentry in its own \
             format, is not in otlp-relay yet; the nearest thing is an otlp_http exporter to Sentry's OTLP \
             endpoint: traces_endpoint: 'https://ORG.ingest.sentry.io/api/PROJECT/integration/otlp/v1/traces', \
             headers: {x-sentry-auth: 'sentry sentry_key=KEY'}",
            "c.yaml:2:31: exporters::datadog: the Collector's exporter datadog, which sends to Datadog in its own \
             format, is not in otlp-relay yet; the nearest thing is an otlp_http exporter to the Datadog Agent, \
             which takes OTLP where its otlp_config says so: endpoint: 'http://datadog-agent:4318'",
            "c.yaml:3:14: extensions::jaeger_storage: the Collector's extension jaeger_storage, which is a part of \
             Jaeger, which has this configuration, is not in otlp-relay yet; the nearest thing is Jaeger itself \
             with this file, behind the relay: it takes OTLP on port 4317",
            "c.yaml:4:14: processors::resourcedetection: the Collector's processor resourcedetection, which asks the \
             machine or the cloud what it is, is a later step of otlp-relay; until then: the variable \
             OTEL_RESOURCE_ATTRIBUTES at the SDK, or a resource processor: attributes: [{key: host.name, value: \
             '${env:HOSTNAME}', action: upsert}]",
            "c.yaml:4:35: processors::tail_sampling: the Collector's processor tail_sampling, which keeps some traces \
             and drops the others, is a later step of otlp-relay; until then: the SDK, for a tenth of the traces: \
             OTEL_TRACES_SAMPLER=parentbased_traceidratio and OTEL_TRACES_SAMPLER_ARG=0.1",
        ],
    );
}

#[test]
fn addresses_to_listen_on_come_with_the_port_that_is_usual_there() {
    check_problems(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: {endpoint: 0.0.0.0}}}}
exporters: {prometheus: {endpoint: 0.0.0.0.8889}}
extensions: {health_check: {endpoint: "http://0.0.0.0:13133"}, zpages: {endpoint: localhost}}
service: {extensions: [health_check, zpages], pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}
"#,
        &[
            "c.yaml:1:49: receivers::otlp::protocols::grpc::endpoint: address 0.0.0.0: missing port in address; \
             write 0.0.0.0:4317, the usual port",
            "c.yaml:2:36: exporters::prometheus::endpoint: address 0.0.0.0.8889: missing port in address; write \
             0.0.0.0:8889",
            "c.yaml:3:39: extensions::health_check::endpoint: an address to listen on is host:port, not a URL \
             (http://); write 0.0.0.0:13133",
            "c.yaml:3:83: extensions::zpages::endpoint: address localhost: missing port in address; write \
             localhost:55679, the usual port",
        ],
    );
}

#[test]
fn an_address_to_listen_on_may_be_a_url_where_it_comes_from_a_variable() {
    let text = "receivers: {otlp: {protocols: {http: {endpoint: \"${env:ENDPOINT}\"}}}}\nexporters: {nop: }\n\
                service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n";
    check_warnings(
        &[("ENDPOINT", "http://0.0.0.0:4318/")],
        text,
        &["c.yaml:1:49: receivers::otlp::protocols::http::endpoint: an address to listen on is host:port, not a URL: \
           0.0.0.0:4318 is taken, where the Collector does not start"],
    );
    check_problems(
        &[("ENDPOINT", "http://0.0.0.0:4318/v1")],
        text,
        &[
            "c.yaml:1:49: receivers::otlp::protocols::http::endpoint: an address to listen on is host:port, without the \
           path /v1 (the value comes from the environment variable ENDPOINT)",
        ],
    );
}

#[test]
fn what_was_for_the_go_runtime_is_taken_with_a_warning() {
    check_warnings(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: }}}
exporters: {nop: }
extensions: {memory_ballast: {size_in_percentage: 20}}
service: {extensions: [memory_ballast], pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"#,
        &[
            "c.yaml:3:14: extensions::memory_ballast: the extension has no effect: it was for the memory of the Go \
             runtime; take it out",
            "c.yaml:3:51: extensions::memory_ballast::size_in_percentage: has no effect in otlp-relay: the relay \
             needs no ballast: its memory is not collected",
        ],
    );
}

#[test]
fn a_reference_without_braces_is_pointed_out() {
    check_problems(
        &[("BACKEND", "b:4317")],
        r#"receivers: {otlp: {protocols: {grpc: }}}
exporters: {otlp_grpc: {endpoint: $BACKEND}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}
"#,
        &["c.yaml:2:35: exporters::otlp_grpc::endpoint: the endpoint \"$BACKEND\" holds $BACKEND, which is not \
           expanded; write ${env:BACKEND}"],
    );
}

#[test]
fn what_is_wrong_with_a_scrape_has_its_place_and_mend() {
    check_problems(
        &[],
        r#"receivers:
  otlp: {protocols: {grpc: }}
  prometheus:
    config:
      scrape_configs:
        - job_name: a
          kubernetes_sd_configs: [{role: pod}]
          static_configs: [{targets: ['http://app:9090/x', 'app:1/metrics', 'b:2']}]
        - job_name: a
          scrape_interval: 5s
          scrape_timeout: 10s
          relabel_configs: [{action: hashmod, target_label: x}, {regex: "a(b", target_label: x}, {action: replace}]
exporters: {nop: , zipkin: {endpoint: "http://z:9411/api/v2/spans"}, prometheusremotewrite: {}}
service: {pipelines: {traces: {receivers: [otlp, prometheus], exporters: [nop]}, metrics: {receivers: [prometheus], exporters: [zipkin, nop, prometheusremotewrite]}}}
"#,
        &[
            "c.yaml:7:11: receivers::prometheus::config::scrape_configs::0::kubernetes_sd_configs: \
             service discovery by kubernetes_sd_configs is not supported by otlp-relay yet; write a \
             Service down, static_configs: [{targets: ['app.namespace.svc:8080']}], or let the pods \
             send OTLP to the relay",
            "c.yaml:8:39: \
             receivers::prometheus::config::scrape_configs::0::static_configs::0::targets::0: a target \
             is host:port, and no URL (http://); write app:9090, scheme: http and metrics_path",
            "c.yaml:8:60: \
             receivers::prometheus::config::scrape_configs::0::static_configs::0::targets::1: \
             \"app:1/metrics\" is not a valid hostname: it has a path; write the path as metrics_path: \
             /metrics",
            "c.yaml:9:11: receivers::prometheus::config::scrape_configs::1: scrape timeout greater than \
             scrape interval for scrape config with job name \"a\"",
            "c.yaml:9:11: receivers::prometheus::config::scrape_configs::1: found multiple scrape \
             configs with job name \"a\"",
            "c.yaml:12:29: receivers::prometheus::config::scrape_configs::1::relabel_configs::0: relabel \
             configuration for hashmod requires non-zero modulus; write modulus and the number of shards",
            "c.yaml:12:73: receivers::prometheus::config::scrape_configs::1::relabel_configs::1::regex: \
             invalid regular expression \"a(b\": unclosed group",
            "c.yaml:12:98: receivers::prometheus::config::scrape_configs::1::relabel_configs::2: relabel \
             configuration for this action requires 'target_label' value; write target_label and the \
             name of a label",
            "c.yaml:13:70: exporters::prometheusremotewrite: requires a non-empty \"endpoint\"; write \
             endpoint: http://prometheus:9090/api/v1/write",
            "c.yaml:14:32: service::pipelines::traces::receivers: failed to create \"prometheus\" \
             receiver for data type \"traces\": telemetry type is not supported; prometheus gives \
             metrics only: take it out here",
            "c.yaml:14:117: service::pipelines::metrics::exporters: failed to create \"zipkin\" exporter \
             for data type \"metrics\": telemetry type is not supported; Zipkin takes traces only: take \
             it out here",
        ],
    );
}

#[test]
fn what_is_wrong_with_a_matcher_has_its_place_and_mend() {
    check_problems(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: }}}
processors:
  attributes/a: {include: {span_names: [a]}, actions: [{key: a, action: extract, pattern: "(.*)"}, {key: b, action: insert, value: 1, pattern: x}]}
  attributes/b: {exclude: {match_type: regexp, log_bodies: ["a(b"]}, actions: [{key: a, action: delete}]}
  attributes/c: {include: {match_type: strict, log_bodies: [x]}, actions: [{key: a, action: delete}]}
  attributes/d: {include: {match_type: strict}, actions: [{key: a, action: extract}]}
  resource: {attributes: [{key: a, value: b, action: }]}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: [attributes/a, attributes/b, attributes/c, attributes/d, resource], exporters: [nop]}}}
"#,
        &[
            "c.yaml:3:18: processors::attributes/a::include: unrecognized match_type: '', valid types \
             are: [regexp strict]; write match_type: strict",
            "c.yaml:3:56: processors::attributes/a::actions::0: each group of the pattern of extract \
             needs a name; write pattern: ^/api/(?P<version>[^/]+)",
            "c.yaml:3:144: processors::attributes/a::actions::1::pattern: this action takes no \
             \"pattern\"; remove it; extract, delete and hash take one",
            "c.yaml:4:61: processors::attributes/b::exclude::log_bodies::0: invalid regular expression \
             \"a(b\": unclosed group",
            "c.yaml:5:48: processors::attributes/c::include::log_bodies: log_bodies should not be \
             specified for traces; give each signal a processor of its own: attributes/traces, \
             attributes/logs",
            "c.yaml:6:18: processors::attributes/d::include: at least one property of the items must be \
             specified; write services, span_names, log_bodies, metric_names, attributes or resources",
            "c.yaml:6:59: processors::attributes/d::actions::0: extract needs a \"pattern\"; write \
             pattern: ^/api/(?P<version>[^/]+)",
            "c.yaml:7:27: processors::resource::attributes::0: an action needs an \"action\"; write action: upsert, \
             or insert, update, delete, hash, convert",
        ],
    );
}

#[test]
fn endpoints_of_products_that_take_something_else_are_pointed_out() {
    check_warnings(
        &[],
        r#"receivers: {otlp: {protocols: {grpc: }}}
exporters:
  otlp_http/a: {endpoint: "http://loki:3100/loki/api/v1/push"}
  otlp_http/b: {endpoint: "http://tempo:3200"}
  otlp_http/c: {endpoint: "http://loki:3100/otlp"}
  otlp_http/d: {traces_endpoint: "http://jaeger:14268/api/traces"}
  otlp_grpc: {endpoint: "jaeger:14250", tls: {insecure: true}}
  otlp_grpc/b: {endpoint: "jaeger:14268", tls: {insecure: true}}
  otlp_grpc/c: {endpoint: "loki:3100", tls: {insecure: true}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_http/a, otlp_http/b, otlp_http/c, otlp_http/d, otlp_grpc, otlp_grpc/b, otlp_grpc/c]}}}
"#,
        &[
            "c.yaml:3:27: exporters::otlp_http/a::endpoint: this is where Loki takes its own format; \
             Loki takes OTLP at /otlp: write endpoint: http://loki:3100/otlp",
            "c.yaml:4:27: exporters::otlp_http/b::endpoint: 3200 is the port of Tempo's queries; Tempo \
             takes OTLP on port 4318: write endpoint: http://tempo:4318",
            "c.yaml:6:34: exporters::otlp_http/d::traces_endpoint: this is where Jaeger takes Thrift; \
             Jaeger takes OTLP on port 4318: write endpoint: http://jaeger:4318",
            "c.yaml:7:25: exporters::otlp_grpc::endpoint: 14250 is the port of Jaeger's own gRPC; Jaeger \
             takes OTLP on port 4317: write jaeger:4317",
            "c.yaml:8:27: exporters::otlp_grpc/b::endpoint: 14268 is the port of Jaeger's Thrift; Jaeger takes OTLP \
             on port 4317: write jaeger:4317",
            "c.yaml:9:27: exporters::otlp_grpc/c::endpoint: 3100 is the port of Loki, which speaks no gRPC there; \
             use an otlp_http exporter: http://loki:3100/otlp",
        ],
    );
}

#[test]
fn names_of_newer_collectors_are_taken_without_a_word() {
    check_warnings(
        &[],
        "exporters: {prometheus_remote_write: {endpoint: 'http://p:9090/api/v1/write'}}\n\
         receivers: {otlp: {protocols: {grpc: {auth: {authenticator: basic_auth}}}}}\n\
         extensions: {basic_auth: {htpasswd: {inline: 'a:b'}}}\n\
         service: {extensions: [basic_auth], \
         pipelines: {metrics: {receivers: [otlp], exporters: [prometheus_remote_write]}}}\n",
        &[],
    );
}

#[test]
fn an_attribute_from_where_nothing_is_known_is_one_problem() {
    let text = "receivers: {nop: }\nexporters: {nop: }\n\
                processors: {attributes: {actions: [{key: a, action: insert, from_context: auth.subject}]}}\n\
                service: {pipelines: {traces: {receivers: [nop], processors: [attributes], exporters: [nop]}}}\n";
    check_problems(
        &[],
        text,
        &[
            "c.yaml:3:76: processors::attributes::actions::0::from_context: from_context \"auth.subject\" is not supported \
           by otlp-relay yet; write auth.username, which basicauth knows",
        ],
    );
}
