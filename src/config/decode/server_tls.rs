//! With which certificates a receiver speaks TLS: the server side of the Collector's `tls`.

use crate::config::model::{CaReload, ClientCa, ServerTls};
use crate::config::section::{Rule, Section};

use super::tls_terms;

/// `tls` of one protocol; none means plaintext.
pub(super) fn read(protocol: &mut Section<'_>) -> Option<Box<ServerTls>> {
    let mut tls = protocol.value("tls")?.section()?;
    if !tls.enabled() {
        return None;
    }
    let (certificate, key) = tls_terms::certificate_and_key(&mut tls);
    let client_ca = client_ca(&mut tls);
    let terms = tls_terms::terms(&mut tls);
    let reload_interval = tls_terms::reload_interval(&mut tls);
    if let Some(ca) = ["ca_file", "ca_pem"].into_iter().find_map(|key| tls.value(key)) {
        ca.warn("has no effect on a receiver; write client_ca_file to demand certificates of clients");
    }
    tls_terms::ca(&mut tls);
    tls.rest(REST);
    let whole = tls.whole().clone();
    tls.finish();
    let (Some(certificate), Some(key)) = (certificate, key) else {
        let what = "TLS configuration must include both certificate and key for server connections";
        whole.refuse(whole.fault(what).hint("write cert_file and key_file"));
        return None;
    };
    Some(Box::new(ServerTls { certificate, key, client_ca, terms, reload_interval }))
}

fn client_ca(tls: &mut Section<'_>) -> Option<ClientCa> {
    let reload = tls.boolean("client_ca_file_reload").unwrap_or(false);
    let file = tls.text("client_ca_file").filter(|file| !file.is_empty())?;
    let reload = if reload { CaReload::WhenChanged } else { CaReload::Never };
    Some(ClientCa { file: file.into(), reload })
}

const REST: &[(&str, Rule)] =
    &[("include_system_ca_certs_pool", Rule::NoEffect("the clients of a receiver are known by client_ca_file alone"))];
