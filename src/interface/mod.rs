//! The relay's own interfaces, generated from `proto/` and checked in; `tests/interfaces.rs` holds them current.
//!
//! To generate them anew after a change of `proto/`: `UPDATE_INTERFACES=1 cargo test --test interfaces`. A new file needs
//! an empty one of its name under `generated/` first, since the test is built with the library.

/// Exports that were set aside: debug dumps and dead letters.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
#[path = "generated/otlp_relay.record.v1.rs"]
pub mod record;

/// What is in the segments of a durable queue.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
#[path = "generated/otlp_relay.journal.v1.rs"]
pub mod journal;

/// The status of a relay that runs: the one snapshot that the status page, its JSON and the gRPC service show.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
#[path = "generated/otlp_relay.diagnostics.v1.rs"]
pub mod diagnostics;

/// The descriptors of everything in `proto/`, for server reflection: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
