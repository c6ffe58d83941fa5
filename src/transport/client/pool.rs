//! Which connection a request goes over: those of one endpoint that one runtime has opened.
//!
//! A connection is used only on the runtime that opened it. Requests that need a connection at the same time wait for one
//! dial together. With several addresses behind the name, connections to all of them are opened in the background and used
//! in turn; the name is looked up again for every new connection, and now and then while old ones serve.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::connect::in_turn;
use super::connection::{Connection, Http1, Http2, Place};
use super::dial::{Dialer, Enter};
use super::obstacle::Obstacle;
use super::resolve::Host;
use super::settings::Keep;
use super::standing::{Background, Chore, Dialing, STREAMS_EACH, State};
use crate::attempt::Progress;
use crate::config::Balancer;
use crate::failure::{Class, Phase};

/// The connections of one runtime to one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    dialer: Arc<Dialer>,
    host: Host,
    port: u16,
    balancer: Balancer,
    state: Mutex<State>,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) enum Lease {
    /// All of an HTTP/1.1 connection; to be given back.
    Http1(Http1),
    /// A place on an HTTP/2 connection.
    Http2(Place),
}

impl Lease {
    /// Who is at the other end.
    pub(super) fn peer(&self) -> SocketAddr {
        match self {
            Lease::Http1(http1) => http1.link.peer,
            Lease::Http2(place) => place.connection.link.peer,
        }
    }
}

enum Pick {
    Place(Place, Option<Chore>),
    Idle(Http1),
    Wait(watch::Receiver<Dialing>),
    Dial,
}

impl Pool {
    pub(super) fn new(dialer: Arc<Dialer>, host: Host, port: u16, balancer: Balancer, keep: Keep) -> Pool {
        Pool { dialer, host, port, balancer, state: Mutex::new(State::new(keep)) }
    }

    /// A connection that can take a request now. Tells `progress` of the phases on the way there.
    pub(super) async fn lease(self: &Arc<Self>, progress: &Progress) -> Result<Lease, Obstacle> {
        loop {
            match self.pick() {
                Pick::Place(place, chore) => {
                    if let Some(chore) = chore {
                        tokio::spawn(Arc::clone(self).run(chore));
                    }
                    return Ok(Lease::Http2(place));
                }
                Pick::Idle(mut http1) => {
                    if http1.is_ready().await {
                        return Ok(Lease::Http1(http1));
                    }
                }
                Pick::Wait(dialing) => {
                    // Taken as it is, even if it has just ended: its end tells the reason.
                    if let Some(http2) = wait(dialing, progress).await?
                        && http2.streams() < STREAMS_EACH
                    {
                        return Ok(Lease::Http2(Place::take(http2)));
                    }
                }
                Pick::Dial => {
                    return Ok(match self.open(&|phase| progress.enter(phase)).await? {
                        Connection::Http1(http1) => Lease::Http1(http1),
                        Connection::Http2(http2) => Lease::Http2(Place::take(http2)),
                    });
                }
            }
        }
    }

    /// Keeps an HTTP/1.1 connection for the next request.
    pub(super) fn give_back(self: &Arc<Self>, http1: Http1) {
        let mut state = self.lock();
        state.idle.put(http1);
        if state.sweeping == Background::Nothing
            && let Some(next) = state.idle.next_prune()
        {
            state.sweeping = Background::Busy;
            tokio::spawn(sweep(Arc::downgrade(self), next));
        }
    }

    /// An address that the host had when it was last looked up.
    pub(super) fn known_address(&self) -> Option<SocketAddr> {
        self.lock().addresses.first().copied()
    }

    fn pick(self: &Arc<Self>) -> Pick {
        let mut state = self.lock();
        if let Some(http2) = state.next_http2() {
            let chore = state.chore(&self.host, self.balancer);
            return Pick::Place(Place::take(http2), chore);
        }
        if let Some(http1) = state.idle.take() {
            return Pick::Idle(http1);
        }
        if state.speaks_http1 || !self.dialer.may_speak_http2() {
            return Pick::Dial;
        }
        if let Some(dial) = &state.dial {
            return Pick::Wait(dial.subscribe());
        }
        let (tell, waiting) = watch::channel(Dialing::In(self.first_phase()));
        let tell = Arc::new(tell);
        state.dial = Some(Arc::clone(&tell));
        tokio::spawn(Arc::clone(self).dial_for_all(tell));
        Pick::Wait(waiting)
    }

    /// Dials for every request that waits, until none does.
    async fn dial_for_all(self: Arc<Self>, tell: Arc<watch::Sender<Dialing>>) {
        let turn = DialTurn { pool: &self, tell: &tell };
        let enter = |phase| {
            tell.send_replace(Dialing::In(phase));
        };
        let mut opening = std::pin::pin!(self.open(&enter));
        let opened = loop {
            tokio::select! {
                opened = &mut opening => break opened,
                () = tell.closed() => if turn.is_abandoned() { return },
            }
        };
        drop(turn);
        tell.send_replace(Dialing::Done(opened.map(|connection| match connection {
            Connection::Http2(http2) => Some(http2),
            Connection::Http1(http1) => {
                self.give_back(http1);
                None
            }
        })));
    }

    fn first_phase(&self) -> Phase {
        match self.host {
            Host::Name(_) => Phase::Resolve,
            Host::Address(_) => Phase::Connect,
        }
    }

    /// Looks the host up and opens a connection to one of its addresses.
    async fn open(&self, enter: Enter<'_>) -> Result<Connection, Obstacle> {
        if matches!(self.host, Host::Name(_)) {
            enter(Phase::Resolve);
        }
        let addresses = self.look_up().await.map_err(|obstacle| self.dialer.on_the_way(obstacle))?;
        let turn = match self.balancer {
            Balancer::PickFirst => 0,
            Balancer::RoundRobin => {
                let mut state = self.lock();
                state.turn = state.turn.wrapping_add(1);
                state.turn
            }
        };
        let connection = self.dialer.dial(&in_turn(&addresses, turn), enter).await?;
        self.adopt(&connection);
        Ok(connection)
    }

    fn adopt(&self, connection: &Connection) {
        let mut state = self.lock();
        match connection {
            Connection::Http1(_) => state.speaks_http1 = true,
            Connection::Http2(http2) => {
                state.speaks_http1 = false;
                state.http2.push(Arc::clone(http2));
            }
        }
    }

    /// The addresses of now. When the resolver fails for a while, those of before.
    async fn look_up(&self) -> Result<Vec<SocketAddr>, Obstacle> {
        let found = self.host.resolve(self.port).await;
        let mut state = self.lock();
        match found {
            Ok(found) => {
                state.looked_up = Some(Instant::now());
                state.addresses.clone_from(&found);
                for http2 in state.http2.iter().filter(|http2| !found.contains(&http2.link.peer)) {
                    http2.retire();
                }
                Ok(found)
            }
            Err(obstacle) if obstacle.class == Class::DnsTemporaryFailure && !state.addresses.is_empty() => {
                Ok(state.addresses.clone())
            }
            Err(obstacle) => Err(obstacle),
        }
    }

    async fn run(self: Arc<Self>, chore: Chore) {
        let _busy = Busy(&self);
        match chore {
            Chore::LookUp => {
                self.lock().looked_up = Some(Instant::now());
                if let Err(obstacle) = self.look_up().await {
                    tracing::debug!(?obstacle, "looking the backend up again failed; its known addresses stay in use");
                }
            }
            Chore::Open(addresses) => match self.dialer.dial(&addresses, &|_| ()).await {
                Ok(connection) => self.adopt(&connection),
                Err(obstacle) => {
                    tracing::debug!(?obstacle, "one of the backend's addresses is left out for a while");
                    self.lock().grow_after = Some(Instant::now() + GROW_PAUSE);
                }
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the shared dial, however it ends.
struct DialTurn<'a> {
    pool: &'a Pool,
    tell: &'a Arc<watch::Sender<Dialing>>,
}

impl DialTurn<'_> {
    /// Whether really nobody waits; then nobody can begin to, either.
    fn is_abandoned(&self) -> bool {
        let mut state = self.pool.lock();
        let is_abandoned = self.tell.receiver_count() == 0;
        if is_abandoned {
            state.dial = None;
        }
        is_abandoned
    }
}

impl Drop for DialTurn<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        if state.dial.as_ref().is_some_and(|dial| Arc::ptr_eq(dial, self.tell)) {
            state.dial = None;
        }
    }
}

/// Frees the background when its task ends, however it ends.
struct Busy<'a>(&'a Pool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.lock().background = Background::Nothing;
    }
}

/// Closes connections that are idle for too long, as long as there are any.
async fn sweep(pool: Weak<Pool>, mut next: Instant) {
    loop {
        tokio::time::sleep_until(next.into()).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        state.idle.prune();
        match state.idle.next_prune() {
            Some(later) => next = later,
            None => {
                state.sweeping = Background::Nothing;
                return;
            }
        }
    }
}

async fn wait(mut dialing: watch::Receiver<Dialing>, progress: &Progress) -> Result<Option<Arc<Http2>>, Obstacle> {
    loop {
        let now = dialing.borrow_and_update().clone();
        match now {
            Dialing::In(phase) if progress.phase() != Some(phase) => progress.enter(phase),
            Dialing::In(_) => {}
            Dialing::Done(outcome) => return outcome,
        }
        if dialing.changed().await.is_err() {
            return Err(Obstacle::new(Class::ShuttingDown, "the connection attempt was interrupted"));
        }
    }
}

const GROW_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::BTreeSet;

    use tokio::net::TcpListener;

    use super::*;
    use crate::transport::client::Protocol;
    use crate::transport::client::dial::Route;

    async fn server() -> u16 {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while connection.accept().await.is_some() {}
                });
            }
        });
        port
    }

    fn pool(host: &str, port: u16, balancer: Balancer) -> Pool {
        let dialer = Arc::new(Dialer::new(Protocol::Http2Only, None, Route::Direct, None));
        Pool::new(dialer, Host::parse(host), port, balancer, Keep::default())
    }

    async fn peer(pool: &Arc<Pool>) -> SocketAddr {
        let lease = pool.lease(&Progress::new()).await.unwrap();
        let Lease::Http2(mut place) = lease else { panic!("HTTP/1.1") };
        place.answered();
        place.connection.link.peer
    }

    #[tokio::test]
    async fn the_phases_of_a_dial_begin_with_the_first_and_are_told_once() {
        let port = server().await;
        for (host, first) in [("localhost", Phase::Resolve), ("127.0.0.1", Phase::Connect)] {
            let pool = Arc::new(pool(host, port, Balancer::RoundRobin));
            let progress = Progress::new();
            pool.lease(&progress).await.unwrap();
            let phases: Vec<Phase> = progress.record().phases.into_iter().map(|(phase, _)| phase).collect();
            assert_eq!(phases.first(), Some(&first), "{phases:?}");
            assert_eq!(phases.iter().collect::<BTreeSet<_>>().len(), phases.len(), "{phases:?}");
        }
    }

    #[tokio::test]
    async fn all_addresses_of_a_host_get_connections_and_take_turns() {
        let port = server().await;
        let pool = Arc::new(pool("127.0.0.1", port, Balancer::RoundRobin));
        peer(&pool).await;
        let addresses: BTreeSet<SocketAddr> = (1..=3).map(|last| SocketAddr::from(([127, 0, 0, last], port))).collect();
        pool.lock().addresses = addresses.iter().copied().collect();
        let mut seen = BTreeSet::new();
        while seen != addresses {
            seen.insert(peer(&pool).await);
            tokio::task::yield_now().await;
        }
        let turns: BTreeSet<SocketAddr> = [peer(&pool).await, peer(&pool).await, peer(&pool).await].into();
        assert_eq!(turns, addresses);
    }

    #[tokio::test]
    async fn pick_first_stays_with_the_first_address() {
        let port = server().await;
        let pool = Arc::new(pool("127.0.0.1", port, Balancer::PickFirst));
        let first = peer(&pool).await;
        pool.lock().addresses = (1..=3).map(|last| SocketAddr::from(([127, 0, 0, last], port))).collect();
        for _ in 0..10 {
            assert_eq!(peer(&pool).await, first);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_to_an_address_that_the_host_no_longer_has_is_given_up() {
        let port = server().await;
        let pool = Arc::new(pool("127.0.0.1", port, Balancer::RoundRobin));
        peer(&pool).await;
        let moved = self::pool("127.0.0.2", port, Balancer::RoundRobin);
        std::mem::swap(&mut *moved.lock(), &mut *pool.lock());
        let moved = Arc::new(moved);
        moved.look_up().await.unwrap();
        assert_eq!(peer(&moved).await, SocketAddr::from(([127, 0, 0, 2], port)));
    }
}
