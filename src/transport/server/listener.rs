//! Where the relay listens, and why it cannot where it cannot.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::holder::{Holder, holders};
use super::socket::{Acceptor, UnixSocket};
use crate::config::{ListenAddress, Places};
use crate::failure::Class;
use crate::transport::UNIX_PEER;

/// A listening socket. Clones share it, so that it outlives a configuration and loses no connection in a reload.
#[derive(Clone, Debug)]
pub struct Listener {
    socket: Bound,
    address: SocketAddr,
}

#[derive(Clone, Debug)]
enum Bound {
    Tcp(Arc<TcpListener>),
    Unix(Arc<UnixSocket>),
}

/// What keeps an address from being listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindProblem {
    /// Another socket listens there.
    InUse,
    /// This user may not.
    PermissionDenied,
    /// This machine has no such address.
    Unavailable,
    /// The host is neither an address nor a name that can be resolved.
    BadHost,
    /// Anything else.
    Other,
}

/// Why an address cannot be listened on. Displays the place in the configuration, the address, the problem, who is in the
/// way and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{stands}cannot listen on {address}: {}{}; {} [{}]", problem.class().row().meaning, self.who(), self.remedy(), problem.class().code())]
pub struct BindError {
    /// The address, as the configuration has it.
    pub address: ListenAddress,
    /// The kind of problem, decided by the system's error number.
    pub problem: BindProblem,
    /// Who listens there already, where that is known.
    pub holders: Vec<Holder>,
    /// Where the configuration asks for it, to stand in front of the rest. May be empty.
    pub stands: String,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

impl BindError {
    fn new(address: ListenAddress, problem: BindProblem, source: io::Error) -> BindError {
        let wanted = ip_of(&address).filter(|_| problem == BindProblem::InUse);
        let holders = wanted.map(|ip| holders(ip, address.port)).unwrap_or_default();
        BindError { address, problem, holders, stands: String::new(), source }
    }

    /// Asked for at `path` of the configuration, which stands at one of its `places`.
    #[must_use]
    pub fn at(self, path: &str, places: &Places) -> BindError {
        let place = places.find(path).map(|place| format!("{place}: ")).unwrap_or_default();
        BindError { stands: format!("{place}{path}: "), ..self }
    }

    /// What to do.
    fn remedy(&self) -> &'static str {
        match self.holders.iter().any(Holder::is_this_process) {
            true => "the configuration wants it twice: give each its own port",
            false => self.problem.class().row().remedy,
        }
    }

    fn who(&self) -> String {
        let holders: Vec<String> = self.holders.iter().map(Holder::to_string).collect();
        match (holders.is_empty(), self.problem, self.address.socket()) {
            (false, ..) => format!(" by {}", holders.join(", ")),
            (true, BindProblem::InUse, Some(_)) => " by another process".to_owned(),
            (true, BindProblem::InUse, None) => {
                format!(" by a process that this user cannot see (as root: ss -ltnp 'sport = :{}')", self.address.port)
            }
            (true, ..) => String::new(),
        }
    }
}

impl Listener {
    /// Listens on `address`. An empty host stands for all addresses of IPv6 and IPv4; `localhost` for 127.0.0.1 where
    /// there is one, as SDKs try that first or only.
    pub async fn bind(address: &ListenAddress) -> Result<Listener, BindError> {
        let failed = |problem, source| BindError::new(address.clone(), problem, source);
        if let Some(path) = address.socket() {
            let socket = UnixSocket::bind(path).await.map_err(|error| failed(BindProblem::of(&error), error))?;
            return Ok(Listener { socket: Bound::Unix(Arc::new(socket)), address: UNIX_PEER });
        }
        let host = address.host.as_str();
        let opened = if host.is_empty() {
            listen_on_all(address.port)
        } else {
            let ip = resolve(host).await.map_err(|error| failed(BindProblem::BadHost, error))?;
            listen(SocketAddr::new(ip, address.port))
        };
        let bound = opened.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|error| failed(BindProblem::of(&error), error))?;
        Ok(Listener { socket: Bound::Tcp(Arc::new(socket)), address })
    }

    /// The same for an address that another listener of this process leaves just now: its threads let go of it one by
    /// one.
    pub async fn bind_once_free(address: &ListenAddress) -> Result<Listener, BindError> {
        let deadline = Instant::now() + LETTING_GO;
        loop {
            match Listener::bind(address).await {
                Err(error) if error.problem == BindProblem::InUse && Instant::now() < deadline => {
                    tokio::time::sleep(NEXT_TRY).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The address that it listens on, with the port that the system chose where the configuration says 0. A
    /// unix socket has none: it counts as one of this machine.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The TCP socket for the current runtime's own use.
    pub(crate) fn on_this_runtime(&self) -> io::Result<tokio::net::TcpListener> {
        match &self.socket {
            Bound::Tcp(socket) => tokio::net::TcpListener::from_std(socket.try_clone()?),
            Bound::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The socket, whichever it is, for the current runtime's own use.
    pub(super) fn acceptor(&self) -> io::Result<Acceptor> {
        match &self.socket {
            Bound::Tcp(_) => self.on_this_runtime().map(Acceptor::Tcp),
            Bound::Unix(socket) => socket.on_this_runtime(),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Bound::Tcp(_) => self.address.fmt(f),
            Bound::Unix(socket) => write!(f, "unix:{}", socket.path().display()),
        }
    }
}

impl BindProblem {
    /// Its row in the failure table.
    pub fn class(self) -> Class {
        match self {
            BindProblem::InUse => Class::BindAddressInUse,
            BindProblem::PermissionDenied => Class::BindPermissionDenied,
            BindProblem::Unavailable => Class::BindAddressUnavailable,
            BindProblem::BadHost => Class::BindInvalidAddress,
            BindProblem::Other => Class::BindFailed,
        }
    }

    /// The stable name of the problem: a log field and a word of the command line.
    pub fn code(self) -> &'static str {
        self.class().code()
    }

    fn of(error: &io::Error) -> BindProblem {
        match error.kind() {
            io::ErrorKind::AddrInUse => BindProblem::InUse,
            io::ErrorKind::PermissionDenied => BindProblem::PermissionDenied,
            io::ErrorKind::AddrNotAvailable => BindProblem::Unavailable,
            io::ErrorKind::InvalidInput => BindProblem::BadHost,
            _ => BindProblem::Other,
        }
    }
}

/// The address to look for in the kernel's tables; none for a unix socket.
fn ip_of(address: &ListenAddress) -> Option<IpAddr> {
    match address.host.as_str() {
        _ if address.socket().is_some() => None,
        "" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    }
}

fn listen_on_all(port: u16) -> io::Result<TcpListener> {
    match listen(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)) {
        // A machine without IPv6. An address in use is none of this: IPv4 alone would then hide half of the problem.
        Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
        }
        outcome => outcome,
    }
}

/// With SO_REUSEADDR, so that a restart does not wait for old connections to time out; without SO_REUSEPORT, which would
/// let two relays share a port in silence.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn resolve(host: &str) -> io::Result<IpAddr> {
    if let Ok(ip) = host.parse() {
        return Ok(ip);
    }
    let found: Vec<IpAddr> = tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect();
    let preferred = found.iter().find(|ip| host == "localhost" && ip.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
}

const BACKLOG: i32 = 1024;

const LETTING_GO: Duration = Duration::from_secs(2);

const NEXT_TRY: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn address(host: &str, port: u16) -> ListenAddress {
        ListenAddress { host: host.to_owned(), port }
    }

    async fn check_problem(host: &str, port: u16, expected: BindProblem) {
        let error = Listener::bind(&address(host, port)).await.unwrap_err();
        assert_eq!(error.problem, expected, "{error:?}");
        assert!(error.to_string().contains(&address(host, port).to_string()), "{error}");
        assert!(error.to_string().contains(expected.code()), "{error}");
    }

    #[tokio::test]
    async fn the_kind_of_problem_is_told() {
        let taken = Listener::bind(&address("127.0.0.1", 0)).await.unwrap();
        check_problem("127.0.0.1", taken.local_addr().port(), BindProblem::InUse).await;
        let again = address("127.0.0.1", taken.local_addr().port());
        let told = Listener::bind(&again).await.unwrap_err().to_string();
        assert!(told.contains("by this very process") && told.contains("wants it twice"), "{told}");
        check_problem("192.0.2.1", 0, BindProblem::Unavailable).await;
        check_problem("http://0.0.0.0", 0, BindProblem::BadHost).await;
    }

    #[tokio::test]
    async fn localhost_is_the_address_that_sdks_try_first() {
        let listener = Listener::bind(&address("localhost", 0)).await.unwrap();
        assert_eq!(listener.local_addr().ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[tokio::test]
    async fn an_empty_host_takes_ipv4_connections() {
        let listener = Listener::bind(&address("", 0)).await.unwrap();
        let port = listener.local_addr().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
}
