//! What each receiver asks for: otlp and nop.

use crate::config::model::{Detection, GrpcServer, HttpServer, ListenAddress, OtlpReceiver, Receiver};
use crate::config::section::{Rule, Section};
use crate::units::ByteCount;

use super::{endpoint, http_surface, keepalive, server_tls};

/// `otlp`
pub(super) fn otlp(section: &mut Section<'_>) -> Option<Receiver> {
    let protocols = section.entry("protocols").and_then(|value| value.section());
    let Some(mut protocols) = protocols else {
        nothing_on(section);
        return None;
    };
    let grpc = protocols.optional("grpc").map(grpc);
    let http = protocols.optional("http").map(http);
    protocols.finish();
    if grpc.is_none() && http.is_none() {
        nothing_on(section);
    }
    let max_in_flight = number(section, "max_in_flight_mib", MAX_IN_FLIGHT_MIB).map(ByteCount::mib);
    let detection = section.choice("protocol_detection", DETECTIONS).unwrap_or_default();
    Some(Receiver::Otlp(Box::new(OtlpReceiver { grpc, http, max_in_flight, detection })))
}

fn nothing_on(section: &Section<'_>) {
    let what = "must specify at least one protocol when using the OTLP receiver";
    section.whole().refuse(section.whole().fault(what).hint("write protocols: {grpc: {}, http: {}}"));
}

fn grpc(mut section: Section<'_>) -> GrpcServer {
    let listen = endpoint::listen_by_transport(&mut section, 4317);
    let tls = server_tls::read(&mut section);
    let max_streams = keepalive::max_streams(&mut section);
    let max_connections = max_connections(&mut section);
    let keepalive = keepalive::server(&mut section);
    let mib = section.value("max_recv_msg_size_mib").and_then(|value| {
        let mib = value.unsigned()?;
        if MAX_MESSAGE_MIB < mib {
            let what = "invalid max_recv_msg_size_mib value, must be between 1 and";
            value.wrong(format!("{what} {MAX_MESSAGE_MIB}: {mib}"));
        }
        Some(mib)
    });
    let include_metadata = section.boolean("include_metadata").unwrap_or(false);
    // Read when the extensions are known.
    section.entry("auth");
    section.rest(GRPC_REST);
    section.finish();
    let max_message = match mib {
        None | Some(0) => ByteCount::mib(4),
        Some(mib) => ByteCount::mib(mib),
    };
    let listen = listen.unwrap_or_else(|| everywhere(4317));
    GrpcServer { listen, max_message, tls, auth: None, max_streams, max_connections, keepalive, include_metadata }
}

fn http(mut section: Section<'_>) -> HttpServer {
    let listen = endpoint::listen_by_transport(&mut section, 4318);
    let tls = server_tls::read(&mut section);
    // Zero and less stand for the default, like in the Collector.
    let max_body = section.value("max_request_body_size").and_then(|value| value.integer());
    let max_body = max_body.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes != 0).map(ByteCount);
    let max_connections = max_connections(&mut section);
    let surface = http_surface::read(&mut section);
    // Read when the extensions are known.
    section.entry("auth");
    section.rest(HTTP_REST);
    section.finish();
    let listen = listen.unwrap_or_else(|| everywhere(4318));
    let max_body = max_body.unwrap_or(ByteCount::mib(20));
    HttpServer { listen, max_body, tls, auth: None, max_connections, surface }
}

fn max_connections(section: &mut Section<'_>) -> Option<usize> {
    number(section, "max_connections", MAX_CONNECTIONS).and_then(|number| usize::try_from(number).ok())
}

/// A bound; 0 stands for the default.
fn number(section: &mut Section<'_>, key: &'static str, most: u64) -> Option<u64> {
    let value = section.value(key)?;
    let number = value.unsigned()?;
    if most < number {
        value.wrong(format!("{number} is not between 0 and {most}"));
    }
    Some(number).filter(|number| *number != 0)
}

/// `nop`
pub(super) fn nop(_: &mut Section<'_>) -> Option<Receiver> {
    Some(Receiver::Nop)
}

fn everywhere(port: u16) -> ListenAddress {
    ListenAddress { host: "0.0.0.0".to_owned(), port }
}

const DETECTIONS: &[(&str, Detection)] =
    &[("on", Detection::On), ("off", Detection::Off), ("true", Detection::On), ("false", Detection::Off)];

/// More than a process can have files.
const MAX_CONNECTIONS: u64 = 1 << 30;

/// More than machines have memory.
const MAX_IN_FLIGHT_MIB: u64 = 1 << 30;

/// What a gRPC length prefix of 32 bits can say.
const MAX_MESSAGE_MIB: u64 = 4095;

const BUFFERS: &str = "the relay sizes its buffers by itself";

const GRPC_REST: &[(&str, Rule)] = &[
    ("dialer", Rule::NoEffect("a listener dials nobody")),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
    ("middlewares", Rule::NotYet),
];

const HTTP_REST: &[(&str, Rule)] =
    &[("dialer", Rule::NoEffect("a listener dials nobody")), ("middlewares", Rule::NotYet)];
