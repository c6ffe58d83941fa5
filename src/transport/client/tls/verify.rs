//! Whether a server's certificate is accepted: webpki's verdict, or none at all where that was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// A verifier that remembers the last chain that it refused, so that the message can name who issued it.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    refused: Mutex<Vec<CertificateDer<'static>>>,
}

/// What makes a certificate acceptable.
#[derive(Debug)]
pub(super) enum Trust {
    /// A chain to an authority.
    Authorities(Arc<WebPkiServerVerifier>),
    /// Nothing: `insecure_skip_verify`.
    Anything,
}

impl Verifier {
    pub(super) fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Verifier {
        Verifier { trust, provider, refused: Mutex::default() }
    }

    /// The last chain that was refused, the server's own certificate first; empty when none was.
    pub(super) fn refused(&self) -> Vec<CertificateDer<'static>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse<'a>(&self, chain: impl Iterator<Item = &'a CertificateDer<'a>>) {
        let chain = chain.map(|link| link.clone().into_owned()).collect();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::Authorities(webpki) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        let verdict = webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if verdict.is_err() {
            self.refuse(std::iter::once(end_entity).chain(intermediates));
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
            .inspect_err(|_| self.refuse(std::iter::once(certificate)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
            .inspect_err(|_| self.refuse(std::iter::once(certificate)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
