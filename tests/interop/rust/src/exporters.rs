//! The exporters of all signals to one place, over the protocol that was asked for.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

type Made<T> = Result<T, Box<dyn Error>>;

const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Exporters {
    pub target: String,
    pub reference: String,
    protocol: String,
    gzip: bool,
    authorization: Option<String>,
    ca: Option<Vec<u8>>,
    /// A certificate and its key.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Both builders have the same methods, but no trait for all of them.
macro_rules! build {
    ($self:ident, $builder:expr, $base:expr, $path:expr) => {
        if $self.protocol == "grpc" {
            let builder = $builder.with_tonic().with_endpoint($base).with_timeout(TIMEOUT);
            let builder = builder.with_metadata($self.metadata()?);
            let builder = if $self.gzip { builder.with_compression(Compression::Gzip) } else { builder };
            match $self.tls($base) {
                Some(tls) => builder.with_tls_config(tls).build()?,
                None => builder.build()?,
            }
        } else {
            let builder = $builder.with_http().with_endpoint(format!("{}{}", $base, $path)).with_timeout(TIMEOUT);
            let builder = builder.with_protocol($self.http_protocol()).with_http_client($self.client()?);
            let headers = $self.authorization.iter().map(|value| ("authorization".to_owned(), value.clone()));
            let builder = builder.with_headers(headers.collect());
            if $self.gzip { builder.with_compression(Compression::Gzip).build()? } else { builder.build()? }
        }
    };
}

impl Exporters {
    pub fn new(given: &HashMap<String, String>) -> Made<Exporters> {
        let file = |name: &str| given.get(name).map(std::fs::read).transpose();
        let text = |name: &str| given.get(name).cloned().ok_or_else(|| format!("{name} is missing"));
        Ok(Exporters {
            target: text("--target")?,
            reference: text("--reference")?,
            protocol: text("--protocol")?,
            gzip: given.get("--compression").is_some_and(|name| name == "gzip"),
            authorization: given.get("--authorization").cloned(),
            ca: file("--ca")?,
            identity: file("--cert")?.zip(file("--key")?),
        })
    }

    pub fn spans(&self, base: &str) -> Made<SpanExporter> {
        Ok(build!(self, SpanExporter::builder(), base, "/v1/traces"))
    }

    /// Delta leaves sums that are not monotonic cumulative, so that there are both temporalities.
    pub fn metrics(&self, base: &str) -> Made<MetricExporter> {
        let builder = || MetricExporter::builder().with_temporality(Temporality::Delta);
        Ok(build!(self, builder(), base, "/v1/metrics"))
    }

    pub fn logs(&self, base: &str) -> Made<LogExporter> {
        Ok(build!(self, LogExporter::builder(), base, "/v1/logs"))
    }

    fn http_protocol(&self) -> Protocol {
        if self.protocol == "json" { Protocol::HttpJson } else { Protocol::HttpBinary }
    }

    fn metadata(&self) -> Made<MetadataMap> {
        let mut metadata = MetadataMap::new();
        if let Some(value) = &self.authorization {
            metadata.insert("authorization", value.parse()?);
        }
        Ok(metadata)
    }

    fn tls(&self, base: &str) -> Option<ClientTlsConfig> {
        let ca = self.ca.as_ref().filter(|_| base.starts_with("https:"))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        Some(match &self.identity {
            Some((certificate, key)) => tls.identity(Identity::from_pem(certificate, key)),
            None => tls,
        })
    }

    /// Over TLS where the URL says so.
    fn client(&self) -> Made<HyperClient<HttpsConnector<HttpConnector>>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.ca.as_deref().unwrap_or_default()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots);
        let config = match &self.identity {
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>()?;
                config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?
            }
            None => config.with_no_client_auth(),
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        Ok(HyperClient::new(connector, TIMEOUT, None))
    }
}
