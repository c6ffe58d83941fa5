//! What connectors ask for, and which pipelines around them do not fit together.

use std::time::Duration;

use otlp_relay::config::{Connector, Failover};
use otlp_relay::ident::PipelineId;

use super::*;

/// Connectors on line 3, pipelines on line 4.
fn with(connectors: &str, pipelines: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: , nop/2: }}\nconnectors: {{{connectors}}}\n\
         service: {{pipelines: {{{pipelines}}}}}\n"
    )
}

const IN: &str = "traces/in: {receivers: [nop], exporters: [failover]}";
const A: &str = "traces/a: {receivers: [failover], exporters: [nop]}";
const B: &str = "traces/b: {receivers: [failover], exporters: [nop/2]}";
const LEVELS: &str = "priority_levels: [[traces/a], [traces/b]]";

#[test]
fn the_contrib_connectors_configuration_is_understood() {
    let text = with(
        &format!("failover: {{{LEVELS}, retry_interval: 5m, sending_queue: {{queue_size: 7}}}}"),
        &[IN, A, B].join(", "),
    );
    let config = good(&text);
    let Connector::Failover(failover) = &config.connectors[&id("failover")] else { panic!("{config:?}") };
    let Failover { priority_levels, retry_interval, queue } = &**failover;
    let pipeline = |text| vec![PipelineId::parse(text).unwrap()];
    assert_eq!(*priority_levels, [pipeline("traces/a"), pipeline("traces/b")]);
    assert_eq!((*retry_interval, queue.as_ref().map(|queue| queue.queue_size)), (Duration::from_secs(300), Some(7)));
    check_warnings(
        &[],
        &with(&format!("failover: {{{LEVELS}, retry_gap: 30s, max_retries: 10}}"), &[IN, A, B].join(", ")),
        &[
            "c.yaml:3:79: connectors::failover::retry_gap: has no effect in otlp-relay: deprecated: levels are tried \
             again every retry_interval",
            "c.yaml:3:97: connectors::failover::max_retries: has no effect in otlp-relay: deprecated: levels are tried \
             again for as long as it takes",
        ],
    );
}

#[test]
fn levels_that_lead_nowhere_are_named() {
    check_problems(
        &[],
        &with("failover: ", &[IN, A].join(", ")),
        &["c.yaml:3:14: connectors::failover: No pipelines are defined in the priority list; \
           write priority_levels: [[traces/first], [traces/second]]"],
    );
    check_problems(
        &[],
        &with("failover: {priority_levels: [[traces/x], [traces/in], [traces/a], [traces/a]]}", &[IN, A, B].join(", ")),
        &[
            "c.yaml:3:44: connectors::failover::priority_levels::0::0: references pipeline \"traces/x\" which is not \
             configured; write it under service::pipelines, or take it out here",
            "c.yaml:3:56: connectors::failover::priority_levels::1::0: pipeline \"traces/in\" does not have \"failover\" \
             among its receivers; write receivers: [failover] in traces/in",
            "c.yaml:3:81: connectors::failover::priority_levels::3::0: names pipeline \"traces/a\" twice; \
             take it out once: each level is tried once in its turn",
            "c.yaml:4:141: service::pipelines::traces/b::receivers: \"failover\" sends nothing to [traces/b] pipeline, \
             which none of its priority_levels names; name traces/b in priority_levels, or take failover out here",
        ],
    );
}

#[test]
fn connectors_stand_on_both_sides_with_the_same_signal() {
    let check = |pipelines: &str, expected: &[&str]| check_problems(&[], &with("forward: ", pipelines), expected);
    check(
        "traces: {receivers: [nop], exporters: [forward]}, logs: {receivers: [forward], exporters: [nop]}",
        &[
            "c.yaml:4:50: service::pipelines::traces::exporters: connector \"forward\" used as exporter in [traces] \
             pipeline but not used in any supported receiver pipeline; name it among the receivers of another pipeline \
             for traces, or take it out here",
            "c.yaml:4:80: service::pipelines::logs::receivers: connector \"forward\" used as receiver in [logs] pipeline \
             but not used in any supported exporter pipeline; name it among the exporters of another pipeline for logs, \
             or take it out here",
        ],
    );
}

#[test]
fn pipelines_that_lead_back_to_themselves_are_a_cycle() {
    let text = with(
        "forward: , forward/2: ",
        "traces/a: {receivers: [nop, forward/2], exporters: [forward]}, \
         traces/b: {receivers: [forward], exporters: [forward/2, nop]}",
    );
    check_problems(
        &[],
        &text,
        &[
            "c.yaml:4:63: service::pipelines::traces/a::exporters: cycle detected: connector \"forward\" (traces to traces) \
           -> connector \"forward/2\" (traces to traces); take one of these connectors out of the pipeline that closes the \
           circle",
        ],
    );
    check_mistake(&text, Mistake::Cycle);
}
