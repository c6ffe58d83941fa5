//! How clients get in: over TLS and unix sockets, for how long, and what else they find there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ages;
mod certificates;
mod services;
mod sockets;
mod support;
mod tls;
