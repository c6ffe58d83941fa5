//! How bytes come in and go out: connections, and what is done to bodies on the way.

pub mod client;
