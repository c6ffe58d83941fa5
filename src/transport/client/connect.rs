//! A TCP connection to the first of several addresses that answers, or why none does.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::obstacle::{Obstacle, is_out_of_files};
use crate::failure::Class;
use crate::transport::{Socket, UNIX_PEER, container};

/// Connects to whichever of `addresses` answers first. They are tried in turn, each a little after the one before it or as
/// soon as that one failed (RFC 8305, "Happy Eyeballs"), with the address families alternating.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Obstacle> {
    match timeout(CONNECT_LIMIT, race(addresses)).await {
        Ok(Ok((stream, peer))) => {
            prepare(&stream);
            Ok((stream, peer))
        }
        Ok(Err(errors)) => Err(explain(&errors)),
        Err(_) => Err(no_reply(addresses)),
    }
}

/// Connects to the unix socket at `path`. Its peer has no address: it counts as one of this machine's.
pub(super) async fn connect_unix(path: &Path) -> Result<(Socket, SocketAddr), Obstacle> {
    match timeout(CONNECT_LIMIT, UnixStream::connect(path)).await {
        Ok(Ok(stream)) => Ok((Socket::Right(stream), UNIX_PEER)),
        Ok(Err(error)) => {
            let class = match error.kind() {
                // Nobody has made the socket, as nobody listens on a port.
                ErrorKind::NotFound => Class::ConnectionRefused,
                _ => classify(&error),
            };
            Err(Obstacle::new(class, format!("the unix socket {} {}", path.display(), words(&error))))
        }
        Err(_) => Err(Obstacle::new(Class::ConnectTimeout, format!("no reply from unix socket {}", path.display()))),
    }
}

/// The addresses with their families alternating, each family beginning at its `turn`.
pub(super) fn in_turn(addresses: &[SocketAddr], turn: usize) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == first_is_v6);
    for family in [&mut first, &mut second] {
        let start = turn.checked_rem(family.len()).unwrap_or(0);
        family.rotate_left(start);
    }
    let mut ordered = Vec::with_capacity(addresses.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    while ordered.len() < addresses.len() {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

type Tried = Vec<(SocketAddr, io::Error)>;

async fn race(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Tried> {
    let mut waiting = addresses.iter().copied();
    let mut racing = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            racing.push(async move { (address, TcpStream::connect(address).await) });
        }
        let has_more = waiting.len() != 0;
        tokio::select! {
            ended = racing.next() => match ended {
                Some((address, Ok(stream))) => return Ok((stream, address)),
                Some((address, Err(error))) => failed.push((address, error)),
                None => return Err(failed),
            },
            () = tokio::time::sleep(STAGGER), if has_more => {}
        }
    }
}

fn prepare(stream: &TcpStream) {
    // A socket that refuses an option still carries data.
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(3);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

fn explain(errors: &Tried) -> Obstacle {
    let told: Vec<String> = errors.iter().map(|(address, error)| format!("{address} {}", words(error))).collect();
    let text = told.join("; ");
    let class = errors.iter().map(|(_, error)| classify(error)).min_by_key(|class| rank(*class));
    Obstacle::new(class.unwrap_or(Class::Other), text)
}

/// The class that says most of several addresses comes first.
fn rank(class: Class) -> usize {
    const ORDER: [Class; 5] = [
        Class::TooManyOpenFiles,
        Class::ConnectionRefused,
        Class::ConnectBlocked,
        Class::ConnectTimeout,
        Class::HostUnreachable,
    ];
    ORDER.iter().position(|other| *other == class).unwrap_or(ORDER.len())
}

fn classify(error: &io::Error) -> Class {
    match error.kind() {
        _ if is_out_of_files(error) => Class::TooManyOpenFiles,
        ErrorKind::ConnectionRefused => Class::ConnectionRefused,
        ErrorKind::TimedOut => Class::ConnectTimeout,
        // EINVAL is a route of the type blackhole.
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::InvalidInput => Class::NetworkUnreachable,
        // An IPv6 address where IPv6 is off.
        _ if error.raw_os_error() == Some(EAFNOSUPPORT) => Class::NetworkUnreachable,
        ErrorKind::HostUnreachable => Class::HostUnreachable,
        // EAGAIN is a unix socket whose queue is full, or no free port.
        ErrorKind::AddrNotAvailable | ErrorKind::WouldBlock => Class::SourceAddressUnavailable,
        ErrorKind::PermissionDenied => Class::ConnectBlocked,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Class::ConnectionReset,
        _ => Class::Other,
    }
}

fn words(error: &io::Error) -> String {
    match classify(error) {
        Class::ConnectionRefused => "refused the connection".to_owned(),
        Class::ConnectTimeout => "did not reply at all".to_owned(),
        Class::NetworkUnreachable => format!("is in a network without a route ({error})"),
        Class::HostUnreachable => format!("cannot be reached ({error})"),
        Class::ConnectBlocked => format!("may not be connected to ({error})"),
        _ => format!("cannot be connected to: {error}"),
    }
}

fn no_reply(addresses: &[SocketAddr]) -> Obstacle {
    let told: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    let text = format!("no reply from {} within {} s", told.join(", "), CONNECT_LIMIT.as_secs());
    Obstacle::new(Class::ConnectTimeout, text)
}

/// What else there is to see around an address that refuses, to stand behind the refusal. May be empty.
pub(super) async fn refusal_hint(refused: SocketAddr) -> String {
    let twin = twin_hint(refused).await;
    let inside = container::current().filter(|_| refused.ip().is_loopback() && twin.is_none());
    let inside = inside.map(|container| {
        format!("; {refused} is the {container} itself: use the service name of the backend, or host.docker.internal for the host")
    });
    twin.or(inside).unwrap_or_default()
}

/// A server on this machine often listens on one family only; a look at the other one tells.
async fn twin_hint(refused: SocketAddr) -> Option<String> {
    let (twin, family) = match refused.ip() {
        IpAddr::V6(Ipv6Addr::LOCALHOST) => (IpAddr::V4(Ipv4Addr::LOCALHOST), "IPv4"),
        IpAddr::V4(Ipv4Addr::LOCALHOST) => (IpAddr::V6(Ipv6Addr::LOCALHOST), "IPv6"),
        _ => return None,
    };
    let twin = SocketAddr::new(twin, refused.port());
    timeout(TWIN_LIMIT, TcpStream::connect(twin)).await.ok()?.ok()?;
    Some(format!(", but {twin} accepts connections: the server listens on {family} only"))
}

/// No address gets longer, whatever the exporter's timeout; the system alone would take two minutes.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
const EAFNOSUPPORT: i32 = 97;
/// RFC 8305, section 8: "Connection Attempt Delay".
const STAGGER: Duration = Duration::from_millis(250);
const TWIN_LIMIT: Duration = Duration::from_millis(100);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn families_alternate_and_each_begins_at_its_turn() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let addresses = ["[::1]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"].map(address);
        let expected = ["[::2]:1", "10.0.0.2:1", "[::1]:1", "10.0.0.3:1", "10.0.0.1:1"].map(address);
        assert_eq!(in_turn(&addresses, 1), expected);
        assert_eq!(in_turn(&[], 7), []);
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let closed = closed_port();
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = open.local_addr().unwrap();
        let (_, peer) = connect(&[closed, open]).await.unwrap();
        assert_eq!(peer, open);
    }

    #[tokio::test]
    async fn a_refusal_names_each_address() {
        let (one, two) = (closed_port(), closed_port());
        let obstacle = connect(&[one, two]).await.unwrap_err();
        assert_eq!(obstacle.class, Class::ConnectionRefused);
        let cause = obstacle.into_failure().cause();
        assert!(cause.contains(&format!("{one} refused the connection; {two} refused the connection")), "{cause}");
    }

    #[tokio::test]
    async fn a_server_on_the_other_family_is_pointed_out() {
        let Ok(server) = TcpListener::bind("[::1]:0") else { return };
        let port = server.local_addr().unwrap().port();
        let cause = refusal_hint(SocketAddr::from(([127, 0, 0, 1], port))).await;
        assert!(cause.contains(&format!("[::1]:{port} accepts connections")) && cause.contains("IPv6 only"), "{cause}");
    }

    fn closed_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }
}
