//! Whether a server asks who we are: some close without a word when the answer does not please them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use crate::transport::tls::distinguished;

/// What `inner` shows, with a memory of what was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    inner: Arc<dyn ResolvesClientCert>,
    times: AtomicU64,
    /// The authorities that the server names, as it last did.
    accepted: Mutex<Vec<String>>,
}

impl Asked {
    pub(super) fn of(inner: Arc<dyn ResolvesClientCert>) -> Asked {
        Asked { inner, times: AtomicU64::new(0), accepted: Mutex::default() }
    }

    /// How often servers have asked so far.
    pub(super) fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// The authorities that the server last named.
    pub(super) fn accepted(&self) -> Vec<String> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.times.fetch_add(1, Ordering::Relaxed);
        let names = authorities.iter().take(MAX_NAMES).filter_map(|name| distinguished(name)).collect();
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = names;
        self.inner.resolve(authorities, schemes)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

/// More would not help anyone.
const MAX_NAMES: usize = 5;
