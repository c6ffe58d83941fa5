//! Does one bad item cost the others nothing?

use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::{self, lean_spans};
use crate::support::relay::Relay;
use crate::support::setup::Setup;

#[tokio::test]
async fn of_a_thousand_spans_from_many_senders_only_the_poisonous_one_is_lost() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        backend.poison([617]);
        let setup = Setup::forwarding(wire, &backend, "").processor("batch", "timeout: 5s, send_batch_size: 1000");
        let relay = Relay::start(&setup).await;
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        for id in 0..100 {
            client.deliver(&lean_spans("app", id * 10..(id + 1) * 10)).await;
        }
        backend.wait_for_items(999).await;
        relay.wait_for_line(&["Dropping data", "class=invalid_data", "dropped_items=1"]).await;
        let ended = relay.stop().await;
        assert_eq!((ended.delivered, ended.lost), (999, 1), "{}", ended.log);
        let expected: Vec<u64> = (0..1000).filter(|id| *id != 617).collect();
        assert_eq!(backend.accepted_ids(Signal::Traces), expected);
        let requests = backend.records().len();
        assert!(requests <= 23, "{requests} requests");
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_for_the_backend_arrives_in_parts() {
    for wire in [Wire::Grpc, Wire::Http] {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let backend = Backend::start();
            backend.limit(60);
            let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
            relay.client(wire, Coding::Gzip).await.deliver(&generate::request(signal, "app", 0..500)).await;
            backend.wait_for_items(500).await;
            relay.stop_without_loss().await;
            assert_eq!(backend.accepted_ids(signal), (0..500).collect::<Vec<_>>());
        }
    }
}
