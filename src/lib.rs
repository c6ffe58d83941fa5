//! otlp-relay: takes OTLP in, hands it on, never loses it, and says plainly what is wrong when it does not get through.

pub mod admin;
pub mod attempt;
pub mod config;
pub mod exporters;
pub mod failure;
pub mod flow;
pub mod ident;
pub mod payload;
pub mod signal;
pub mod telemetry;
pub mod units;
