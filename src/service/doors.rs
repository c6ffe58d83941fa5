//! The listeners for telemetry, by address: they outlive a configuration, with the clients that are connected to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::ListenAddress;
use crate::flow::{Lifetime, Workers};
use crate::ident::ComponentId;
use crate::pipeline::{Listen, Server};
use crate::receivers::otlp::{Door, OtlpServer, Sign};
use crate::transport::server::{Listener, Terms, TlsServer};

use super::sockets::{Claim, Party, Site, Sockets};
use super::start::StartError;

/// Every address that is listened on.
#[derive(Default)]
pub(super) struct Doors(BTreeMap<ListenAddress, Open>);

struct Open {
    door: Arc<Door>,
    life: Lifetime,
}

/// What another configuration makes of the doors.
pub(super) struct Prepared(Vec<Wanted>);

struct Wanted {
    receiver: ComponentId,
    address: ListenAddress,
    server: Arc<OtlpServer>,
    sign: Sign,
    terms: Terms,
}

impl Doors {
    /// What is listened on now.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site> {
        self.0.keys().map(|address| (Party::Doors, address.clone()))
    }

    /// Closes what `prepared` does not want any more, as soon as the requests in hand are answered.
    pub(super) fn close_all_but(&mut self, prepared: &Prepared) {
        self.0.retain(|address, open| {
            let stays = prepared.0.iter().any(|wanted| wanted.address == *address);
            if !stays {
                open.life.end_intake();
                tracing::info!(%address, "no longer receiving here");
            }
            stays
        });
    }

    /// Puts `prepared` in force: open doors lead to the new servers from their next request on, new ones open in
    /// `sockets`.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new one. The others are in force all the same.
    pub(super) fn enforce(
        &mut self,
        prepared: Prepared,
        sockets: &mut Sockets,
        workers: &Workers,
        lifetime: &Lifetime,
    ) -> Result<(), StartError> {
        let mut outcome = Ok(());
        for Wanted { receiver, address, server, sign, terms } in prepared.0 {
            if let Some(open) = self.0.get(&address) {
                open.door.lead_to(server, sign, terms);
                continue;
            }
            let Some(listener) = sockets.take(Party::Doors, &address) else { continue };
            let spoken = server.spoken(&sign);
            match open(&listener, Door::to(server, sign, terms), workers, lifetime) {
                Ok(open) => {
                    tracing::info!(%receiver, address = %listener, "receiving OTLP over {spoken}");
                    self.0.insert(address, open);
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// The certificates of what `prepared` asks for, by receiver.
    pub(super) fn certificates(prepared: &Prepared) -> Vec<(ComponentId, Arc<TlsServer>)> {
        let tls = |wanted: &Wanted| Some((wanted.receiver.clone(), Arc::clone(wanted.terms.tls.as_ref()?)));
        prepared.0.iter().filter_map(tls).collect()
    }
}

impl Prepared {
    /// The doors of `servers`.
    pub(super) fn of(servers: Vec<Server>) -> Prepared {
        let wanted = servers.into_iter().flat_map(|Server { id, otlp, listens }| {
            listens.into_iter().map(move |Listen { address, sign, terms }| Wanted {
                receiver: id.clone(),
                address,
                server: Arc::clone(&otlp),
                sign,
                terms,
            })
        });
        Prepared(wanted.collect())
    }

    /// The addresses that they are to be at.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.0.iter().map(|Wanted { receiver, address, sign, .. }| Claim {
            site: (Party::Doors, address.clone()),
            path: format!("receivers::{receiver}::protocols::{}::endpoint", sign.protocol()),
        })
    }
}

/// Each worker has its share of `listener` until the intake ends: late clients are then refused rather than left waiting.
fn open(listener: &Listener, door: Arc<Door>, workers: &Workers, lifetime: &Lifetime) -> Result<Open, StartError> {
    let life = lifetime.branch();
    door.serve(listener, workers, &life)?;
    Ok(Open { door, life })
}
