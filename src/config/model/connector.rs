//! `connectors`

use std::time::Duration;

use super::Queue;
use crate::ident::PipelineId;

/// `connectors::<id>`: what ends pipelines as an exporter and begins others of the same signal as a receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Connector {
    /// `forward`
    Forward,
    /// `failover`
    Failover(Box<Failover>),
}

/// `connectors::failover`
#[derive(Clone, Debug, PartialEq)]
pub struct Failover {
    /// `priority_levels`: the first level whose pipelines take the data gets it; at least one, none empty.
    pub priority_levels: Vec<Vec<PipelineId>>,
    /// `retry_interval`: how often a preferred level is tried again; 10 min.
    pub retry_interval: Duration,
    /// `sending_queue`; none: that of the first exporter of the first level.
    pub queue: Option<Queue>,
}
