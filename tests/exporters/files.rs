//! What the file exporter writes, and that it can be read back.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otlp_relay::config::{Existing, File, FileCompression, FileFormat, Rotation};
use otlp_relay::exporters::file::{FileSink, file};
use otlp_relay::failure::{Class, Retry};
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::units::ByteCount;

use crate::support::payload;

fn config(path: &Path) -> File {
    File {
        path: path.to_owned(),
        existing: Existing::Truncate,
        rotation: None,
        format: FileFormat::Proto,
        compression: FileCompression::None,
        compression_level: None,
        flush_interval: None,
        directory_mode: None,
    }
}

fn open(config: &File) -> FileSink {
    file(Arc::new(ComponentId::parse("file").unwrap()), config).unwrap()
}

async fn write(sink: &FileSink, name: &str) {
    sink.stage().consume(payload(name)).await.unwrap();
}

#[tokio::test]
async fn json_is_one_line_for_each_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.json");
    let sink = open(&File { format: FileFormat::Json, ..config(&path) });
    for name in ["one", "line\nbreak"] {
        write(&sink, name).await;
    }
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines, [json("one"), json("line\nbreak")]);
    assert!(text.starts_with("{\"resourceSpans\":[") && text.ends_with('\n'), "{text}");
    assert!(lines.iter().all(|line| Payload::from_json(Signal::Traces, line.as_bytes()).is_ok()));
}

#[tokio::test]
async fn compressed_json_is_a_record_with_its_length() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.json");
    let sink = open(&File { format: FileFormat::Json, compression: FileCompression::Zstd, ..config(&path) });
    write(&sink, "one").await;
    assert_eq!(zstd::decode_all(&records(&path)[0][..]).unwrap(), json("one").as_bytes());
}

fn json(name: &str) -> String {
    String::from_utf8(payload(name).to_json().to_vec()).unwrap()
}

/// The records of a file, each without its length.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while let Some((prefix, after)) = rest.split_at_checked(4) {
        let (record, after) = after.split_at(u32::from_be_bytes(prefix.try_into().unwrap()) as usize);
        records.push(record.to_vec());
        rest = after;
    }
    assert!(rest.is_empty());
    records
}

fn bytes(name: &str) -> Vec<u8> {
    payload(name).chunks().concat()
}

#[tokio::test]
async fn records_are_read_back_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let sink = open(&config(&path));
    for name in ["one", "two", ""] {
        write(&sink, name).await;
    }
    assert_eq!(records(&path), [bytes("one"), bytes("two"), bytes("")]);
}

#[tokio::test]
async fn a_file_is_emptied_at_start_unless_it_is_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    for (existing, left) in [(Existing::Truncate, 1), (Existing::Append, 2), (Existing::Truncate, 1)] {
        let sink = open(&File { existing, ..config(&path) });
        write(&sink, "one").await;
        assert_eq!(records(&path).len(), left);
    }
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_emptied_by_another_exporter() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let (before, after) = (open(&config(&path)), open(&config(&path)));
    write(&before, "one").await;
    write(&after, "two").await;
    drop(before);
    write(&open(&config(&path)), "three").await;
    assert_eq!(records(&path), [bytes("one"), bytes("two"), bytes("three")]);
}

#[tokio::test]
async fn records_are_compressed_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let sink = open(&File { compression: FileCompression::Zstd, ..config(&path) });
    for name in ["one", "two"] {
        write(&sink, name).await;
    }
    let read: Vec<Vec<u8>> = records(&path).iter().map(|record| zstd::decode_all(&record[..]).unwrap()).collect();
    assert_eq!(read, [bytes("one"), bytes("two")]);
}

#[tokio::test]
async fn senders_at_the_same_time_do_not_mix_their_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let stage = open(&config(&path)).stage();
    let names: Vec<String> = (10..40).map(|number| format!("span {number}")).collect();
    let writes = names.iter().map(|name| stage.consume(payload(name)));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    let mut read = records(&path);
    read.sort();
    assert_eq!(read, names.iter().map(|name| bytes(name)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_file_is_set_aside_and_old_ones_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/data.pb");
    let one = bytes("span 0").len() as u64 + 4;
    let rotation = Rotation { max_size: ByteCount(one * 2), max_days: None, max_backups: Some(3) };
    let config = File { rotation: Some(rotation), directory_mode: Some(0o700), ..config(&path) };
    let sink = open(&config);
    for number in 0..9 {
        write(&sink, &format!("span {number}")).await;
    }
    let mut names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let read: Vec<Vec<u8>> = names.iter().flat_map(|name| records(name)).collect();
    // Two to a file, three old files beside the one that is written.
    let expected: Vec<Vec<u8>> = (2..9).map(|number| bytes(&format!("span {number}"))).collect();
    assert_eq!((names.len(), read), (4, expected));
    drop(sink);
    write(&open(&config), "span 9").await;
    assert_eq!(records(&path), [bytes("span 8"), bytes("span 9")]);
}

#[tokio::test]
async fn a_full_disk_is_a_failure_that_may_pass() {
    let sink = open(&config(Path::new("/dev/full")));
    let failure = sink.stage().consume(payload("one")).await.unwrap_err();
    assert_eq!((failure.class(), failure.retry()), (Class::DiskFull, Retry::BackOff));
    assert_eq!(failure.endpoint(), Some("/dev/full"));
}

#[test]
fn a_path_that_cannot_be_written_is_named_at_start() {
    let refused = |path: &str| {
        let problem = file(Arc::new(ComponentId::parse("file").unwrap()), &config(Path::new(path))).unwrap_err();
        assert_eq!(problem.key, "path");
        problem.what
    };
    assert!(refused("/no/such/directory/data").starts_with("the directory of /no/such/directory/data does not exist"));
    assert!(refused("/proc/data").contains("/proc/data"));
}

#[tokio::test]
async fn with_a_flush_interval_records_are_written_together_when_it_has_passed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let config = File { flush_interval: Some(Duration::from_millis(300)), ..config(&path) };
    let sink = open(&config);
    for name in ["one", "two"] {
        write(&sink, name).await;
    }
    assert_eq!(records(&path).len(), 0, "they wait in memory");
    let deadline = Instant::now() + Duration::from_secs(10);
    while records(&path).len() != 2 {
        assert!(Instant::now() < deadline, "the records are never written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let later = open(&File { flush_interval: Some(Duration::from_secs(3600)), ..config });
    write(&later, "three").await;
    drop((sink, later));
    assert_eq!(records(&path), ["one", "two", "three"].map(bytes), "whoever ends writes what waits");
}
