//! Where journals are: whose directory it is, what else lies there, and what a full disk does.

use std::fs;
use std::process::Command;
use std::time::Duration;

use otlp_relay::failure::Class;
use otlp_relay::signal::Signal;
use otlp_relay::storage::journal::{Directories, Label, StorageError, Sync, Terms, export, inspect};

use crate::desk::{Desk, append, ids, label, payload, read, say, waiting, weight};

#[test]
fn a_directory_belongs_to_one_process_which_is_named() {
    let (desk, began) = (Desk::new(), std::time::Instant::now());
    let journal = desk.open();
    // A lock of the same process, but of another open file, is as good as another process's.
    let refused = Directories::default().open(&desk.terms()).unwrap_err();
    assert_eq!(refused.class(), Class::StorageLocked);
    let pid = std::process::id();
    assert!(refused.to_string().contains(&format!("in use by process {pid} (")), "{refused}");
    let StorageError::Locked { holder, .. } = refused else { panic!("{refused}") };
    assert_eq!(inspect(desk.path()).unwrap().in_use, Some(holder));
    drop(journal);
    // A program that another test starts has the lock, too, until it is its own program.
    let is_free = || inspect(desk.path()).unwrap().in_use.is_none();
    while !is_free() {
        assert!(began.elapsed() < Duration::from_secs(30), "the lock stays");
        std::thread::sleep(Duration::from_millis(5));
    }
    Directories::default().open(&desk.terms()).unwrap();
}

#[test]
fn a_directory_that_is_missing_is_made_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("a/b");
    let terms = Terms { directory: directory.clone(), create: None, sync: Sync::Never, lock_timeout: Duration::ZERO };
    let refused = Directories::default().open(&terms).unwrap_err();
    assert!(refused.to_string().contains("directory must exist"), "{refused}");
    Directories::default().open(&Terms { create: Some(0o750), ..terms.clone() }).unwrap();
    assert!(directory.is_dir());
    fs::write(folder.path().join("file"), "").unwrap();
    let file = Terms { directory: folder.path().join("file"), ..terms };
    assert!(matches!(Directories::default().open(&file), Err(StorageError::NoDirectory(_))));
}

#[tokio::test]
async fn each_exporter_and_signal_has_a_journal_of_its_own() {
    let desk = Desk::new();
    let directories = Directories::default();
    let directory = directories.open(&desk.terms()).unwrap();
    let labels =
        [label(), Label { signal: Signal::Traces, ..label() }, Label { exporter: "otlp_grpc".into(), ..label() }];
    let journals = labels.map(|label| directory.journal(label, Sync::Never).unwrap());
    drop(append(&journals[0], payload([1], "text")).await);
    assert_eq!(journals.each_ref().map(|journal| journal.totals().requests()), [1, 0, 0]);
    drop(journals);
    assert_eq!(directories.left_behind().len(), 1, "only where something was left");
    let _one = directory.journal(label(), Sync::Never).unwrap();
    assert!(directories.left_behind().is_empty());
}

#[tokio::test]
async fn what_waits_can_be_exported_and_stays() {
    let desk = Desk::new();
    let journal = desk.open();
    for id in 0..3 {
        drop(append(&journal, payload([id], "text")).await);
    }
    read(&journal).remove(1).claim.acknowledge();
    drop(journal);
    for _ in 0..2 {
        let mut found = Vec::new();
        let each = |exporter: &str, since: u64, payload: otlp_relay::payload::Payload| {
            assert!(exporter == "otlp_grpc/eu" && since != 0);
            found.extend(ids(&payload));
            Ok(())
        };
        assert_eq!(export(desk.path(), each).unwrap(), 2);
        assert_eq!(found, [0, 2]);
    }
}

#[test]
fn files_of_a_later_version_are_left_alone_and_named() {
    let desk = Desk::new();
    drop(desk.open());
    let folder =
        fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let later = folder.join("00000000000000000001-0000000000000001.v2.segment");
    fs::write(&later, "later").unwrap();
    let refused = desk.try_open(Sync::Never).unwrap_err();
    assert!(refused.to_string().contains("later version"), "{refused}");
    assert!(later.exists());
}

/// A file system of its own, unmounted when this goes.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(options: &str) -> Option<Small> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Small(folder))
    }

    fn remount(&self, options: &str) {
        let remount = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).output();
        assert!(remount.unwrap().status.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_for_a_while_and_a_read_only_one_too() {
    let Some(small) = Small::mount("size=2m") else {
        return say("skipped: mounting a small file system needs root");
    };
    let directories = Directories::default();
    let directory = small.0.path().to_owned();
    let terms = Terms { directory, create: None, sync: Sync::Always, lock_timeout: Duration::ZERO };
    let journal = directories.open(&terms).unwrap().journal(label(), Sync::Always).unwrap();
    let text = "x".repeat(100_000);
    let mut taken = Vec::new();
    let refused = loop {
        let sent = payload([taken.len() as u64], &text);
        let reservation = journal.reserve(weight(&sent), |_| true).unwrap();
        match journal.append(sent, reservation).await {
            Ok(_) => taken.push(taken.len() as u64),
            Err(refused) => break refused.trouble,
        }
        assert!(taken.len() < 100);
    };
    assert_eq!(refused.class, Class::DiskFull, "{}", refused.what);
    assert_eq!(journal.totals().requests(), taken.len() as u64);

    // It is drained although it is full, and takes again what it has room for.
    for one in read(&journal) {
        one.claim.acknowledge();
    }
    let again = async {
        loop {
            let sent = payload([7], &text);
            let reservation = journal.reserve(weight(&sent), |_| true).unwrap();
            if journal.append(sent, reservation).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();

    // The file that is open goes on; a new one cannot be made.
    drop(journal);
    small.remount("ro");
    let opened = directories.open(&terms);
    assert!(opened.as_ref().is_err_and(|error| error.class() == Class::StorageReadOnly), "{opened:?}");
    small.remount("rw");
    let journal = directories.open(&terms).unwrap().journal(label(), Sync::Always).unwrap();
    assert_eq!(waiting(&journal), [7]);
}
