//! What each extension asks for: health_check, zpages, and those that are there for the Go runtime.

use crate::config::model::{Extension, HealthCheck, ListenAddress, Zpages};
use crate::config::section::{Rule, Section};

use super::endpoint;

/// `health_check`
pub(super) fn health_check(section: &mut Section<'_>) -> Option<Extension> {
    let listen = section.value("endpoint").and_then(|value| endpoint::listen(&value, HEALTH_PORT));
    let listen = listen.or_else(|| early_port(section));
    let path = section.value("path").and_then(|value| {
        let path = value.text()?;
        if !path.starts_with('/') {
            value.refuse(value.fault("path must start with /").hint(format!("write /{path}")));
        }
        Some(path)
    });
    let body = section.optional("response_body").map(|mut body| {
        let texts = (body.text("healthy"), body.text("unhealthy"));
        body.finish();
        texts
    });
    let (healthy_body, unhealthy_body) = body.unwrap_or_default();
    section.rest(REST);
    Some(Extension::HealthCheck(HealthCheck {
        listen: listen.unwrap_or_else(|| everywhere(HEALTH_PORT)),
        path: path.unwrap_or_else(|| "/".to_owned()),
        healthy_body: healthy_body.filter(|text| !text.is_empty()),
        unhealthy_body: unhealthy_body.filter(|text| !text.is_empty()),
    }))
}

/// `zpages`
pub(super) fn zpages(section: &mut Section<'_>) -> Option<Extension> {
    let listen = section.value("endpoint").and_then(|value| endpoint::listen(&value, ZPAGES_PORT));
    section.rest(&[("expvar", Rule::NoEffect("the variables are those of the Go runtime"))]);
    section.rest(REST);
    let listen = listen.unwrap_or_else(|| ListenAddress { host: "localhost".to_owned(), port: ZPAGES_PORT });
    Some(Extension::Zpages(Zpages { listen }))
}

/// `pprof`
pub(super) fn pprof(section: &mut Section<'_>) -> Option<Extension> {
    section.whole().warn("the extension has no effect: its profiles are those of the Go runtime");
    section.rest(PPROF);
    Some(Extension::Pprof)
}

/// `memory_ballast`
pub(super) fn memory_ballast(section: &mut Section<'_>) -> Option<Extension> {
    section.whole().warn("the extension has no effect: it was for the memory of the Go runtime; take it out");
    section.rest(&[("size_mib", Rule::NoEffect(BALLAST)), ("size_in_percentage", Rule::NoEffect(BALLAST))]);
    Some(Extension::MemoryBallast)
}

/// `port`, which early versions of the Collector had instead of `endpoint`.
fn early_port(section: &mut Section<'_>) -> Option<ListenAddress> {
    let value = section.value("port")?;
    let port = u16::try_from(value.unsigned()?).ok();
    match port {
        Some(port) => {
            value.warn(format!("the key \"port\" is gone from the Collector; write endpoint: 0.0.0.0:{port}"))
        }
        None => value.wrong("ports go up to 65535"),
    }
    port.map(everywhere)
}

fn everywhere(port: u16) -> ListenAddress {
    ListenAddress { host: "0.0.0.0".to_owned(), port }
}

const HEALTH_PORT: u16 = 13133;
const ZPAGES_PORT: u16 = 55679;
const GO: &str = "profiles are those of the Go runtime";
const BALLAST: &str = "the relay needs no ballast: its memory is not collected";
const PPROF: &[(&str, Rule)] = &[
    ("endpoint", Rule::NoEffect(GO)),
    ("dialer", Rule::NoEffect(GO)),
    ("block_profile_fraction", Rule::NoEffect(GO)),
    ("mutex_profile_fraction", Rule::NoEffect(GO)),
    ("save_to_file", Rule::NoEffect(GO)),
];
const SERVER: &str = "the relay serves this page in one way";
const REST: &[(&str, Rule)] = &[
    ("check_collector_pipeline", Rule::NoEffect("it has no function in the Collector of today either")),
    ("transport", Rule::Only(&["tcp"])),
    ("tls", Rule::NotYet),
    ("auth", Rule::NotYet),
    ("cors", Rule::NotYet),
    ("response_headers", Rule::NotYet),
    ("use_v2", Rule::NotYet),
    ("http", Rule::NotYet),
    ("grpc", Rule::NotYet),
    ("component_health", Rule::NotYet),
    ("include_metadata", Rule::NoEffect(SERVER)),
    ("compression_algorithms", Rule::NoEffect(SERVER)),
    ("max_request_body_size", Rule::NoEffect(SERVER)),
    ("read_timeout", Rule::NoEffect(SERVER)),
    ("read_header_timeout", Rule::NoEffect(SERVER)),
    ("write_timeout", Rule::NoEffect(SERVER)),
    ("idle_timeout", Rule::NoEffect(SERVER)),
    ("keep_alives_enabled", Rule::Fixed("true", SERVER)),
    ("middlewares", Rule::NotYet),
];
