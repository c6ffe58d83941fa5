//! The listeners for telemetry, by address: they outlive a configuration, with the clients that are connected to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{ListenAddress, Places};
use crate::failure::Class;
use crate::flow::{Lifetime, Workers};
use crate::ident::ComponentId;
use crate::pipeline::{Listen, Server};
use crate::receivers::otlp::{Door, OtlpServer, Sign};
use crate::transport::container;
use crate::transport::server::{BindError, BindProblem, Listener, Terms, TlsServer};

use super::start::StartError;

/// Every address that is listened on.
#[derive(Default)]
pub(super) struct Doors(BTreeMap<ListenAddress, Open>);

struct Open {
    door: Arc<Door>,
    life: Lifetime,
}

/// What another configuration makes of the doors, ready to be put in force.
pub(super) struct Prepared {
    fresh: BTreeMap<ListenAddress, Listener>,
    /// Addresses that become free when doors that nobody wants any more are closed.
    handed_over: Vec<ListenAddress>,
    wanted: Vec<Wanted>,
}

struct Wanted {
    receiver: ComponentId,
    address: ListenAddress,
    server: Arc<OtlpServer>,
    sign: Sign,
    terms: Terms,
}

impl Doors {
    /// Binds the addresses of `servers` that are not open yet. Nothing that runs is touched. `places` are those of the
    /// configuration.
    ///
    /// # Errors
    /// When one of them cannot be listened on; then none is.
    pub(super) async fn prepare(&self, servers: Vec<Server>, places: &Places) -> Result<Prepared, StartError> {
        let mut prepared = Prepared { fresh: BTreeMap::new(), handed_over: Vec::new(), wanted: Vec::new() };
        let mut claimed = BTreeSet::new();
        let all = servers.iter().flat_map(|server| server.listens.iter().map(|listen| listen.address.clone()));
        let all: BTreeSet<ListenAddress> = all.collect();
        for server in servers {
            for Listen { address, sign, terms } in server.listens {
                // An address that is claimed twice is bound again, to fail as it would between two processes.
                let again = !claimed.insert(address.clone());
                if again || !self.0.contains_key(&address) {
                    let path = format!("receivers::{}::protocols::{}::endpoint", server.id, sign.protocol());
                    match Listener::bind(&address).await {
                        Ok(listener) => drop(prepared.fresh.insert(address.clone(), listener)),
                        Err(error) if !again && self.is_in_our_own_way(&error, &all) => {
                            prepared.handed_over.push(address.clone());
                        }
                        Err(error) => return Err(error.at(&path, places).into()),
                    }
                    warn_of_loopback(&address, &path, places);
                }
                let (receiver, server) = (server.id.clone(), Arc::clone(&server.otlp));
                prepared.wanted.push(Wanted { receiver, address, server, sign, terms });
            }
        }
        Ok(prepared)
    }

    /// Whether it is a door of ours that keeps an address from being listened on, and one that closes in favour of the
    /// doors `wanted`: all addresses instead of one, or the other way.
    fn is_in_our_own_way(&self, error: &BindError, wanted: &BTreeSet<ListenAddress>) -> bool {
        error.problem == BindProblem::InUse
            && self.0.keys().any(|open| open.overlaps(&error.address) && !wanted.contains(open))
    }

    /// Puts `prepared` in force: open doors lead to the new servers from their next request on, new ones open, and those
    /// that nobody wants any more close when their requests in hand are answered.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new one, or somebody else takes an address that another door of ours
    /// has just left. The others are in force all the same.
    pub(super) async fn enforce(
        &mut self,
        prepared: Prepared,
        workers: &Workers,
        lifetime: &Lifetime,
    ) -> Result<(), StartError> {
        let Prepared { mut fresh, handed_over, wanted } = prepared;
        let mut outcome = Ok(());
        let mut kept = BTreeMap::new();
        self.close_all_but(&wanted);
        for address in handed_over {
            match Listener::bind_once_free(&address).await {
                Ok(listener) => drop(fresh.insert(address, listener)),
                Err(error) => outcome = Err(error.into()),
            }
        }
        for Wanted { receiver, address, server, sign, terms } in wanted {
            let open = match (self.0.remove(&address), fresh.get(&address)) {
                (Some(open), _) => {
                    open.door.lead_to(server, sign, terms);
                    open
                }
                (None, Some(listener)) => {
                    let spoken = server.spoken(&sign);
                    match open(listener, Door::to(server, sign, terms), workers, lifetime) {
                        Ok(open) => {
                            tracing::info!(%receiver, address = %listener, "receiving OTLP over {spoken}");
                            open
                        }
                        Err(error) => {
                            outcome = Err(error);
                            continue;
                        }
                    }
                }
                (None, None) => continue,
            };
            kept.insert(address, open);
        }
        self.0 = kept;
        outcome
    }

    /// The certificates of what `prepared` asks for, by receiver.
    pub(super) fn certificates(prepared: &Prepared) -> Vec<(ComponentId, Arc<TlsServer>)> {
        let tls = |wanted: &Wanted| Some((wanted.receiver.clone(), Arc::clone(wanted.terms.tls.as_ref()?)));
        prepared.wanted.iter().filter_map(tls).collect()
    }

    fn close_all_but(&mut self, wanted: &[Wanted]) {
        self.0.retain(|address, open| {
            let stays = wanted.iter().any(|wanted| wanted.address == *address);
            if !stays {
                open.life.end_intake();
                tracing::info!(%address, "no longer receiving here");
            }
            stays
        });
    }
}

/// Inside a container, whatever listens on a loopback address is out of reach for everyone outside, however its ports are
/// published.
pub(super) fn warn_of_loopback(address: &ListenAddress, path: &str, places: &Places) {
    let Some(container) = container::current().filter(|_| address.is_loopback() && address.socket().is_none()) else {
        return;
    };
    // Who writes an address rather than `localhost` has most likely meant it.
    let is_meant = address.host != "localhost";
    let what = format!("{address} can be reached from inside this {container} only");
    let mend = format!("write 0.0.0.0:{}, unless all senders are in this {container}", address.port);
    // In the shape of the other warnings about the configuration.
    let (problem, class) = (places.problem(path, what).hint(mend), Class::BindLoopbackOnly.code());
    if is_meant { tracing::info!(class, "{problem}") } else { tracing::warn!(class, "{problem}") }
}

/// Each worker has its share of `listener` until the intake ends: late clients are then refused rather than left waiting.
fn open(listener: &Listener, door: Arc<Door>, workers: &Workers, lifetime: &Lifetime) -> Result<Open, StartError> {
    let life = lifetime.branch();
    door.serve(listener, workers, &life)?;
    Ok(Open { door, life })
}
