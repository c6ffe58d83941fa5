//! How connections are accepted and handed to the workers, whatever goes wrong in between.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use crate::failure::Class;
use crate::flow::{Lifetime, Workers};

use super::connection::Shared;
use super::places::{Place, Places};
use super::socket::Acceptor;
use super::{Answer, Listener, OncePer, Terms};

/// Accepts the connections of `listener` until the intake of `lifetime` ends, hands them to `workers` in turn, and lets
/// `answer` answer their requests. Each connection is taken on the `terms` of its moment. Requests in hand are answered after the intake's end.
///
/// # Errors
/// When the system gives no file descriptor for the listener's share.
pub fn serve<A: Answer>(
    listener: &Listener,
    workers: &Workers,
    lifetime: &Lifetime,
    terms: Arc<ArcSwap<Terms>>,
    answer: Arc<A>,
) -> io::Result<()> {
    let runtime = workers.next();
    let socket = {
        let _entered = runtime.enter();
        listener.acceptor()?
    };
    let places = Places::new(Arc::clone(&terms));
    let gate = Gate { socket, places: Arc::clone(&places), complaints: OncePer::new(LOG_INTERVAL, LOG_KINDS) };
    let turns = workers.all().to_vec();
    let shared = Arc::new(Shared::new(answer, terms, places, lifetime.clone()));
    let lives = lifetime.clone();
    lifetime.spawn_on(runtime, "accept loop", async move {
        tokio::select! {
            () = lives.intake_ended() => {}
            () = gate.accept_all(&turns, &lives, &shared) => {}
        }
    });
    Ok(())
}

struct Gate {
    socket: Acceptor,
    places: Arc<Places>,
    complaints: OncePer<&'static str>,
}

impl Gate {
    async fn accept_all<A: Answer>(&self, turns: &[Handle], lifetime: &Lifetime, shared: &Arc<Shared<A>>) {
        let mut pause = SHORTEST_PAUSE;
        for worker in turns.iter().cycle() {
            let place = self.place().await;
            let (stream, peer) = loop {
                match self.socket.accept().await {
                    Ok(accepted) => break accepted,
                    Err(error) if is_of_one_client(&error) => {}
                    Err(error) => {
                        self.complain(&error);
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            };
            pause = SHORTEST_PAUSE;
            let attended = Arc::clone(shared).attend(stream, peer);
            lifetime.spawn_on(worker, "connection", async move {
                attended.await;
                drop(place);
            });
        }
    }

    /// A place for one more connection, as soon as there is one.
    async fn place(&self) -> Place {
        if let Some(place) = self.places.try_take() {
            return place;
        }
        if self.complaints.admits("connections") {
            tracing::warn!(
                remedy = "raise max_connections of the receiver, or the limit of open files (ulimit -n, LimitNOFILE=); or look for clients that connect anew for each request",
                "all connections of a listener are taken; new clients wait"
            );
        }
        self.places.take().await
    }

    fn complain(&self, error: &io::Error) {
        let class = if is_out_of_files(error) { Class::TooManyOpenFiles } else { Class::Other };
        if self.complaints.admits(class.code()) {
            tracing::error!(class = class.code(), %error, remedy = class.row().remedy, "cannot accept connections");
        }
    }
}

/// EMFILE and ENFILE, which have no kind of their own. `accept` answers them at once and for ever.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// A client that was gone before it was accepted: the next one is none the worse for it.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

const LONGEST_PAUSE: Duration = Duration::from_secs(1);

const LOG_INTERVAL: Duration = Duration::from_secs(60);

const LOG_KINDS: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::SocketAddr;
    use std::time::Instant;

    use http::{Request, Response};
    use hyper::body::Incoming;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::ListenAddress;
    use crate::transport::server::{Limits, Reply};

    struct Empty;

    impl Answer for Empty {
        async fn answer(self: Arc<Self>, _: SocketAddr, _: Request<Incoming>) -> Response<Reply> {
            Response::new(Reply::empty())
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n";

    const SHORT: Duration = Duration::from_millis(150);

    async fn connected(limits: Limits, clients: usize) -> (Vec<TcpStream>, Lifetime, Workers) {
        let listener = Listener::bind(&ListenAddress { host: "localhost".to_owned(), port: 0 }).await.unwrap();
        let (workers, lifetime) = (Workers::start_many(1).unwrap(), Lifetime::new());
        serve(
            &listener,
            &workers,
            &lifetime,
            Arc::new(ArcSwap::from_pointee(Terms { limits, ..Terms::default() })),
            Arc::new(Empty),
        )
        .unwrap();
        let mut streams = Vec::new();
        for _ in 0..clients {
            streams.push(TcpStream::connect(listener.local_addr()).await.unwrap());
        }
        (streams, lifetime, workers)
    }

    /// A client that says `words`, each after an answer, and no more is hung up on when `limits` say so, and not before.
    async fn check_hung_up(limits: Limits, words: &[&[u8]]) {
        let (mut clients, _lifetime, _workers) = connected(limits, 1).await;
        let began = Instant::now();
        for (index, word) in words.iter().enumerate() {
            if index != 0 {
                clients[0].read_u8().await.unwrap();
            }
            clients[0].write_all(word).await.unwrap();
        }
        let hung_up = tokio::time::timeout(SHORT * 40, clients[0].read_to_end(&mut Vec::new())).await;
        assert!(hung_up.is_ok(), "still connected after {words:?}");
        assert!(SHORT <= began.elapsed(), "{words:?}");
    }

    #[tokio::test]
    async fn a_silent_connection_ends() {
        let limits = Limits { idle: SHORT, ..Limits::default() };
        check_hung_up(limits.clone(), &[]).await;
        check_hung_up(limits.clone(), &[REQUEST]).await;
        check_hung_up(limits, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"]).await;
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
        let limits = Limits { header: SHORT, ..Limits::default() };
        check_hung_up(limits.clone(), &[&REQUEST[..10]]).await;
        check_hung_up(limits, &[REQUEST, &REQUEST[..10]]).await;
    }

    #[tokio::test]
    async fn a_crowded_listener_lets_idle_connections_go_and_keeps_the_others() {
        let limits = Limits { connections: 5, crowded_idle: SHORT, ..Limits::default() };
        let (mut clients, _lifetime, _workers) = connected(limits, 3).await;
        for client in &mut clients {
            client.write_all(REQUEST).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'H');
            // Three, and the place that is kept for the next one, are not all of five.
            assert!(tokio::time::timeout(SHORT * 2, client.read_exact(&mut [0; 1000])).await.is_err());
        }
        let mut fourth = TcpStream::connect(clients[0].peer_addr().unwrap()).await.unwrap();
        fourth.write_all(&REQUEST[..10]).await.unwrap();
        // As many go as are in the way, and which of them is not said.
        let ends = clients.iter_mut().map(|client| Box::pin(async { client.read_to_end(&mut Vec::new()).await }));
        let hung_up = tokio::time::timeout(SHORT * 40, futures_util::future::select_all(ends)).await;
        assert!(hung_up.is_ok(), "idle connections stay on a crowded listener");
        fourth.write_all(&REQUEST[10..]).await.unwrap();
        assert_eq!(fourth.read_u8().await.unwrap(), b'H');
    }

    #[tokio::test]
    async fn clients_beyond_the_limit_wait_for_a_place() {
        let limits = Limits { connections: 1, ..Limits::default() };
        let (mut clients, _lifetime, _workers) = connected(limits, 2).await;
        let mut second = clients.pop().unwrap();
        second.write_all(REQUEST).await.unwrap();
        assert!(tokio::time::timeout(SHORT, second.read_u8()).await.is_err());
        clients.clear();
        assert_eq!(second.read_u8().await.unwrap(), b'H');
    }
}
