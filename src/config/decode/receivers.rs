//! What each receiver asks for: otlp and nop.

use crate::config::model::{GrpcServer, HttpServer, ListenAddress, OtlpReceiver, Receiver};
use crate::config::section::{Rule, Section};
use crate::units::ByteCount;

use super::{endpoint, keepalive, server_tls};

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
    Some(Receiver::Otlp(OtlpReceiver { grpc, http }))
}

fn nothing_on(section: &Section<'_>) {
    let what = "must specify at least one protocol when using the OTLP receiver";
    section.whole().refuse(section.whole().fault(what).hint("write protocols: {grpc: {}, http: {}}"));
}

fn grpc(mut section: Section<'_>) -> GrpcServer {
    let listen = endpoint::listen_by_transport(&mut section);
    let tls = server_tls::read(&mut section);
    let max_streams = keepalive::max_streams(&mut section);
    let keepalive = keepalive::server(&mut section);
    let mib = section.value("max_recv_msg_size_mib").and_then(|value| {
        let mib = value.unsigned()?;
        if MAX_MESSAGE_MIB < mib {
            let what = "invalid max_recv_msg_size_mib value, must be between 1 and";
            value.wrong(format!("{what} {MAX_MESSAGE_MIB}: {mib}"));
        }
        Some(mib)
    });
    section.rest(GRPC_REST);
    section.finish();
    let max_message = match mib {
        None | Some(0) => ByteCount::mib(4),
        Some(mib) => ByteCount::mib(mib),
    };
    GrpcServer { listen: listen.unwrap_or_else(|| everywhere(4317)), max_message, tls, max_streams, keepalive }
}

fn http(mut section: Section<'_>) -> HttpServer {
    let listen = endpoint::listen_by_transport(&mut section);
    let tls = server_tls::read(&mut section);
    // Zero and less stand for the default, like in the Collector.
    let max_body = section.unsigned("max_request_body_size").filter(|bytes| *bytes != 0).map(ByteCount);
    section.rest(HTTP_REST);
    section.finish();
    let listen = listen.unwrap_or_else(|| everywhere(4318));
    HttpServer { listen, max_body: max_body.unwrap_or(ByteCount::mib(20)), tls }
}

/// `nop`
pub(super) fn nop(_: &mut Section<'_>) -> Option<Receiver> {
    Some(Receiver::Nop)
}

fn everywhere(port: u16) -> ListenAddress {
    ListenAddress { host: "0.0.0.0".to_owned(), port }
}

/// What a gRPC length prefix of 32 bits can say.
const MAX_MESSAGE_MIB: u64 = 4095;

const BUFFERS: &str = "the relay sizes its buffers by itself";
const TIMES: &str = "the relay guards against slow clients by itself";

const GRPC_REST: &[(&str, Rule)] = &[
    ("dialer", Rule::NoEffect("a listener dials nobody")),
    ("read_buffer_size", Rule::NoEffect(BUFFERS)),
    ("write_buffer_size", Rule::NoEffect(BUFFERS)),
    ("auth", Rule::NotYet),
    ("include_metadata", Rule::NotYet),
    ("middlewares", Rule::NotYet),
];

const HTTP_REST: &[(&str, Rule)] = &[
    ("dialer", Rule::NoEffect("a listener dials nobody")),
    ("traces_url_path", Rule::Only(&["/v1/traces", "v1/traces"])),
    ("metrics_url_path", Rule::Only(&["/v1/metrics", "v1/metrics"])),
    ("logs_url_path", Rule::Only(&["/v1/logs", "v1/logs"])),
    ("cors", Rule::NotYet),
    // What `cors::allowed_origins` was called before.
    ("cors_allowed_origins", Rule::NotYet),
    ("auth", Rule::NotYet),
    ("compression_algorithms", Rule::NoEffect("the relay takes gzip, zstd and uncompressed bodies")),
    ("include_metadata", Rule::NotYet),
    ("response_headers", Rule::NotYet),
    ("read_timeout", Rule::NoEffect(TIMES)),
    ("read_header_timeout", Rule::NoEffect(TIMES)),
    ("write_timeout", Rule::NoEffect(TIMES)),
    ("idle_timeout", Rule::NoEffect(TIMES)),
    ("keep_alives_enabled", Rule::Fixed("true", "connections are always kept alive")),
    ("middlewares", Rule::NotYet),
];
