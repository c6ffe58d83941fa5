//! What every test here needs: a directory, a journal in it, and payloads that can be told apart.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;

use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::storage::journal::{
    Appended, Claim, Directories, Journal, Label, Replayed, StorageError, Sync, Terms, Weight,
};

/// A directory, which goes when this does.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    directories: Directories,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap(), directories: Directories::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn terms(&self) -> Terms {
        // A program that another test starts has the lock, too, until it is its own program.
        let lock_timeout = Duration::from_secs(2);
        Terms { directory: self.path().to_owned(), create: None, sync: Sync::Never, lock_timeout }
    }

    /// The journal, as a process that has just started opens it.
    pub(crate) fn open(&self) -> Arc<Journal> {
        self.try_open(Sync::Never).unwrap()
    }

    pub(crate) fn try_open(&self, sync: Sync) -> Result<Arc<Journal>, StorageError> {
        self.directories.open(&self.terms())?.journal(label(), sync)
    }

    /// The files of the journal with this extension, the oldest first.
    pub(crate) fn files(&self, extension: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
        {
            files.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
        }
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        files.sort();
        files
    }
}

pub(crate) fn label() -> Label {
    Label { exporter: "otlp_grpc/eu".to_owned(), signal: Signal::Logs }
}

/// One log record for each id, each with this text.
pub(crate) fn payload(ids: impl IntoIterator<Item = u64>, text: &str) -> Payload {
    let record = |id| LogRecord { time_unix_nano: id, severity_text: text.to_owned(), ..LogRecord::default() };
    let scope = ScopeLogs { log_records: ids.into_iter().map(record).collect(), ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: vec![resource] };
    Payload::parse(Signal::Logs, Bytes::from(request.encode_to_vec())).unwrap()
}

pub(crate) fn ids(payload: &Payload) -> Vec<u64> {
    let request = ExportLogsServiceRequest::decode(payload.to_bytes()).unwrap();
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| &scope.log_records).map(|record| record.time_unix_nano).collect()
}

pub(crate) fn weight(payload: &Payload) -> Weight {
    Weight { thousandths: 1000, items: payload.items().0, bytes: payload.len().0 }
}

/// Appends `payload`, which must succeed; answers its claim if nothing waited before it.
pub(crate) async fn append(journal: &Journal, payload: Payload) -> Option<Claim> {
    let reservation = journal.reserve(weight(&payload), |_| true).unwrap();
    match journal.append(payload, reservation).await {
        Ok(Appended::Taken(claim)) => Some(claim),
        Ok(Appended::Waits) => None,
        Err(refused) => panic!("{:?}", refused.trouble),
    }
}

/// Everything that can be read now.
pub(crate) fn read(journal: &Journal) -> Vec<Replayed> {
    let mut all = Vec::new();
    loop {
        let replay = journal.read(1 << 20);
        assert!(replay.trouble.is_none(), "{:?}", replay.trouble);
        if replay.requests.is_empty() {
            return all;
        }
        all.extend(replay.requests);
    }
}

/// The first id of everything that can be read now; it stays in the journal.
pub(crate) fn waiting(journal: &Journal) -> Vec<u64> {
    read(journal).iter().flat_map(|replayed| ids(&replayed.payload)).collect()
}

/// Tells whoever looks at the output of the tests.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
