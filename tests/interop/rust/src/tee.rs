//! An exporter of any signal that hands each batch to two, and remembers whether one failed.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Runtime;

pub static FAILURES: AtomicUsize = AtomicUsize::new(0);
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

#[derive(Debug)]
pub struct Tee<E>(pub E, pub E);

/// Waits for both on the runtime, since the caller is a thread of the SDK without one.
fn both(first: impl Future<Output = OTelSdkResult>, second: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
    either(RUNTIME.block_on(first), RUNTIME.block_on(second))
}

fn either(first: OTelSdkResult, second: OTelSdkResult) -> OTelSdkResult {
    for failure in [&first, &second].into_iter().filter_map(|result| result.as_ref().err()) {
        FAILURES.fetch_add(1, Ordering::Relaxed);
        eprintln!("{failure}");
    }
    first.and(second)
}

impl<E: SpanExporter> SpanExporter for Tee<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        both(self.0.export(batch.clone()), self.1.export(batch))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        either(self.0.shutdown_with_timeout(timeout), self.1.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
        self.1.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Tee<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        both(self.0.export(metrics), self.1.export(metrics))
    }

    fn force_flush(&self) -> OTelSdkResult {
        either(self.0.force_flush(), self.1.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        either(self.0.shutdown_with_timeout(timeout), self.1.shutdown_with_timeout(timeout))
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality()
    }
}

impl<E: LogExporter> LogExporter for Tee<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records: Vec<(&SdkLogRecord, &InstrumentationScope)> = batch.iter().collect();
        both(self.0.export(LogBatch::new(&records)), self.1.export(LogBatch::new(&records)))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        either(self.0.shutdown_with_timeout(timeout), self.1.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
        self.1.set_resource(resource);
    }
}
