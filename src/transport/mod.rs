//! How requests and answers are carried: sockets in and out, and the compression of bodies.

pub mod client;
pub mod codec;
pub mod server;
pub mod tls;
