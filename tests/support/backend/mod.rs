//! What arrives behind the relay? A real OTLP receiver, gRPC and HTTP, that records every request and answers as told.

mod grpc;
mod http;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

pub use self::script::Answer;
use self::script::Script;
use super::PATIENCE;
use super::client::Wire;
use super::export::{Export, Signal};
use super::net::{free_port, local};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Record {
    pub wire: Wire,
    pub at: Instant,
    /// `grpc-encoding` or `content-encoding`; `identity` where there is none.
    pub encoding: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub export: Arc<Export>,
    pub items: u64,
    /// Whether the answer said that the data was taken.
    pub accepted: bool,
}

/// A receiver that is stopped and started at will, on ports that stay the same. Stops when it is dropped.
pub struct Backend {
    pub grpc: u16,
    pub http: u16,
    shared: Arc<Shared>,
    server: Option<Server>,
}

/// How far it has come: what tests wait for.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    arrived: usize,
    accepted_items: u64,
}

struct Shared {
    script: Mutex<Script>,
    /// Items that make it refuse a request.
    poison: Mutex<BTreeSet<u64>>,
    /// The most items that it takes in one request.
    most_items: Mutex<Option<u64>>,
    records: Mutex<Vec<Record>>,
    progress: watch::Sender<Progress>,
}

/// A thread with a runtime of its own: when it ends, every connection has ended.
struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Backend {
    /// A receiver that runs and accepts everything.
    pub fn start() -> Backend {
        let mut backend = Backend::absent();
        backend.run();
        backend
    }

    /// A receiver that has its ports, but does not listen yet.
    pub fn absent() -> Backend {
        let shared = Shared {
            script: Mutex::default(),
            poison: Mutex::default(),
            most_items: Mutex::default(),
            records: Mutex::default(),
            progress: watch::channel(Progress::default()).0,
        };
        Backend { grpc: free_port(), http: free_port(), shared: Arc::new(shared), server: None }
    }

    /// Listens from now on; what was recorded before stays.
    pub fn run(&mut self) {
        assert!(self.server.is_none(), "the backend runs already");
        self.server = Some(Server::start(self.grpc, self.http, self.shared.clone()));
    }

    /// Ends every connection, and refuses new ones.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = server.stop.send(());
            server.thread.join().expect("the backend's thread");
        }
    }

    /// The port of `wire`.
    pub fn port(&self, wire: Wire) -> u16 {
        match wire {
            Wire::Grpc => self.grpc,
            Wire::Http => self.http,
        }
    }

    /// From now on every request is answered so.
    pub fn always(&self, answer: Answer) {
        self.shared.script.lock().unwrap().always(answer);
    }

    /// The next request is answered so; several calls line up.
    pub fn once(&self, answer: Answer) {
        self.shared.script.lock().unwrap().once(answer);
    }

    /// A request with one of these items is refused for its content.
    pub fn poison(&self, ids: impl IntoIterator<Item = u64>) {
        self.shared.poison.lock().unwrap().extend(ids);
    }

    /// A request with more items is refused for its size.
    pub fn limit(&self, items: u64) {
        *self.shared.most_items.lock().unwrap() = Some(items);
    }

    /// Everything that arrived, in order of arrival.
    pub fn records(&self) -> Vec<Record> {
        self.shared.records.lock().unwrap().clone()
    }

    /// What was accepted, in order of arrival.
    pub fn accepted(&self) -> Vec<Arc<Export>> {
        self.records().into_iter().filter(|record| record.accepted).map(|record| record.export).collect()
    }

    /// The numbers of all accepted items of `signal`, sorted; a number that was delivered twice is there twice.
    pub fn accepted_ids(&self, signal: Signal) -> Vec<u64> {
        let exports = self.accepted();
        let mut ids: Vec<u64> = exports.iter().filter(|e| e.signal() == signal).flat_map(|e| e.ids()).collect();
        ids.sort_unstable();
        ids
    }

    /// The number of accepted items.
    pub fn accepted_items(&self) -> u64 {
        self.shared.progress.borrow().accepted_items
    }

    /// Waits until `count` items were accepted, at least.
    pub async fn wait_for_items(&self, count: u64) {
        self.wait_for(&format!("{count} items"), |progress| progress.accepted_items >= count).await;
    }

    /// Waits until `count` requests arrived, whatever they were answered.
    pub async fn wait_for_requests(&self, count: usize) {
        self.wait_for(&format!("{count} requests"), |progress| progress.arrived >= count).await;
    }

    async fn wait_for(&self, what: &str, reached: impl FnMut(&Progress) -> bool) {
        let mut progress = self.shared.progress.subscribe();
        let waited = tokio::time::timeout(PATIENCE, progress.wait_for(reached)).await.map(|_| ());
        assert!(waited.is_ok(), "waited in vain for {what}, got {:?}", *self.shared.progress.borrow());
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    fn start(grpc: u16, http: u16, shared: Arc<Shared>) -> Server {
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let grpc = TcpListener::bind(local(grpc)).await.expect("bind the gRPC port");
                let http = TcpListener::bind(local(http)).await.expect("bind the HTTP port");
                ready.send(()).expect("somebody waits");
                tokio::select! {
                    () = grpc::serve(grpc, shared.clone()) => {}
                    () = http::serve(http, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        listening.recv().expect("the backend listens");
        Server { stop, thread }
    }
}

impl Shared {
    /// Records an arrival, waits as the script says, and tells what to answer.
    async fn take(&self, wire: Wire, headers: BTreeMap<String, String>, export: Export) -> Answer {
        let (index, answer) = self.arrived(wire, headers, export);
        match answer {
            Answer::Hang => std::future::pending().await,
            Answer::Slow(delay) => tokio::time::sleep(delay).await,
            _ => {}
        }
        if matches!(answer, Answer::Accept | Answer::Slow(_) | Answer::Partial { .. }) {
            self.accept(index);
        }
        answer
    }

    fn arrived(&self, wire: Wire, headers: BTreeMap<String, String>, export: Export) -> (usize, Answer) {
        let encoding = if wire == Wire::Grpc { "grpc-encoding" } else { "content-encoding" };
        let encoding = headers.get(encoding).map_or("identity", String::as_str).to_owned();
        let items = export.items();
        let record =
            Record { wire, at: Instant::now(), encoding, headers, items, accepted: false, export: Arc::new(export) };
        let is_poisonous = || {
            let poison = self.poison.lock().unwrap();
            !poison.is_empty() && record.export.ids().iter().any(|id| poison.contains(id))
        };
        let answer = match *self.most_items.lock().unwrap() {
            Some(most) if most < items => Answer::TooLarge,
            _ if is_poisonous() => Answer::Invalid,
            _ => self.script.lock().unwrap().next(),
        };
        let mut records = self.records.lock().unwrap();
        records.push(record);
        let arrived = records.len();
        drop(records);
        self.progress.send_modify(|progress| progress.arrived = arrived);
        (arrived - 1, answer)
    }

    fn accept(&self, index: usize) {
        let mut records = self.records.lock().unwrap();
        records[index].accepted = true;
        let items = records[index].items;
        drop(records);
        self.progress.send_modify(|progress| progress.accepted_items += items);
    }
}

/// The time between the arrivals of two requests.
pub fn gap(earlier: &Record, later: &Record) -> Duration {
    later.at.duration_since(earlier.at)
}
