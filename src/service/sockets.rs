//! Which addresses a configuration listens on: bound before anything that runs is touched, or taken over from a
//! listener of ours that closes.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{ListenAddress, Places};
use crate::failure::Class;
use crate::transport::container;
use crate::transport::server::{BindError, BindProblem, Listener};

use super::start::StartError;

/// Those who listen. An address passes from one to another as it does from one process to another: by closing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// The receivers.
    Doors,
    /// The exporters that are scraped.
    Scrapes,
    /// The relay's own pages.
    Admin,
}

/// Somebody's address.
pub(super) type Site = (Party, ListenAddress);

/// An address that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) site: Site,
    /// Where in the configuration.
    pub(super) path: String,
}

/// The listeners of another configuration, as far as they are not open yet.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    fresh: BTreeMap<Site, Listener>,
    /// What becomes free when others of ours are closed.
    handed_over: Vec<Site>,
}

impl Sockets {
    /// Binds what is claimed and not `open` yet. `places` are those of the configuration.
    ///
    /// # Errors
    /// When one of the addresses cannot be listened on; then none is.
    pub(super) async fn bind(claims: &[Claim], open: &BTreeSet<Site>, places: &Places) -> Result<Sockets, StartError> {
        let wanted: BTreeSet<&Site> = claims.iter().map(|claim| &claim.site).collect();
        // All addresses instead of one, or the other way, or the same for something else.
        let is_in_our_own_way = |error: &BindError| {
            let mut leaving = open.iter().filter(|site| !wanted.contains(site));
            error.problem == BindProblem::InUse && leaving.any(|(_, address)| address.overlaps(&error.address))
        };
        let (mut sockets, mut claimed) = (Sockets::default(), BTreeSet::new());
        for Claim { site, path } in claims {
            // An address that is claimed twice is bound again, to fail as it would between two processes.
            let again = !claimed.insert(&site.1);
            if !again && open.contains(site) {
                continue;
            }
            match Listener::bind(&site.1).await {
                Ok(listener) => drop(sockets.fresh.insert(site.clone(), listener)),
                Err(error) if !again && is_in_our_own_way(&error) => sockets.handed_over.push(site.clone()),
                Err(error) => return Err(error.at(path, places).into()),
            }
            // Who looks after this relay is often on the same machine.
            if site.0 != Party::Admin {
                warn_of_loopback(&site.1, path, places);
            }
        }
        Ok(sockets)
    }

    /// Binds what those who have closed meanwhile have left.
    ///
    /// # Errors
    /// When somebody else takes one of the addresses. The others are listened on all the same.
    pub(super) async fn take_over(&mut self) -> Result<(), StartError> {
        let mut outcome = Ok(());
        for site in std::mem::take(&mut self.handed_over) {
            match Listener::bind_once_free(&site.1).await {
                Ok(listener) => drop(self.fresh.insert(site, listener)),
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }

    /// The new listener of `party` at `address`; nothing where there is none.
    pub(super) fn take(&mut self, party: Party, address: &ListenAddress) -> Option<Listener> {
        self.fresh.remove(&(party, address.clone()))
    }
}

/// Inside a container, whatever listens on a loopback address is out of reach for everyone outside, however its ports are
/// published.
fn warn_of_loopback(address: &ListenAddress, path: &str, places: &Places) {
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
