//! Where is an attack fought out? A relay with bounds, a backend, and an honest client whose every span must arrive.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::backend::Backend;
use crate::support::client::{Client, Coding, Refusal, Wire};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::{Ended, Relay};
use crate::support::setup::{Ports, Setup};

/// What the relay of a range may use for telemetry and everything around it, by its memory limiter.
pub(crate) const LIMIT_MIB: u64 = 96;

/// What may come on top of the limit.
const SLACK_MIB: u64 = 32;

/// What goes on against the relay at these ports until the given moment.
pub(crate) type Attack = fn(Ports, Instant) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A relay under attack.
pub(crate) struct Range {
    pub(crate) relay: Relay,
    pub(crate) backend: Backend,
    honest: Honest,
    files: usize,
    /// The most memory that was seen, in MiB.
    peak: AtomicU64,
}

/// The client beside the attack.
struct Honest {
    over: Arc<AtomicBool>,
    spans: Arc<AtomicU64>,
    /// The time until the slowest request was taken, in milliseconds.
    slowest: Arc<AtomicU64>,
    /// How often it had to try again.
    retries: Arc<AtomicU64>,
    work: JoinHandle<()>,
}

impl Range {
    pub(crate) async fn open() -> Range {
        let backend = Backend::start();
        let setup = setup(&backend);
        Range::of(&setup, backend).await
    }

    /// A range with the relay of `setup`, which sends to `backend`.
    pub(crate) async fn of(setup: &Setup, backend: Backend) -> Range {
        let relay = Relay::start(setup).await;
        let honest = Honest::start(relay.ports);
        eventually("the honest client to be served", || async { honest.spans().checked_sub(4) }).await;
        let files = relay.open_files();
        Range { relay, backend, honest, files, peak: AtomicU64::new(0) }
    }

    pub(crate) fn ports(&self) -> Ports {
        self.relay.ports
    }

    /// Runs `attack` for `time`, and looks at the memory all the while.
    pub(crate) async fn suffer(&self, attack: Attack, time: Duration) {
        self.suffer_all(&[attack], time).await;
    }

    /// Runs all of `attacks` at once.
    pub(crate) async fn suffer_all(&self, attacks: &[Attack], time: Duration) {
        let until = Instant::now() + time;
        let running: Vec<_> = attacks.iter().map(|attack| tokio::spawn(attack(self.ports(), until))).collect();
        while Instant::now() < until {
            self.check_memory();
            self.honest.spans();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for attack in running {
            attack.await.expect("an attack");
        }
        self.check_memory();
    }

    pub(crate) fn check_memory(&self) {
        let resident = self.relay.resident_bytes() >> 20;
        self.peak.fetch_max(resident, Ordering::Relaxed);
        assert!(resident <= LIMIT_MIB + SLACK_MIB, "{resident} MiB resident");
    }

    /// How long the honest client waited for an answer at most.
    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_millis(self.honest.slowest.load(Ordering::SeqCst))
    }

    /// How often the honest client had to try again.
    pub(crate) fn retries(&self) -> u64 {
        self.honest.retries.load(Ordering::SeqCst)
    }

    /// The most memory that was seen, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How many spans of the honest client were taken so far.
    pub(crate) fn honest_spans(&self) -> u64 {
        self.honest.spans()
    }

    /// Waits until the honest client was served again.
    pub(crate) async fn served_again(&self) {
        let before = self.honest.spans();
        eventually("the honest client to be served again", || async { self.honest.spans().checked_sub(before + 2) })
            .await;
    }

    /// Everything is as it was before, and all that the honest client sent is at the backend.
    pub(crate) async fn close(self) -> String {
        self.served_again().await;
        eventually("the files to be closed again", || async { (self.files + 4).checked_sub(self.relay.open_files()) })
            .await;
        let ended = self.close_with_losses().await;
        assert_eq!((ended.kept, ended.lost), (0, 0), "{}", ended.log);
        ended.log
    }

    /// The same, where other exporters than the honest one have lost something.
    pub(crate) async fn close_with_losses(self) -> Ended {
        self.check_memory();
        let panics = self.relay.metrics().await.value("otelcol_relay_panics", &[]);
        assert_eq!(panics, 0.0, "panics");
        let sent = self.honest.end().await;
        self.backend.wait_for_items(sent).await;
        let ended = self.relay.stop().await;
        let mut ids = self.backend.accepted_ids(Signal::Traces);
        ids.retain(|id| *id < FOREIGN);
        let odd: Vec<u64> = (0..sent).filter(|id| ids.iter().filter(|other| *other == id).count() != 1).collect();
        assert!(
            odd.is_empty(),
            "each of {sent} spans of the honest client once, but {odd:?} of {ids:?}\n{}",
            ended.log
        );
        ended
    }
}

/// Spans with ids from here on are not those of the honest client.
pub(crate) const FOREIGN: u64 = 1 << 40;

/// The setup of a range: bounds, so that a test can tell when they do not hold.
pub(crate) fn setup(backend: &Backend) -> Setup {
    // On a slow machine an attempt that is given up may have arrived: it would arrive twice.
    Setup::forwarding(Wire::Grpc, backend, "timeout: 60s")
        .receiver_key("max_in_flight_mib", "48")
        .processor("memory_limiter", &format!("check_interval: 100ms, limit_mib: {LIMIT_MIB}, spike_limit_mib: 8"))
}

impl Honest {
    /// Sends by both protocols on connections that stay, and now and then on one of its own.
    fn start(ports: Ports) -> Honest {
        let (over, spans) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (over.clone(), spans.clone());
        let (slowest, retries) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (time, again) = (slowest.clone(), retries.clone());
        let work = async move {
            let mut grpc = Sender::connect(Wire::Grpc, ports.grpc, Coding::Gzip).await;
            let mut http = Sender::connect(Wire::Http, ports.http, Coding::Zstd).await;
            let mut round = 0;
            while !until.load(Ordering::SeqCst) {
                let mut once = None;
                if round % 10 == 0 {
                    once = Some(Sender::connect(Wire::Http, ports.http, Coding::None).await);
                }
                for sender in [&mut grpc, &mut http].into_iter().chain(&mut once) {
                    let begun = Instant::now();
                    let id = count.load(Ordering::SeqCst);
                    let delivered = tokio::time::timeout(PATIENCE, sender.deliver(id, &again)).await;
                    delivered.expect("the honest client is answered in time");
                    time.fetch_max(begun.elapsed().as_millis() as u64, Ordering::SeqCst);
                    count.store(id + 2, Ordering::SeqCst);
                }
                round += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // On a thread of its own: the attackers leave nothing of theirs.
        let work = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work);
        });
        Honest { over, spans, slowest, retries, work }
    }

    fn spans(&self) -> u64 {
        assert!(!self.work.is_finished() || self.over.load(Ordering::SeqCst), "the honest client was refused");
        self.spans.load(Ordering::SeqCst)
    }

    async fn end(self) -> u64 {
        self.over.store(true, Ordering::SeqCst);
        while !self.work.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.work.join().expect("the honest client is never refused");
        self.spans.load(Ordering::SeqCst)
    }
}

/// What the honest client sends with: as the OTLP specification asks of clients, it tries again what may be tried again.
/// A relay short of memory may say so, and a crowded one closes what was silent, on a machine that is slow enough.
struct Sender {
    wire: Wire,
    port: u16,
    coding: Coding,
    client: Client,
}

impl Sender {
    async fn connect(wire: Wire, port: u16, coding: Coding) -> Sender {
        Sender { wire, port, coding, client: Client::connect(wire, port, coding).await }
    }

    /// Sends the spans `id` and `id + 1` until they are taken.
    async fn deliver(&mut self, id: u64, again: &AtomicU64) {
        while let Err(refusal) = self.client.send(&lean_spans("honest", id..id + 2)).await {
            assert!(refusal.is_retryable(), "the honest client is refused for good: {refusal:?}");
            again.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            if matches!(refusal, Refusal::Broken(_)) {
                self.client = Client::connect(self.wire, self.port, self.coding).await;
            }
        }
    }
}

/// How long the honest client waits for an answer: longer than SDKs, since a machine may have more to do than this test.
const PATIENCE: Duration = Duration::from_secs(30);
