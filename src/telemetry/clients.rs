//! Clients of the receivers that do something wrong: what, how often, and what to do about it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::Moment;
use super::events::shortened;

/// What one client does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFault {
    /// The client.
    pub client: IpAddr,
    /// What it speaks: `grpc`, `http` or `tls`.
    pub protocol: &'static str,
    /// A class of the failure table, or a word of its own for what is none.
    pub class: &'static str,
    /// The latest evidence, in words.
    pub cause: String,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: String,
    /// How often it was told.
    pub count: u64,
    /// When first.
    pub first: Moment,
    /// When last.
    pub last: Moment,
}

/// The clients that did something wrong lately. Bounded: what was not seen for longest makes room. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<Vec<ClientFault>>>);

/// What was seen of a client.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// See [`ClientFault::protocol`].
    pub protocol: &'static str,
    /// See [`ClientFault::class`].
    pub class: &'static str,
    /// The evidence.
    pub cause: &'a str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'a str,
}

impl Clients {
    /// `client` did this.
    pub fn note(&self, client: IpAddr, seen: Seen<'_>) {
        let now = Moment::now();
        let cause = shortened(seen.cause);
        let mut faults = self.lock();
        let known = faults
            .iter_mut()
            .find(|fault| (fault.client, fault.class, fault.protocol) == (client, seen.class, seen.protocol));
        if let Some(fault) = known {
            fault.count += 1;
            fault.last = now;
            if fault.cause != cause {
                cause.clone_into(&mut fault.cause);
            }
            return;
        }
        if MOST <= faults.len()
            && let Some(oldest) = (0..faults.len()).min_by_key(|at| faults[*at].last)
        {
            faults.swap_remove(oldest);
        }
        let Seen { protocol, class, cause: _, meaning, remedy } = seen;
        let (cause, remedy) = (cause.to_owned(), remedy.to_owned());
        faults.push(ClientFault { client, protocol, class, cause, meaning, remedy, count: 1, first: now, last: now });
    }

    /// All of them, the latest first.
    pub fn latest(&self) -> Vec<ClientFault> {
        let mut faults = self.lock().clone();
        faults.sort_by_key(|fault| std::cmp::Reverse(fault.last));
        faults
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ClientFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(cause: &str) -> Seen<'_> {
        Seen { protocol: "http", class: "malformed_request", cause, meaning: "m", remedy: "r" }
    }

    #[test]
    fn a_client_that_errs_again_is_counted_and_told_by_its_latest_error() {
        let clients = Clients::default();
        let client = IpAddr::from([127, 0, 0, 1]);
        clients.note(client, seen("a"));
        clients.note(client, seen("b"));
        let found: Vec<_> = clients.latest().into_iter().map(|fault| (fault.cause, fault.count)).collect();
        assert_eq!(found, [("b".to_owned(), 2)]);
    }

    #[test]
    fn many_clients_do_not_fill_the_memory() {
        let clients = Clients::default();
        for number in 0..=u8::MAX {
            clients.note(IpAddr::from([10, 0, 0, number]), seen("a"));
        }
        assert_eq!(clients.latest().len(), MOST);
    }
}
