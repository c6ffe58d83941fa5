//! otlp-relay takes OTLP in, hands it on, never loses it, and says plainly what is wrong when it does not get through.
//!
//! # Bird's-eye view
//!
//! ```text
//! bytes -> receivers -> pipelines -> delivery -> exporters -> bytes
//! ```
//!
//! A receiver turns the body of one export request into a [`payload::Payload`]: protobuf bytes that were validated all
//! the way down, and are never decoded on the way through. A pipeline fans it out to its exporters. Each (exporter,
//! signal) has one delivery chain, shared by all pipelines that name the exporter:
//!
//! ```text
//! admitted( queue and batch( settled( retry( route( attempted( exporter ), fallbacks ) ) ) ) )
//! ```
//!
//! `route` hands an attempt to a fallback, another exporter's attempt, while the exporter itself fails; `settled` cuts a
//! request that is refused whole down to the items that it is refused for. A pipeline may also end in a connector: `forward`
//! leads to other pipelines as it is, and `failover` has a chain of its own, whose targets are pipelines that end in single
//! attempts.
//!
//! Every stage implements one trait, [`flow::Consume`]: it takes a payload and answers `Result<Receipt, Failure>`. The
//! [`failure::Failure`] is the one error of the data path; its class is a row of one table.
//!
//! Intent moves the other way, once: text -> [`config::Config`], or every problem of the text at once ->
//! [`pipeline::Plan`] (pure) -> stages, built from the exporters backwards. `service` runs what was built.
//!
//! # Code map
//!
//! A module imports only from floors below its own; modules on one floor do not see each other. `tests/floors.rs` holds
//! this.
//!
//! | floor | modules | what they do |
//! |---|---|---|
//! | 8 | `cli` | the door: commands, flags, exit codes |
//! | 7 | `service` | load, build, start, reload, drain; owns what outlives a configuration |
//! | 6 | `admin`, `doctor`, `tools` | look in: health, metrics, the status page with its JSON and gRPC; look ahead: check; look back: dumps, durable queues, replay; generate load, and be its target |
//! | 5 | `pipeline` | plan and build |
//! | 4 | `receivers`, `processors`, `delivery`, `exporters` | the stages, blind to each other |
//! | 3 | `telemetry`, `transport`, `auth`, `storage` | watch, carry, admit, keep |
//! | 2 | `flow` | the trait, fan-out, the life of tasks, the threads |
//! | 1 | `payload`, `config`, `memory` | what moves, what was asked for, what there is to use |
//! | 0 | `signal`, `protocol`, `ident`, `units`, `failure`, `attempt`, `interface` | words |
//!
//! Where to begin: the path of a request is `receivers` -> `pipeline::build` (which stages it meets) -> `delivery` ->
//! `exporters::otlp` -> `transport::client`.
//!
//! # Invariants
//!
//! - Every accepted item ends as exactly one of: delivered, delivered by a fallback, rejected by the backend, kept on disk,
//!   set aside on disk as a dead letter, or counted and logged as dropped with a class.
//! - What a durable queue has acknowledged is in a journal of `storage::journal` until it is delivered or dropped with a
//!   class; a crash costs duplicates of what was under way, never data.
//! - The sender is answered when the queue has its data, never while it sits in a volatile buffer in front of a queue:
//!   a `batch` processor is no stage, but a rule that the payload carries into each exporter's queue.
//! - Stages do not count themselves: `telemetry::observe` wraps them. Gauges read atomics, and own no stage and no
//!   channel end, so that shutdown is ownership: intake ends, receivers finish, queues empty, a grace period bounds it.
//! - Start and reload are one thing, `service::relay::apply`: whatever can fail is done before anything that runs is
//!   touched. Listeners, delivery chains with their queues, counters and failure states outlive a configuration.
//! - An exporter makes one attempt, under one timer, and reports one outcome. The timer belongs to the exporter and not
//!   to a stage around it, since only who owns the phases of an attempt can say in which one the time was up.
//! - Failures are classified where their type is still known; nothing matches text that a library may reword. The words
//!   of a *peer* are matched in one table, `failure::answer`.
//! - Whatever a client or a peer may take is bounded: `transport::server::Limits` for connections, `receivers::otlp`'s room
//!   for bytes, `delivery`'s for the memory of a queue. Where most of it is taken, or a limiter refuses data, those who do
//!   nothing with theirs give way: idle connections, stalled bodies.
//! - A panic stays inside of the request, export, connection or page that it happened in, and is counted.
//! - A name is resolved anew for each connection, and data is sent on connections of the thread it arrived on.
//! - Signals differ by a row in `signal` and by the tables of their messages, never by copies of code.
//! - Config structs stay at the edge: constructors take them apart, nothing on the data path stores them.
//! - Secrets are [`config::Secret`], which prints as `[REDACTED]`.
//!
//! Ties are settled in this order: nothing accepted is lost silently; the OTLP specification, then the Collector's
//! behaviour; failures explain themselves; simple to read; fast and small.

pub mod admin;
pub mod attempt;
pub mod auth;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod doctor;
pub mod exporters;
pub mod failure;
pub mod flow;
pub mod ident;
pub mod interface;
pub mod memory;
pub mod payload;
pub mod pipeline;
pub mod processors;
pub mod protocol;
pub mod receivers;
pub mod service;
pub mod signal;
pub mod storage;
pub mod telemetry;
pub mod tools;
pub mod transport;
pub mod units;
