//! How requests and answers are carried: sockets in and out, and the compression of bodies.

pub mod client;
pub mod codec;
pub mod container;
pub mod server;
pub mod tls;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

/// A connection below TLS: TCP or a unix socket.
type Socket = Either<TcpStream, UnixStream>;

/// Who is at the other end of a unix socket, where an address is asked for: this machine.
pub(crate) const UNIX_PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
