//! What is done with any bytes at all, for each thing that reads bytes from outside: it must not panic, and must keep its
//! laws. Run by `cargo test`, and by the fuzz targets of `fuzz/`, which include this file.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otlp_relay::auth::Gate;
use otlp_relay::config::{self, Environment, Origin, PemSource, Receiver, Secret};
use otlp_relay::failure;
use otlp_relay::flow::{Consume, Consumed, Receipt};
use otlp_relay::ident::{ComponentId, PipelineId};
use otlp_relay::payload::{Budget, Encoding, Limit, Payload, Sizer};
use otlp_relay::protocol::Protocol;
use otlp_relay::receivers::otlp::{Door, Entries, OtlpServer, Refusals, Settings, Sign};
use otlp_relay::receivers::prometheus::Scraper;
use otlp_relay::signal::Signal;
use otlp_relay::storage::archive::{Found, KIND, Records};
use otlp_relay::storage::frame;
use otlp_relay::storage::journal::{self, Directories, Journal, Label, StorageError, Sync, Weight, inspect};
use otlp_relay::transport::server::{Answer, Terms};
use otlp_relay::transport::{codec, tls};
use otlp_relay::units::ByteCount;

/// Does something with bytes.
pub type Body = fn(&[u8]);

/// Every target by its name, which is that of its corpus too.
pub const TARGETS: [(&str, Body); 15] = [
    ("wire", wire),
    ("split", split),
    ("json", json),
    ("config", config),
    ("values", values),
    ("durations", durations),
    ("frames", frames),
    ("records", records),
    ("journal", journal),
    ("codecs", codecs),
    ("requests", requests),
    ("htpasswd", htpasswd),
    ("peers", peers),
    ("pem", pem),
    ("pages", pages),
];

/// Bytes as a request: what is taken is well-formed, and stays the same.
pub fn wire(data: &[u8]) {
    for signal in Signal::ALL {
        let Ok(payload) = Payload::parse(signal, Bytes::copy_from_slice(data)) else { continue };
        let again = Payload::parse(signal, payload.to_bytes()).expect("what was taken is taken again");
        assert_eq!((again.items(), again.repaired()), (payload.items(), 0));
        Payload::from_json(signal, &payload.to_json()).expect("what is written as JSON can be read");
    }
}

/// A request that is cut and put together again: no item is lost.
pub fn split(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let sizer = if first & 1 == 0 { Sizer::Items } else { Sizer::Bytes };
    let max = u64::from(first >> 1) + 1;
    for signal in Signal::ALL {
        let Ok(payload) = Payload::parse(signal, Bytes::copy_from_slice(data)) else { continue };
        let items = payload.items();
        let mut parts = Vec::new();
        let mut rest = Some(payload);
        while let Some(whole) = rest {
            let (head, left) = whole.split(Limit { sizer, max });
            let parsed = Payload::parse(signal, head.to_bytes()).expect("a part is a request");
            assert_eq!(parsed.items(), head.items());
            assert!(left.is_none() || 0 < head.items().0, "a cut without an end");
            parts.push(head);
            rest = left;
        }
        assert_eq!(parts.iter().map(Payload::items).sum::<otlp_relay::units::Items>(), items);
        let merged = Payload::merge(parts).expect("parts");
        assert_eq!(merged.items(), items);
        Payload::parse(signal, merged.to_bytes()).expect("what is merged is a request");
    }
}

/// Bytes as OTLP/JSON, and back.
pub fn json(data: &[u8]) {
    for signal in Signal::ALL {
        let Ok(payload) = Payload::from_json(signal, data) else { continue };
        let written = payload.to_json();
        let again = Payload::from_json(signal, &written).expect("what is written can be read");
        assert_eq!(again.items(), payload.items());
        assert_eq!(again.to_json(), written);
    }
}

/// Bytes as a configuration.
pub fn config(data: &[u8]) {
    load(data, "");
}

/// Text as the value of keys of several kinds, by way of the environment.
pub fn values(data: &[u8]) {
    const TEXT: &str = "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:TEXT}', max_recv_msg_size_mib: '${env:TEXT}'}}}}\n\
        exporters: {otlp_http: {endpoint: '${env:TEXT}', proxy_url: '${env:TEXT}', timeout: '${env:TEXT}', \
        compression: '${env:TEXT}', headers: {x: '${env:TEXT}', '${env:TEXT}': y}, tls: {ca_pem: '${env:TEXT}'}}}\n\
        service: {pipelines: {'traces/${env:TEXT}': {receivers: [otlp], exporters: [otlp_http]}}}\n";
    let text = String::from_utf8_lossy(data);
    load(TEXT.as_bytes(), &text);
    let _ = (ComponentId::parse(&text), PipelineId::parse(&text));
}

fn load(file: &[u8], variable: &str) {
    struct Played<'a>(&'a [u8], &'a str);
    impl Environment for Played<'_> {
        fn var(&self, name: &str) -> Option<String> {
            (name == "TEXT").then(|| self.1.to_owned())
        }

        fn exists(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            // A file that names itself, or another, has nothing in it.
            if path == Path::new("fuzzed") { Ok(self.0.to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
        }
    }
    let origin = Origin { locations: vec!["fuzzed".to_owned()], ..Origin::default() };
    match config::load(&origin, &Played(file, variable)) {
        Ok(config) => drop(format!("{config:?}")),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
}

/// Text as a Go duration.
pub fn durations(data: &[u8]) {
    if let Err(why) = config::parse_duration(&String::from_utf8_lossy(data)) {
        assert!(!why.is_empty());
    }
}

/// Bytes as the frames of a file: what is read is what is there.
pub fn frames(data: &[u8]) {
    let mut rest = data;
    while let frame::Read::Frame(body, behind) = frame::read(rest, 1 << 20) {
        assert_eq!(frame::OVERHEAD + body.len() + behind.len(), rest.len());
        rest = behind;
    }
    let head = frame::head([data]).expect("a short body");
    let whole = [&head[..], data].concat();
    assert_eq!(frame::read(&whole, data.len()), frame::Read::Frame(data, &[]));
}

/// Bytes behind the header of a file of records: each byte is part of a record or of a damage.
pub fn records(data: &[u8]) {
    Records::of(data).into_iter().flatten().for_each(drop);
    let file = [&KIND.header()[..], data].concat();
    let mut at = frame::HEADER as u64;
    for found in Records::of(&file).expect("the header") {
        let (offset, length) = match found {
            Found::Record { offset, bytes } => (offset, (frame::OVERHEAD + bytes.len()) as u64),
            Found::Damaged { offset, bytes } => (offset, bytes),
        };
        assert_eq!(offset, at);
        at += length;
    }
    assert_eq!(at, file.len() as u64);
}

/// Bytes as changes to the files of a journal: it opens or says why not, and gives what is whole.
pub fn journal(data: &[u8]) {
    static WHOLE: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(written_journal);
    let mut files = WHOLE.clone();
    for change in data.chunks_exact(4) {
        let index = usize::from(change[0] & 0xf) % files.len();
        let (_, bytes) = &mut files[index];
        let at = usize::from(u16::from_be_bytes([change[1], change[2]])) % (bytes.len() + 1);
        match change[0] >> 4 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, change[3]),
            2 => drop(bytes.splice(at..at, vec![0; usize::from(change[3])])),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = change[3]),
        }
    }
    let folder = tempfile::tempdir().expect("a directory");
    for (path, bytes) in &files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    if let Err(why) = inspect(folder.path()) {
        assert!(!why.to_string().is_empty());
    }
    let Ok(journal) = open_journal(folder.path()) else { return };
    let read = journal.read(1 << 20);
    assert!(read.requests.len() <= 5, "no request comes twice");
    assert!(read.requests.iter().all(|one| one.payload.items().0 == 1));
}

fn open_journal(folder: &Path) -> Result<Arc<Journal>, StorageError> {
    let directories = Directories::default();
    let lock_timeout = Duration::ZERO;
    let terms = journal::Terms { directory: folder.to_owned(), create: None, sync: Sync::Never, lock_timeout };
    directories.open(&terms)?.journal(Label { exporter: "otlp".to_owned(), signal: Signal::Traces }, Sync::Never)
}

/// The files of a journal with five requests, of which one is done with.
fn written_journal() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a directory");
    let journal = open_journal(folder.path()).expect("a journal");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for _ in 0..5 {
        // One span without anything.
        let payload = Payload::parse(Signal::Traces, Bytes::from_static(&[10, 4, 18, 2, 18, 0])).expect("a request");
        let weight = Weight { thousandths: 1000, items: 1, bytes: payload.len().0 };
        let reservation = journal.reserve(weight, |_| true).expect("room");
        drop(runtime.block_on(journal.append(payload, reservation)));
    }
    if let Some(first) = journal.read(1).requests.into_iter().next() {
        first.claim.acknowledge();
    }
    drop(journal);
    let mut files = Vec::new();
    for journal in fs::read_dir(folder.path()).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        for file in fs::read_dir(&journal).into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
            let path = file.strip_prefix(folder.path()).expect("inside").to_owned();
            files.push((path, fs::read(&file).expect("a file")));
        }
    }
    files.sort();
    files
}

/// Bytes as a compressed body: no more comes out than is allowed.
pub fn codecs(data: &[u8]) {
    const LIMIT: ByteCount = ByteCount(1 << 20);
    for encoding in Encoding::ALL {
        if let Ok(plain) = codec::decompress(encoding, data, LIMIT) {
            assert!(ByteCount::of(plain.len()) <= LIMIT);
        }
    }
}

/// Bytes as the body of requests of all kinds, framed and not, to a whole receiver: each is answered.
pub fn requests(data: &[u8]) {
    static RECEIVER: LazyLock<Arc<Door>> = LazyLock::new(receiver);
    let Some((kind, body)) = data.split_first() else { return };
    let mut request = Request::post("http://relay/v1/traces");
    request = match kind % 4 {
        0 => Request::post(format!("http://relay{}", Signal::Metrics.facts().grpc_path))
            .header("content-type", "application/grpc")
            .header("grpc-encoding", "gzip"),
        1 => request.header("content-type", "application/json"),
        2 => request.header("content-type", "application/x-protobuf").header("content-encoding", "zstd"),
        _ => Request::post("http://relay/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
            .header("content-type", "application/grpc"),
    };
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (near, far) = tokio::io::duplex(1 << 16);
        let service = service_fn(|request| {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let answer = RECEIVER.clone().answer(peer, request);
            async { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let client = async {
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(near));
            let (mut client, connection) = handshake.await.expect("HTTP/2");
            tokio::spawn(connection);
            let answer = client.send_request(request).await.expect("an answer");
            assert!(answer.into_body().collect().await.is_ok());
        };
        tokio::select! {
            _ = server.serve_connection(TokioIo::new(far), service) => panic!("hung up"),
            () = client => {}
        }
    });
}

/// Takes everything.
struct Nowhere;

impl Consume for Nowhere {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        Box::pin(async { Ok(Receipt::held()) })
    }
}

impl Refusals for Nowhere {
    fn refused(&self, class: failure::Class, _: Protocol) {
        assert_ne!(class, failure::Class::Panicked);
    }
}

fn receiver() -> Arc<Door> {
    let mut entries = Entries::new();
    for protocol in Protocol::ALL {
        for signal in Signal::ALL {
            entries = entries.with(protocol, signal, Arc::new(Nowhere));
        }
    }
    let budget = Budget::new(ByteCount::mib(16));
    let server = OtlpServer::new(Settings::default(), entries, budget, "fuzzed".into(), Arc::new(Nowhere));
    Door::to(server, Sign::new(Protocol::Grpc, None), Terms::default())
}

/// Text as an htpasswd file, and as the header of a request that wants in.
pub fn htpasswd(data: &[u8]) {
    struct Played<'a>(&'a str);
    impl Environment for Played<'_> {
        fn var(&self, _: &str) -> Option<String> {
            Some(self.0.to_owned())
        }

        fn exists(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Ok(GUARDED.into())
        }
    }
    const GUARDED: &str = "receivers: {otlp: {protocols: {http: {auth: {authenticator: basicauth}}}}}\n\
        exporters: {nop: }\nextensions: {basicauth: {htpasswd: {inline: '${env:TEXT}'}}}\n\
        service: {extensions: [basicauth], pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n";
    // What is slow on purpose would be the whole of the run.
    let text = String::from_utf8_lossy(data).replace("$2", "");
    let origin = Origin { locations: vec!["fuzzed".to_owned()], ..Origin::default() };
    let Ok(config) = config::load(&origin, &Played(&text)) else { return };
    for receiver in config.receivers.values() {
        let Receiver::Otlp(otlp) = receiver else { continue };
        let auth = otlp.http.as_ref().and_then(|http| http.auth.as_ref());
        let Some(Ok(_gate)) = auth.map(Gate::load) else { continue };
    }
}

/// Text as what a peer says of a failure: in a gRPC status, and in words of other products.
pub fn peers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    failure::recognise(&text).iter().for_each(|found| drop(format!("{found:?}")));
    let mut headers = HeaderMap::new();
    for (name, part) in
        ["grpc-status", "grpc-message", "grpc-status-details-bin"].into_iter().zip(data.split(|b| *b == b'\n'))
    {
        if let Ok(value) = HeaderValue::from_bytes(part) {
            headers.insert(name, value);
        }
    }
    if let Some(code) = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<i32>().ok()) {
        let status = tonic::Status::new(tonic::Code::from(code), text.clone());
        drop(failure::from_grpc(&status).cause());
    }
    let code = http::StatusCode::from_u16(data.first().map_or(500, |first| 400 + u16::from(*first))).expect("a status");
    drop(failure::from_http(code, None, &text).cause());
}

/// Bytes as certificates.
pub fn pem(data: &[u8]) {
    let source = PemSource::Inline(Secret::new(String::from_utf8_lossy(data)));
    let _ = tls::inspect(&source);
    let _ = tls::CertificateFacts::read(data);
}

/// Bytes as the page of a target that is scraped: it becomes a well-formed request, whatever it was before.
pub fn pages(data: &[u8]) {
    static SCRAPER: LazyLock<Scraper> = LazyLock::new(scraper);
    const TYPES: [&str; 3] = ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"];
    let Some((kind, page)) = data.split_first() else { return };
    let kind = TYPES[usize::from(*kind) % TYPES.len()];
    let request = SCRAPER.read(kind, Bytes::copy_from_slice(page)).expect("a target");
    let payload = Payload::parse(Signal::Metrics, request.into()).expect("a request");
    assert!(5 <= payload.items().0, "what the scrape came to is told in any case");
}

fn scraper() -> Scraper {
    struct Played;
    impl Environment for Played {
        fn var(&self, _: &str) -> Option<String> {
            None
        }

        fn exists(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Ok(SCRAPING.into())
        }
    }
    const SCRAPING: &str = "receivers: {prometheus: {config: {scrape_configs: [{job_name: a, honor_labels: true, \
        metric_relabel_configs: [{source_labels: [a], regex: '(.*)x', target_label: b}], \
        static_configs: [{targets: ['localhost:1']}]}]}}}\nexporters: {nop: }\n\
        service: {pipelines: {metrics: {receivers: [prometheus], exporters: [nop]}}}\n";
    let origin = Origin { locations: vec!["scraping".to_owned()], ..Origin::default() };
    let config = config::load(&origin, &Played).expect("a configuration");
    let found = config.receivers.iter().find_map(|(id, receiver)| match receiver {
        Receiver::Prometheus(scraping) => Some((id, scraping)),
        Receiver::Otlp(_) | Receiver::Nop => None,
    });
    let (id, scraping) = found.expect("a receiver that scrapes");
    let budget = Budget::new(ByteCount::mib(16));
    Scraper::new(id, scraping, Arc::new(Nowhere), &budget, |_, _| unreachable!("no job asks for a token"))
        .expect("no files are read")
}
