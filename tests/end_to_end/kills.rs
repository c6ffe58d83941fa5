//! Does every acknowledged span arrive, however often the relay is killed, whoever is away, and whatever becomes of the disk?

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::durable::{number, say};
use crate::support::backend::Backend;
use crate::support::client::{Coding, Refusal, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// Spans of one request.
const SPANS: u64 = 10;
const CONSUMERS: u64 = 4;

/// What the senders know: which spans they sent, and which of them the relay acknowledged.
#[derive(Default)]
struct Known {
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    /// Requests that the relay asked to be sent again.
    refused: AtomicU64,
}

/// What became of the spans.
struct Account {
    acknowledged: usize,
    /// Acknowledged, and never seen again.
    missing: Vec<u64>,
    twice: u64,
    refused: u64,
}

/// The same numbers in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % below.max(1)
    }
}

/// A durable queue in front of `backend`. An attempt takes its time: on a slow machine one that is given up may have
/// arrived, and comes twice without a kill.
fn setup(backend: &Backend, directory: &Path) -> Setup {
    let queue = format!("storage: file_storage, queue_size: 1000000, num_consumers: {CONSUMERS}");
    Setup::forwarding(Wire::Grpc, backend, &format!("{PATIENT}, sending_queue: {{{queue}}}"))
        .extension("file_storage", &format!("directory: '{}'", directory.display()))
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]")
}

const PATIENT: &str = "timeout: 60s";

/// Sends until the relay is gone. No request is sent twice.
async fn send_until_killed(relay: &Relay, known: Arc<Known>, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            let from = known.next.fetch_add(SPANS, Ordering::Relaxed);
            match client.send(&lean_spans("app", from..from + SPANS)).await {
                Ok(_) => known.acknowledged.lock().unwrap().extend(from..from + SPANS),
                Err(Refusal::Grpc(status)) if status.message().contains("durable queue") => {
                    known.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(_) => {}
            }
        }
    })
}

fn put(backend: &mut Backend, is_up: &mut bool, up: bool) {
    match (*is_up, up) {
        (true, false) => backend.stop(),
        (false, true) => backend.run(),
        _ => {}
    }
    *is_up = up;
}

/// Kills a relay with `setup` under load, `kills` times. The first of `backends` is away every other time, the next one two
/// times of four, and so on. `between` happens after each kill.
async fn ordeal(kills: u64, setup: &Setup, backends: &mut [Backend], mut between: impl FnMut(&mut Dice)) -> Account {
    let known = Arc::new(Known::default());
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut up = vec![true; backends.len()];
    for kill in 0..kills {
        for (place, (backend, is_up)) in backends.iter_mut().zip(&mut up).enumerate() {
            put(backend, is_up, (kill >> place) & 1 == 0);
        }
        let relay = Relay::start(setup).await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for _ in 0..3 {
            senders.push(send_until_killed(&relay, Arc::clone(&known), Arc::clone(&stop)).await);
        }
        // How long it may live is no wait for a state: it is what the test varies.
        tokio::time::sleep(Duration::from_millis(50 + dice.roll(350))).await;
        relay.kill().await;
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.await.unwrap();
        }
        between(&mut dice);
    }
    for (backend, is_up) in backends.iter_mut().zip(&mut up) {
        put(backend, is_up, true);
    }
    let relay = Relay::start(setup).await;
    relay
        .wait_for_metrics("an empty queue", |metrics| {
            metrics.sum("otelcol_exporter_queue_size", &[("data_type", "traces")]) == Some(0.0)
        })
        .await;
    assert_eq!(relay.stop().await.kept, 0);
    account(&known, backends)
}

fn account(known: &Known, backends: &[Backend]) -> Account {
    let mut arrived = Vec::new();
    for export in backends.iter().flat_map(Backend::accepted) {
        let ids = export.ids();
        assert_eq!(*export, lean_spans("app", ids[0]..ids[0] + SPANS), "it is what was sent");
        arrived.extend(ids);
    }
    let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
    let acknowledged = known.acknowledged.lock().unwrap();
    let missing = acknowledged.iter().copied().filter(|id| !distinct.contains(id)).collect();
    Account {
        acknowledged: acknowledged.len(),
        missing,
        twice: (arrived.len() - distinct.len()) as u64,
        refused: known.refused.load(Ordering::Relaxed),
    }
}

fn tell(what: &str, kills: u64, account: &Account) {
    let Account { acknowledged, missing, twice, refused } = account;
    let missing = missing.len();
    say(&format!(
        "{what}: {kills} kills, {acknowledged} acknowledged, {missing} missing, {twice} twice, {refused} refused"
    ));
}

#[tokio::test]
async fn no_acknowledged_span_is_lost_to_a_kill() {
    let kills = number("OTLP_RELAY_KILLS", 10);
    let directory = tempfile::tempdir().unwrap();
    let mut backends = [Backend::start()];
    let setup = setup(&backends[0], directory.path());
    let account = ordeal(kills, &setup, &mut backends, |_| {}).await;
    tell("backend away", kills, &account);
    assert!(account.missing.is_empty(), "{:?}", account.missing);
    assert!(account.acknowledged as u64 >= kills * SPANS, "there was load");
    let most = kills * (CONSUMERS + 1) * SPANS;
    assert!(account.twice <= most, "{} spans came twice, {most} were under way", account.twice);
}

#[tokio::test]
async fn no_acknowledged_span_is_lost_to_a_kill_while_a_fallback_takes_over() {
    let kills = number("OTLP_RELAY_KILLS", 8);
    let directory = tempfile::tempdir().unwrap();
    let mut backends = [Backend::start(), Backend::start()];
    let settings = format!(
        "{PATIENT}, sending_queue: {{storage: file_storage, queue_size: 1000000, num_consumers: {CONSUMERS}}}, \
         fallback: {{exporters: [otlp_http/standby], max_consecutive_failures: 2, retry_interval: 100ms}}"
    );
    let setup = Setup::new()
        .export_to("otlp_grpc/primary", Wire::Grpc, backends[0].grpc, &settings)
        .export_to("otlp_http/standby", Wire::Http, backends[1].http, PATIENT)
        .extension("file_storage", &format!("directory: '{}'", directory.path().display()))
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc/primary]");
    let account = ordeal(kills, &setup, &mut backends, |_| {}).await;
    tell("backends away in turns", kills, &account);
    assert!(account.missing.is_empty(), "{:?}", account.missing);
    assert!(account.acknowledged as u64 >= kills * SPANS, "there was load");
    let most = kills * (CONSUMERS + 1) * SPANS;
    assert!(account.twice <= most, "{} spans came twice, {most} were under way", account.twice);
    assert!(backends.iter().all(|backend| backend.accepted_items() != 0), "both took a part");
}

/// A small file system of its own, unmounted when this goes.
pub(crate) struct Small(tempfile::TempDir);

impl Small {
    /// None where it cannot be mounted: that needs root.
    pub(crate) fn mount(options: &str) -> Option<Small> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Small(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn no_acknowledged_span_is_lost_to_kills_on_a_full_disk() {
    let kills = number("OTLP_RELAY_KILLS", 6);
    let Some(small) = Small::mount("size=120k") else {
        return say("skipped: mounting a small file system needs root");
    };
    let mut backends = [Backend::start()];
    let setup = setup(&backends[0], small.path());
    let account = ordeal(kills, &setup, &mut backends, |_| {}).await;
    tell("disk full", kills, &account);
    assert!(account.missing.is_empty(), "{:?}", account.missing);
    assert!(0 < account.refused, "the disk was full");
}

/// The files with requests in the journals of `directory`.
fn segments(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for journal in std::fs::read_dir(directory)? {
        let journal = journal?.path();
        if journal.is_dir() {
            let files = std::fs::read_dir(journal)?.map(|file| Ok(file?.path())).collect::<io::Result<Vec<_>>>()?;
            found.extend(files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "segment")));
        }
    }
    found.sort();
    Ok(found)
}

#[tokio::test]
async fn a_bit_that_flips_in_the_journal_costs_one_request_at_most_and_changes_none() {
    let kills = number("OTLP_RELAY_KILLS", 10);
    let directory = tempfile::tempdir().unwrap();
    let mut backends = [Backend::start()];
    let setup = setup(&backends[0], directory.path());
    let mut flips = 0;
    let flip = |dice: &mut Dice| {
        let files = segments(directory.path()).unwrap();
        let Some(file) = files.get(dice.roll(files.len() as u64) as usize) else { return };
        let file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
        let (at, mut byte) = (dice.roll(file.metadata().unwrap().len()), [0]);
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << dice.roll(8))], at).unwrap();
        flips += 1;
    };
    let account = ordeal(kills, &setup, &mut backends, flip).await;
    tell(&format!("{flips} bits flipped"), kills, &account);
    assert!(0 < flips);
    let most = flips * SPANS;
    assert!(account.missing.len() as u64 <= most, "{flips} flips cost {} spans", account.missing.len());
}
