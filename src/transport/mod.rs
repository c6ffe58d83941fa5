//! How requests and answers are carried: sockets in and out, and the compression of bodies.

pub mod codec;
pub mod server;
