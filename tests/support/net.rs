//! Which ports may a test use, and how does it put a proxy in between?

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Below the ports that the system hands out to outgoing connections, so that none of those takes a port between
/// the moment it is chosen and the moment it is used, or while a stopped server is away.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

/// A port of the loopback interface that is free, and that nobody else in this process is given.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (u32::from(start) * 7 + u32::from(offset)).rem_euclid(u32::from(COUNT)) as u16;
        if is_free(port) {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Whether nobody listens on `port`, on any address.
///
/// The socket that tries it does not listen itself: a process that another thread starts just now has it, too, until it
/// runs its own program, and would keep the port for as long.
pub fn is_free(port: u16) -> bool {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option of TCP");
    socket.bind(&any.into()).is_ok()
}

/// The loopback address with `port`.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Forwards each connection to `target` unchanged, until the runtime ends; answers the port it listens on.
pub async fn forward_to(target: u16) -> u16 {
    let port = free_port();
    let listener = TcpListener::bind(local(port)).await.expect("bind the proxy");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(local(target)).await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    port
}
