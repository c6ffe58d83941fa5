//! How much of everything a listener and its connections may take.

use std::time::Duration;

use crate::memory;
use crate::units::ByteCount;

/// The bounds of a listener and of each of its connections. The Collector's receiver has none of them (confighttp's
/// time-outs are switched off for it); these are wide enough for every honest client.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the system's backlog.
    pub connections: usize,
    /// How long a connection may be silent while seven of eight connections are taken: those who have nothing to say
    /// make room, so that idle clients, however many, do not keep others out.
    pub crowded_idle: Duration,
    /// The same while data is refused for want of memory: what a silent client holds is what others need.
    pub pressed_idle: Duration,
    /// How long a connection may be silent between requests.
    pub idle: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// When an HTTP/2 client is asked to connect anew; none: never.
    pub age: Option<Age>,
    /// How long the head of an HTTP/1.1 request may take from its first byte on.
    pub header: Duration,
    /// Whether an HTTP/1.1 connection ends behind its first answer.
    pub one_request: bool,
    /// How often a silent HTTP/2 connection is asked whether it is still there.
    pub ping: Duration,
    /// How long the answer to that may take.
    pub pong: Duration,
    /// Bytes that are buffered of an HTTP/1.1 connection, both ways: what its head may have at most.
    pub http1_buffer: usize,
    /// Bytes of answers that are buffered of an HTTP/2 request whose client does not read.
    pub send_buffer: usize,
    /// Concurrent HTTP/2 requests of one connection.
    pub streams: u32,
    /// Bytes of the headers of one HTTP/2 request.
    pub header_list: u32,
    /// Bytes that an HTTP/2 client may send of one request before they are read.
    pub stream_window: u32,
    /// Bytes that an HTTP/2 client may send on one connection before they are read.
    pub connection_window: u32,
    /// What all HTTP/2 clients together may send before it is read, beside 64 KiB of each: the windows of connections
    /// are as large as above only as long as this lasts. As it was when the listener began.
    pub unread: ByteCount,
    /// Requests of one HTTP/2 connection that are reset before they were looked at (CVE-2023-44487).
    pub pending_resets: usize,
    /// Requests of one HTTP/2 connection that the relay has to reset for breaking the protocol (CVE-2025-8671).
    pub local_resets: usize,
}

/// How old a connection may get: so that clients spread anew over several relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// When the client is told to connect anew. Spread by a tenth both ways, so that clients that came together do not
    /// come together again.
    pub most: Duration,
    /// How long its requests may take after that; none: as long as they want.
    pub grace: Option<Duration>,
}

impl Age {
    /// The age of one connection, spread.
    pub(super) fn spread(self) -> Duration {
        let (dice, _) = uuid::Uuid::new_v4().as_u64_pair();
        let share = 0.9 + 0.2 * (dice as f64 / u64::MAX as f64);
        self.most.min(LONGEST_AGE).mul_f64(share)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: connections(),
            crowded_idle: Duration::from_secs(5),
            pressed_idle: Duration::from_secs(1),
            idle: Duration::from_secs(600),
            handshake: Duration::from_secs(10),
            age: None,
            header: Duration::from_secs(30),
            one_request: false,
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(20),
            http1_buffer: 64 << 10,
            send_buffer: 64 << 10,
            streams: 512,
            header_list: 64 << 10,
            stream_window: 1 << 20,
            connection_window: 2 << 20,
            unread: unread(),
            pending_resets: 64,
            local_resets: 128,
        }
    }
}

/// Three eighths of the files that this process may open, so that two listeners leave a quarter to exporters and files.
fn connections() -> usize {
    let share = open_files().map_or(MOST_CONNECTIONS, |files| files / 8 * 3);
    share.clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS)
}

/// A small part of the memory.
fn unread() -> ByteCount {
    ByteCount((memory::available().0 / 64).clamp(LEAST_UNREAD.0, MOST_UNREAD.0))
}

/// The soft limit of open files, where the system tells it in a file.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Beyond all that a process lives.
const LONGEST_AGE: Duration = Duration::from_secs(1 << 40);

const MOST_CONNECTIONS: usize = 16_384;

const FEWEST_CONNECTIONS: usize = 64;

const LEAST_UNREAD: ByteCount = ByteCount::mib(4);

const MOST_UNREAD: ByteCount = ByteCount::mib(128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_by_a_tenth() {
        let most = Duration::from_secs(100);
        let ages: Vec<_> = (0..100).map(|_| Age { most, grace: None }.spread().as_secs()).collect();
        assert!(
            ages.iter().all(|age| (90..=110).contains(age)) && 1 < ages.iter().filter(|age| **age != ages[0]).count()
        );
        Age { most: Duration::MAX, grace: None }.spread();
    }
}
