//! Does the relay refuse in time when its memory fills, lose nothing, and recover by itself? And does it take no more of
//! it in an outage than it is allowed?

use std::time::{Duration, Instant};

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Client, Coding, Refusal, Wire};
use crate::support::export::{Export, Signal};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const SPANS: u64 = 5000;

#[tokio::test]
async fn above_the_soft_limit_data_is_refused_until_the_queue_is_empty() {
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let setup = Setup::forwarding(Wire::Grpc, &backend, "compression: none, sending_queue: {queue_size: 100000}")
        .processor("memory_limiter", "check_interval: 1ms, limit_mib: 12, spike_limit_mib: 4");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;

    let (taken, refusal) = fill(&mut client).await;
    let Refusal::Grpc(status) = refusal else { panic!("{refusal:?}") };
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(status.message().contains("data refused due to high memory usage"), "{status:?}");
    relay.wait_for_line(&["Memory usage is above soft limit. Refusing data.", "cur_mem_mib="]).await;

    backend.always(Answer::Accept);
    backend.wait_for_items(taken * SPANS).await;
    let refused = resume(&mut client, taken).await + 1;
    relay.wait_for_line(&["Memory usage back within limits. Resuming normal operation.", "cur_mem_mib="]).await;

    let metrics = relay.metrics().await;
    let value = |name: &str| metrics.value(name, &[("processor", "memory_limiter")]) as u64;
    assert_eq!(value("otelcol_processor_memory_limiter_accepted_spans"), (taken + 1) * SPANS);
    assert_eq!(value("otelcol_processor_memory_limiter_refused_spans"), refused * SPANS);
    assert_eq!(value("otelcol_processor_incoming_items"), (taken + 1 + refused) * SPANS);
    assert_eq!(value("otelcol_processor_outgoing_items"), (taken + 1) * SPANS);
    let (live, mapped) = ("otelcol_process_runtime_heap_alloc_bytes", "otelcol_process_runtime_total_sys_memory_bytes");
    assert!((1.0..8388608.0).contains(&metrics.value(live, &[])), "live memory is what the limiter says");
    assert!(metrics.value(live, &[]) <= metrics.value(mapped, &[]));
    relay.stop_without_loss().await;
    assert!(backend.accepted_ids(Signal::Traces).into_iter().eq(0..(taken + 1) * SPANS), "each span once");
}

/// Sends until the relay refuses; answers how many requests it took.
async fn fill(client: &mut Client) -> (u64, Refusal) {
    for taken in 0..1000 {
        if let Err(refusal) = client.send(&request(taken)).await {
            return (taken, refusal);
        }
    }
    panic!("the relay never refused");
}

/// Sends one more until the relay takes it; answers how often it refused.
async fn resume(client: &mut Client, request_of: u64) -> u64 {
    let begun = Instant::now();
    let mut refused = 0;
    while client.send(&request(request_of)).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the relay does not resume");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    refused
}

fn request(index: u64) -> Export {
    lean_spans("app", index * SPANS..(index + 1) * SPANS)
}

/// What is kept beside a request takes several times the memory of a small one: that is counted, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_outage_small_requests_take_no_more_memory_than_large_ones() {
    const QUEUE: u64 = 8 << 20;
    const MORE: u64 = 32 << 20;
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let queue = format!("compression: none, sending_queue: {{sizer: bytes, queue_size: {QUEUE}}}");
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, &queue)).await;
    let idle = relay.resident_bytes();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..16 {
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        senders.spawn(async move {
            let request = lean_spans("app", sender..sender + 1);
            loop {
                if let Err(refusal) = client.send(&request).await {
                    return refusal;
                }
            }
        });
    }
    let refusals = senders.join_all().await;
    let more = relay.resident_bytes().saturating_sub(idle);
    let metrics = relay.metrics().await;
    let value = |name: &str| metrics.value(name, &[("data_type", "traces")]) as u64;
    let (size, capacity) = (value("otelcol_exporter_queue_size"), value("otelcol_exporter_queue_capacity"));
    assert_eq!(capacity, QUEUE);
    assert!(0 < size && size <= capacity, "{size} of {capacity}");
    assert!(more <= QUEUE + MORE, "{more} bytes for a queue of {QUEUE}");
    for refusal in refusals {
        let Refusal::Grpc(status) = refusal else { panic!("{refusal:?}") };
        let full = status.message().contains("sending queue is full") && status.message().contains("memory");
        assert!(full && status.code() == tonic::Code::Unavailable, "{status:?}");
    }
    relay.kill().await;
}
