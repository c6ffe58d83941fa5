//! What a check says of the directories that data is kept in.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use serde_json::Value;

use crate::looks::{Checked, check};
use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// A relay whose queue is in `directory`, with more keys of the extension.
fn durable(backend: &Backend, directory: &Path, keys: &str) -> Setup {
    Setup::forwarding(Wire::Grpc, backend, "sending_queue: {storage: file_storage}")
        .extension("file_storage", &format!("directory: '{}'{keys}", directory.display()))
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]")
}

async fn local(setup: &Setup) -> Checked {
    check(&setup.text(), &["--only", "local"], &[]).await
}

/// The one check of this kind.
#[track_caller]
fn only<'c>(found: &'c Checked, id: &str) -> &'c Value {
    let mut checks = found.checks().into_iter().filter(|check| check["id"] == id);
    let (one, other) = (checks.next(), checks.next());
    assert!(other.is_none(), "{}", found.text);
    one.unwrap_or_else(|| panic!("no check of {id} in\n{}", found.text))
}

#[tokio::test]
async fn what_waits_is_counted_and_who_uses_the_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let setup = durable(&Backend::absent(), directory.path(), "");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..7)).await;
    let found = local(&setup).await;
    let contents = only(&found, "contents");
    assert_eq!((&contents["result"], &contents["class"]), (&"warning".into(), &"storage_locked".into()), "{contents}");
    let holder = format!("process {} (otlp-relay)", relay.id());
    assert!(contents["cause"].as_str().unwrap().contains(&holder), "{contents}");
    relay.stop().await;
    let found = local(&setup).await;
    assert_eq!(found.code, Some(0), "{}", found.text);
    assert!(found.text.contains("1 requests with 7 items wait"), "{}", found.text);
    assert!(only(&found, "storage")["description"].as_str().unwrap().contains("durable queues of otlp_grpc"));
    assert!(only(&found, "storage")["description"].as_str().unwrap().contains("owner "));
    assert!(only(&found, "disk")["description"].as_str().unwrap().contains("free on its disk"), "{}", found.text);
}

#[tokio::test]
async fn a_damaged_file_is_found_before_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let setup = durable(&Backend::absent(), directory.path(), "");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..9 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    relay.kill().await;
    let journal = directory.path().join("exporter_otlp_grpc__traces.journal");
    let segment = fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.filter(|path| path.extension().is_some_and(|kind| kind == "segment")).min().unwrap();
    let length = fs::metadata(&segment).unwrap().len();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().write_all_at(&[0xff; 8], length / 2).unwrap();
    let before = fs::read(&segment).unwrap();
    let found = local(&setup).await;
    let contents = only(&found, "contents");
    assert_eq!((&contents["result"], &contents["class"]), (&"warning".into(), &"storage_damaged".into()), "{contents}");
    assert_eq!(fs::read(&segment).unwrap(), before, "a look changes nothing");
}

#[tokio::test]
async fn a_directory_that_is_not_there_fails_with_its_edit_or_is_to_be_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("queues");
    let backend = Backend::absent();
    let found = local(&durable(&backend, &missing, "")).await;
    let words = ["there is no directory", "extensions::file_storage::create_directory: true", "needs the directory"];
    found.fails("storage", "storage_read_only", "storage", &words);
    let found = local(&durable(&backend, &missing, ", create_directory: true")).await;
    assert_eq!(found.code, Some(0), "{}", found.text);
    assert!(only(&found, "storage")["description"].as_str().unwrap().contains("made at the start"), "{}", found.text);
    assert!(!missing.exists(), "a check makes nothing");
    fs::write(&missing, "").unwrap();
    let found = local(&durable(&backend, &missing, "")).await;
    found.fails("storage", "storage_read_only", "storage", &["is no directory"]);
}

#[tokio::test]
async fn dead_letters_and_dumps_are_looked_at_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let (letters, dumps) = (directory.path().join("letters"), directory.path().join("dumps"));
    fs::create_dir(&letters).unwrap();
    fs::set_permissions(&letters, fs::Permissions::from_mode(0o777)).unwrap();
    let keep = format!("dead_letter: {{directory: '{}'}}", letters.display());
    let setup = Setup::forwarding(Wire::Grpc, &Backend::absent(), &keep)
        .extension("debug_dump", &format!("directory: '{}'", dumps.display()));
    let found = local(&setup).await;
    let of = |kind: &str| {
        let checks = found.checks().into_iter().filter(|check| check["id"] == "storage");
        let text = |check: &Value| check["description"].as_str().unwrap().to_owned();
        checks.filter(|check| text(check).contains(kind)).count()
    };
    assert_eq!((of("dead letters of otlp_grpc"), of("debug dumps of debug_dump")), (1, 1), "{}", found.text);
    assert!(found.text.contains("everyone on this machine may remove"), "{}", found.text);
}
