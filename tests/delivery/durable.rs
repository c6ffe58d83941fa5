//! What a queue on disk takes, hands on, keeps and gives up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use otlp_relay::config::{BatchSizer, Durable, OnStorageFailure, Overflow, Queue, QueueBatch};
use otlp_relay::delivery::{DeadLetters, Wraps};
use otlp_relay::failure::Class;
use otlp_relay::flow::Receipt;
use otlp_relay::ident::ComponentId;
use otlp_relay::signal::Signal;
use otlp_relay::storage::journal::{Directories, Journal, Label, Sync, Terms};
use tokio::runtime::Handle;

use crate::bench::{Bench, Drawer, QUEUE, RETRY, Reply, class, payload};

/// The journal in `folder`.
fn journal(folder: &tempfile::TempDir) -> Arc<Journal> {
    let (directory, lock_timeout) = (folder.path().to_owned(), Duration::ZERO);
    let terms = Terms { directory, create: None, sync: Sync::Never, lock_timeout };
    let directory = Directories::default().open(&terms).unwrap();
    directory.journal(Label { exporter: "otlp_grpc/eu".to_owned(), signal: Signal::Logs }, Sync::Never).unwrap()
}

fn durable() -> Durable {
    Durable {
        storage: ComponentId::parse("file_storage").unwrap(),
        on_failure: OnStorageFailure::Refuse,
        max_age: None,
        replay_rate: None,
    }
}

/// A chain whose queue is on disk and that reads there.
fn bench(folder: &tempfile::TempDir, queue: Queue, durable: Durable) -> Bench {
    let queue = Queue { durable: Some(durable), ..queue };
    let bench = Bench::on_disk(Signal::Logs, None, queue, Wraps::none(), journal(folder));
    bench.entry.start(&Handle::current());
    bench
}

#[tokio::test]
async fn the_data_is_on_disk_until_its_export_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder, QUEUE, durable());
    bench.backend.close();
    assert_eq!(bench.send(payload([1, 2])).await.unwrap(), Receipt::held());
    assert_eq!(bench.entry.level.journal().unwrap().weight().items, 2);
    bench.backend.open();
    assert_eq!(bench.backend.until_items(2).await, [[1, 2]]);
    while bench.entry.level.journal().unwrap().requests() != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_failed_for_good_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder, QUEUE, durable());
    bench.backend.next_replies([Reply::Fail(Class::Unauthenticated)]);
    bench.send(payload([1])).await.unwrap();
    bench.send(payload([2])).await.unwrap();
    bench.backend.until_items(1).await;
    while bench.entry.level.size() != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.settled.items(Some(Class::Unauthenticated)), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_or_blocks_as_one_in_memory_does() {
    for overflow in [Overflow::Refuse, Overflow::Block] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(&folder, Queue { queue_size: 1, overflow, ..QUEUE }, durable());
        bench.backend.close();
        bench.send(payload([1])).await.unwrap();
        if overflow == Overflow::Refuse {
            assert_eq!(class(&bench.send(payload([2])).await), Some(Class::QueueFull));
            bench.backend.open();
        } else {
            let sender = bench.send_aside(payload([2])).await;
            assert!(!sender.is_finished());
            bench.backend.open();
            sender.await.unwrap().unwrap();
            bench.backend.until_items(2).await;
        }
    }
}

#[tokio::test]
async fn a_backlog_is_sent_no_faster_than_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    let before = bench(&folder, QUEUE, durable());
    before.backend.close();
    for id in 0..20 {
        before.send(payload([id])).await.unwrap();
    }
    before.lifetime.drain(Duration::from_millis(1)).await;
    drop(before);
    let begun = Instant::now();
    let after = bench(&folder, QUEUE, Durable { replay_rate: Some(50), ..durable() });
    after.backend.until_items(20).await;
    let took = begun.elapsed();
    assert!(Duration::from_millis(350) <= took, "20 items at 50 a second take 0.4 s: {took:?}");
}

#[tokio::test]
async fn where_it_is_asked_for_memory_takes_what_the_disk_does_not() {
    for on_failure in [OnStorageFailure::Refuse, OnStorageFailure::Memory] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(&folder, QUEUE, Durable { on_failure, ..durable() });
        // A journal whose folder is gone can make no file.
        let journal =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
        std::fs::remove_dir_all(journal.unwrap()).unwrap();
        let outcome = bench.send(payload([1])).await;
        match on_failure {
            OnStorageFailure::Refuse => assert_eq!(class(&outcome), Some(Class::StorageReadOnly)),
            OnStorageFailure::Memory => {
                outcome.unwrap();
                bench.backend.until_items(1).await;
            }
        }
        while bench.entry.level.size() != 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// A chain with dead letters.
fn bench_with(drawer: &Arc<Drawer>, folder: &tempfile::TempDir, queue: Queue, durable: Durable) -> Bench {
    let wraps = Wraps { dead_letters: Some(Arc::clone(drawer) as Arc<dyn DeadLetters>), ..Wraps::none() };
    let queue = Queue { durable: Some(durable), ..queue };
    let bench = Bench::on_disk(Signal::Logs, None, queue, wraps, journal(folder));
    bench.entry.start(&Handle::current());
    bench
}

#[tokio::test]
async fn of_a_batch_only_what_is_too_old_is_given_up() {
    const AGE: Duration = Duration::from_secs(1);
    let (folder, drawer) = (tempfile::tempdir().unwrap(), Arc::new(Drawer::default()));
    let batch = QueueBatch {
        flush_timeout: Duration::from_secs(60),
        min_size: 2,
        max_size: None,
        sizer: BatchSizer::Items,
        metadata_keys: Vec::new(),
    };
    let queue = Queue { batch: Some(batch), ..QUEUE };
    let bench = bench_with(&drawer, &folder, queue, Durable { max_age: Some(AGE), ..durable() });
    bench.backend.close();
    bench.send(payload([1])).await.unwrap();
    // The second is younger by so much.
    tokio::time::sleep(AGE / 2).await;
    bench.send(payload([2])).await.unwrap();
    while drawer.0.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    bench.backend.open();
    assert_eq!(bench.backend.until_items(1).await, [[2]]);
    assert_eq!(*drawer.0.lock().unwrap(), [(vec![1], Class::ExpiredInQueue)]);
    while bench.entry.level.size() != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.settled.items(None), 2, "each once");
}

#[tokio::test]
async fn what_grows_too_old_as_it_sleeps_leaves_no_more_exports_than_there_are_consumers() {
    let (folder, drawer) = (tempfile::tempdir().unwrap(), Arc::new(Drawer::default()));
    let kept = Durable { max_age: Some(Duration::from_secs(2)), ..durable() };
    let queue = Queue { durable: Some(kept), num_consumers: 2, ..QUEUE };
    let wraps = Wraps { dead_letters: Some(Arc::clone(&drawer) as Arc<dyn DeadLetters>), ..Wraps::none() };
    let bench = Bench::on_disk(Signal::Logs, Some(RETRY), queue, wraps, journal(&folder));
    bench.entry.start(&Handle::current());
    let every_second_fails = [Reply::Fail(Class::ServerUnavailable), Reply::Take].repeat(8);
    bench.backend.next_replies(every_second_fails);
    for id in 0..16 {
        bench.send(payload([id])).await.unwrap();
    }
    bench.backend.until_items(8).await;
    bench.backend.takes(Duration::from_millis(20));
    // Some wait as those that sleep grow too old.
    for id in 100.. {
        bench.send(payload([id])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        if 8 <= drawer.0.lock().unwrap().len() {
            break;
        }
    }
    while bench.entry.level.size() != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.backend.most_running(), 2);
}

#[tokio::test]
async fn what_the_disk_never_had_is_set_aside_when_the_relay_ends() {
    let (folder, drawer) = (tempfile::tempdir().unwrap(), Arc::new(Drawer::default()));
    let memory = Durable { on_failure: OnStorageFailure::Memory, ..durable() };
    let bench = bench_with(&drawer, &folder, QUEUE, memory);
    let journal =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    std::fs::remove_dir_all(journal.unwrap()).unwrap();
    bench.backend.close();
    bench.send(payload([1, 2])).await.unwrap();
    bench.backend.until_attempts(1).await;
    bench.lifetime.drain(Duration::from_millis(10)).await;
    assert_eq!(*drawer.0.lock().unwrap(), [(vec![1, 2], Class::ShuttingDown)]);
}
