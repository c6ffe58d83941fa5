//! From what was asked for to running stages: a plan that can be looked at, and the build that follows it.

mod build;
mod chains;
mod delivering;
mod dump;
mod exporter;
mod figures;
mod graph;
mod journals;
mod letters;
mod limiting;
mod plan;
mod scraping;

pub use build::{Built, Listen, Server, Tools, build};
pub use chains::Chains;
pub use dump::{DumpSwitch, PreparedDump};
pub use exporter::{direct, persistent};
pub use graph::failover_queue;
pub use plan::{BatchPlan, Chain, ConnectorPlan, ListenPlan, PipelinePlan, Plan, ReceiverPlan, plan};
pub use scraping::Scrape;
