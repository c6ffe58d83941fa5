//! `sending_queue` and the keys by which batches tell senders apart.

use std::time::Duration;

use otlp_relay::config::{
    BatchSizer, Config, Durable, Exporter, Extension, FileStorage, Fsync, OnStorageFailure, Overflow, Processor, Queue,
    QueueBatch, QueueSizer,
};

use crate::{check_problems, good, id, load_with, with_exporter, with_processor};

/// The queue of an exporter with this `sending_queue`.
#[track_caller]
fn queue(sending_queue: &str) -> Option<Queue> {
    let config = good(&with_exporter(&format!("otlp_grpc: {{endpoint: 'b:4317', sending_queue: {sending_queue}}}")));
    let Some(Exporter::OtlpGrpc(exporter)) = config.exporters.get(&id("otlp_grpc")) else { panic!("{config:?}") };
    exporter.delivery.queue.clone()
}

#[track_caller]
fn debug_queue(settings: &str) -> Option<Queue> {
    let config = good(&with_exporter(&format!("debug: {settings}")));
    let Some(Exporter::Debug(exporter)) = config.exporters.get(&id("debug")) else { panic!("{config:?}") };
    exporter.delivery.queue.clone()
}

fn batch(sending_queue: &str) -> QueueBatch {
    queue(sending_queue).unwrap().batch.unwrap()
}

#[track_caller]
fn check_wrong(sending_queue: &str, expected: &str) {
    let text = with_exporter(&format!("otlp_grpc: {{endpoint: 'b:4317', sending_queue: {sending_queue}}}"));
    let problems = load_with(&[], text.as_str()).expect_err("a problem");
    assert!(problems.to_string().contains(expected), "{sending_queue}: {problems}");
}

#[test]
fn null_and_an_empty_map_are_a_queue_with_every_default() {
    let default = queue("{}").unwrap();
    assert_eq!((default.queue_size, default.sizer, &default.batch), (1000, QueueSizer::Requests, &None));
    assert_eq!(queue(""), Some(default.clone()));
    assert_eq!(queue("{enabled: true}"), Some(default.clone()));
    assert_eq!(queue("{enabled: false, queue_size: 0, storage: disk}"), None, "nothing is checked in it");
    assert_eq!(debug_queue("{}"), None);
    assert_eq!(debug_queue("{sending_queue: }"), Some(default.clone()));
    assert_eq!(debug_queue("{sending_queue: {}}"), Some(default));
    assert_eq!(debug_queue("{sending_queue: {enabled: false}}"), None);
}

#[test]
fn queues_are_checked_with_the_collectors_words() {
    check_wrong("{num_consumers: 0}", "`num_consumers` must be positive");
    check_wrong("{queue_size: 0}", "`queue_size` must be positive");
    check_wrong("{queue_size: -1}", "-1 is not between 0 and");
    check_wrong("{queue_size: 10MB}", "'queue_size' expected type 'int', got unconvertible type 'string'");
    check_wrong("{enabled: 'false'}", "unexpected type string for 'enabled'");
    check_wrong("{sizer: records}", "invalid sizer: \"records\"");
    check_wrong("{storage: disk}", "no storage client extension found: \"disk\"");
    check_wrong("{storage: disk, wait_for_result: true}", "`wait_for_result` is not supported with a persistent queue");
    check_wrong("{overflow: drop_oldest}", "overflow: drop_oldest is only for a queue with `storage`");
    check_wrong("{max_age: 1h}", "max_age is only for a queue with `storage`");
    check_wrong("{overflow: refuse, block_on_overflow: true}", "contradict each other");
    check_wrong("{overflow: forget}", "invalid overflow: \"forget\"");
    check_wrong("{batch: {flush_timeout: 0s}}", "`flush_timeout` must be positive, found 0");
    check_wrong("{batch: {min_size: 9, max_size: 8}}", "`max_size` (8) must be greater or equal to `min_size` (9)");
    check_wrong("{batch: {max_size: 8}}", "`max_size` (8) must be greater or equal to `min_size` (8192)");
}

/// Which unit the batch of a queue is measured in.
#[track_caller]
fn check_sizer(sending_queue: &str, expected: BatchSizer) {
    assert_eq!(batch(sending_queue).sizer, expected, "{sending_queue}");
}

#[test]
fn a_batch_takes_the_unit_of_its_queue_unless_it_has_one_or_is_empty() {
    use BatchSizer::{Bytes, Items};
    check_sizer("{batch: }", Items);
    check_sizer("{batch: {min_size: 1}}", Items);
    check_sizer("{batch: {sizer: bytes}}", Bytes);
    check_sizer("{sizer: requests, batch: {}}", Items);
    check_sizer("{sizer: requests, batch: {sizer: bytes}}", Bytes);
    check_sizer("{sizer: items, queue_size: 9000, batch: {min_size: 1}}", Items);
    check_sizer("{sizer: items, queue_size: 9000, batch: {sizer: bytes}}", Bytes);
    check_sizer("{sizer: bytes, queue_size: 9000, batch: {min_size: 5}}", Bytes);
    check_sizer("{sizer: bytes, queue_size: 9000, batch: {flush_timeout: 1s}}", Bytes);
    check_sizer("{sizer: bytes, queue_size: 9000, batch: {partition: {metadata_keys: [a]}}}", Bytes);
    check_sizer("{sizer: bytes, queue_size: 9000, batch: {}}", Items);
    check_sizer("{sizer: bytes, batch: {sizer: items}}", Items);
    check_wrong(
        "{sizer: requests, batch: {min_size: 1}}",
        "`batch` supports only `items` or `bytes` sizer, found \"requests\"",
    );
    check_wrong("{batch: {sizer: requests}}", "`batch` supports only `items` or `bytes` sizer");
}

#[test]
fn a_batch_of_the_queues_unit_must_fit_the_queue() {
    let fault = "`min_size` must be less than or equal to `queue_size`";
    check_wrong("{sizer: items, batch: }", fault);
    check_wrong("{sizer: items, queue_size: 10, batch: {min_size: 11}}", fault);
    check_wrong("{sizer: bytes, queue_size: 10, batch: {min_size: 11}}", fault);
    assert_eq!(batch("{sizer: items, queue_size: 10, batch: {min_size: 10}}").min_size, 10);
    assert_eq!(batch("{sizer: items, queue_size: 10, batch: {min_size: 11, sizer: bytes}}").min_size, 11);
    assert_eq!(batch("{queue_size: 10, batch: {min_size: 11}}").min_size, 11);
    assert_eq!(batch("{batch: {min_size: 0, max_size: 5}}").max_size, Some(5));
    assert_eq!(batch("{batch: {max_size: 0}}").max_size, None);
}

#[test]
fn senders_can_be_told_apart_by_metadata() {
    let keys = |keys: &[&str]| keys.iter().map(|key| Box::from(*key)).collect::<Vec<Box<str>>>();
    let partition = |text: &str| batch(&format!("{{batch: {{partition: {text}}}}}")).metadata_keys;
    assert_eq!(partition(""), keys(&[]));
    assert_eq!(partition("{metadata_keys: []}"), keys(&[]));
    assert_eq!(partition("{metadata_keys: [X-Tenant, zone]}"), keys(&["x-tenant", "zone"]));
    let duplicate = "duplicate entry in metadata_keys: \"tenant\" (case-insensitive)";
    check_wrong("{batch: {partition: {metadata_keys: [tenant, Tenant]}}}", duplicate);
    let config = good(&with_processor("batch: {metadata_keys: [X-Tenant], metadata_cardinality_limit: 30}"));
    let Some(Processor::Batch(batch)) = config.processors.get(&id("batch")) else { panic!("{config:?}") };
    assert_eq!((&batch.metadata_keys, batch.metadata_cardinality_limit), (&keys(&["x-tenant"]), Some(30)));
    assert_eq!(batch.timeout, Duration::from_millis(200));
    let limit = |text: &str| match good(&with_processor(text)).processors.get(&id("batch")) {
        Some(Processor::Batch(batch)) => batch.metadata_cardinality_limit,
        other => panic!("{other:?}"),
    };
    assert_eq!((limit("batch:"), limit("batch: {metadata_cardinality_limit: 0}")), (Some(1000), None));
    check_problems(
        &[],
        &with_processor("batch: {metadata_keys: [tenant, Tenant]}"),
        &[&format!("c.yaml:4:35: processors::batch::metadata_keys::1: {duplicate}")],
    );
}

#[test]
fn answers_may_be_called_retryable_by_their_code() {
    let codes = |exporter: &str| {
        let config = good(&with_exporter(exporter));
        config.exporters.into_values().next().unwrap().delivery().unwrap().retryable_codes.clone()
    };
    let retry = |codes: &str| format!("retry_on_failure: {{retryable_status_codes: {codes}}}");
    assert_eq!(codes(&format!("otlp_http: {{endpoint: 'http://h', {}}}", retry("[500, 530]"))), [500, 530]);
    assert_eq!(codes(&format!("otlp_grpc: {{endpoint: 'h:1', {}}}", retry("[internal, UNKNOWN, 5]"))), [13, 2, 5]);
    assert_eq!(codes("otlp_grpc: {endpoint: 'h:1'}"), Vec::<u16>::new());
    check_problems(
        &[],
        &with_exporter(&format!("otlp_http: {{endpoint: 'http://h', {}}}", retry("[INTERNAL]"))),
        &[
            "c.yaml:4:81: exporters::otlp_http::retry_on_failure::retryable_status_codes::0: \"INTERNAL\" is no HTTP status of \
           a failure; write a number from 400 to 599",
        ],
    );
    check_problems(
        &[],
        &with_exporter(&format!("otlp_grpc: {{endpoint: 'h:1', {}}}", retry("[OK]"))),
        &[
            "c.yaml:4:76: exporters::otlp_grpc::retry_on_failure::retryable_status_codes::0: \"OK\" is no gRPC code of a \
           failure; write a name such as INTERNAL, or its number",
        ],
    );
}

/// A configuration with this `file_storage`, an exporter with these settings, and what `service::extensions` lists.
fn stored(storage: &str, exporter: &str, started: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nextensions: {{file_storage/a: {storage}, zpages: }}\n\
         exporters: {{otlp_grpc: {{endpoint: 'b:4317', {exporter}}}}}\n\
         service: {{extensions: [{started}], pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}}}\n"
    )
}

#[track_caller]
fn delivery(text: &str) -> (Config, otlp_relay::config::Delivery) {
    let config = good(text);
    let delivery = config.exporters.get(&id("otlp_grpc")).and_then(Exporter::delivery).cloned();
    (config, delivery.unwrap())
}

#[test]
fn a_queue_with_storage_is_retried_for_ever_unless_the_time_is_written() {
    let (config, found) = delivery(&stored("", "sending_queue: {storage: file_storage/a}", "file_storage/a"));
    assert_eq!(found.retry.unwrap().max_elapsed_time, None);
    let expected = Durable {
        storage: id("file_storage/a"),
        on_failure: OnStorageFailure::Refuse,
        max_age: None,
        replay_rate: None,
    };
    assert_eq!(found.queue.unwrap().durable, Some(expected));
    assert_eq!(config.warnings, []);
    let own = "sending_queue: {storage: file_storage/a, overflow: drop_oldest, max_age: 24h, replay_rate: 5000, \
               on_storage_failure: memory}, retry_on_failure: {max_elapsed_time: 10m}";
    let (config, found) = delivery(&stored("", own, "file_storage/a"));
    assert_eq!(found.retry.unwrap().max_elapsed_time, Some(Duration::from_secs(600)));
    let queue = found.queue.unwrap();
    let durable = queue.durable.unwrap();
    assert_eq!((queue.overflow, durable.on_failure), (Overflow::DropOldest, OnStorageFailure::Memory));
    assert_eq!((durable.max_age, durable.replay_rate), (Some(Duration::from_secs(86400)), Some(5000)));
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|warning| warning.contains("costs data that is on disk")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("a crash costs it")), "{warnings:?}");
}

#[test]
fn the_storage_of_a_queue_must_be_there_and_be_started() {
    let queue = "sending_queue: {storage: file_storage/a}";
    for (text, expected) in [
        (stored("", queue, ""), "the storage \"file_storage/a\" is not started"),
        (stored("", "sending_queue: {storage: zpages}", "zpages"), "requested extension is not a storage extension"),
        (stored("", "sending_queue: {storage: file_storage}", "file_storage/a"), "no storage client extension found"),
    ] {
        let problems = load_with(&[], text.as_str()).expect_err("a problem");
        assert!(problems.to_string().contains(expected), "{problems}");
    }
}

#[test]
fn storage_has_the_contrib_extensions_keys() {
    let storage = |text: &str| {
        let config = good(&stored(text, "", "file_storage/a"));
        let Some(Extension::FileStorage(storage)) = config.extensions.get(&id("file_storage/a")).cloned() else {
            panic!("{config:?}")
        };
        (storage, config.warnings.len())
    };
    let (found, warnings) = storage("");
    let expected = FileStorage {
        directory: "/var/lib/otelcol/file_storage".into(),
        create: None,
        fsync: Fsync::On,
        lock_timeout: Duration::from_secs(1),
    };
    assert_eq!((found, warnings), (expected.clone(), 0));
    let all = "{directory: /d, timeout: 2s, fsync: false, create_directory: true, directory_permissions: '0700', \
               recreate: false, max_size: 1073741824, compaction: {on_start: true, on_rebound: true, directory: /t, \
               rebound_needed_threshold_mib: 1, rebound_trigger_threshold_mib: 1, max_transaction_size: 1, \
               check_interval: 1s, cleanup_on_start: true}}";
    let (found, warnings) = storage(all);
    let lock_timeout = Duration::from_secs(2);
    let written = FileStorage { directory: "/d".into(), create: Some(0o700), fsync: Fsync::Off, lock_timeout };
    assert_eq!(found, written);
    assert!(1 < warnings, "what has no effect, and what fsync: false costs, is told");
    assert_eq!(storage("{compaction: {on_start: false}, recreate: false, max_size: 0}"), (expected, 0));
}
