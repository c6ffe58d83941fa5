//! How do a load generator and a sink know each item again: the run that it belongs to, and its place in the run.

/// Attribute of a resource (string): the run that its items belong to.
pub const RUN: &str = "otlp_relay.load.run";

/// Attribute of a span, a metric's data point or a log record (int): its place in the run and signal, counted from 0
/// without gaps. The samples of profiles have no attributes of this form.
pub const SEQUENCE: &str = "otlp_relay.load.sequence";
