//! The `prometheusremotewrite` exporter (contrib: exporter/prometheusremotewriteexporter): metrics in the requests of
//! Prometheus' remote write 1.0, with the names and labels that a scrape of the `prometheus` exporter shows.
//!
//! Nothing is kept from one request to the next, so that sums and histograms of delta temporality are rejected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;

use crate::config::RemoteWrite;
use crate::exporters::otlp::{Translate, Translated};
use crate::failure::{Class, Failure};
use crate::payload::Payload;
use crate::protocol::prometheus::Number;
use crate::units::{ByteCount, Items};

use super::labels::{Labeller, ScopeLabels};
use super::name::Namer;
use super::protobuf::{DEFAULT_ZERO_THRESHOLD, spans};
use super::refusals::{Reason, Refusals};
use super::store::{Change, Exemplar, Head, Kind, Labels, Point, Sample, Target};
use super::typed::Reader;
use super::unreadable;
use super::value::{Exponential, Histogram, Value};

/// What `asked` makes of metrics.
pub(in crate::exporters) fn remote_write(asked: &RemoteWrite) -> Arc<dyn Translate> {
    let namer = Namer::new(asked.translation, &asked.namespace);
    let scope = if asked.scope_labels { ScopeLabels::WithoutSchema } else { ScopeLabels::Left };
    // As between Prometheus and its servers, what a series has itself counts more than where it comes from.
    let labeller = Labeller::new(namer.clone(), &[], &asked.resource_labels, scope).or(&asked.external_labels);
    Arc::new(Writer {
        target_info: asked.target_info.then(|| namer.own("target_info")),
        metadata: asked.metadata,
        max_body: asked.max_body,
        reader: Reader { labeller, namer },
    })
}

#[derive(Debug)]
struct Writer {
    reader: Reader,
    /// The name of the series that describes targets, where they are described.
    target_info: Option<String>,
    metadata: bool,
    max_body: Option<ByteCount>,
}

impl Translate for Writer {
    fn translate(&self, payload: &Payload) -> Result<Translated, Failure> {
        let request = ExportMetricsServiceRequest::decode(payload.to_bytes()).map_err(unreadable)?;
        let mut refusals = Refusals::default();
        let mut series = AllSeries { now: now(), ..AllSeries::default() };
        for of_resource in &request.resource_metrics {
            let (target, points) = self.reader.resource(of_resource, &mut refusals);
            let mut last = 0;
            for point in points {
                if let Change::Add(_) = point.change {
                    refusals.note(&point.head.name, Reason::Delta, 1);
                    continue;
                }
                last = last.max(series.point(point));
            }
            // One that says nothing beside who it is is nothing to join with.
            let target = target.filter(|target| last != 0 && self.reader.labeller.describes(target));
            if let (Some(name), Some(target)) = (&self.target_info, target) {
                series.target(name, &target, last);
            }
        }
        let body = series.into_request(self.metadata).encode_to_vec();
        if self.max_body.is_some_and(|most| most.as_len() < body.len()) && Items(1) < payload.items() {
            // Whoever settles it cuts it, as one that the server itself refuses for its size.
            let text = format!("max_batch_size_bytes: the request has {} bytes", body.len());
            return Err(Failure::new(Class::MessageTooLarge, text));
        }
        let rejected = Items(refusals.points());
        Ok(Translated { body: body.into(), rejected, message: refusals.message().map(Into::into) })
    }

    fn usual_path(&self) -> &'static str {
        "/api/v1/write"
    }
}

/// The labels of a series, its name among them, sorted by name.
type Named = Vec<(Box<str>, Box<str>)>;

/// The series of a request, each with its samples.
#[derive(Default)]
struct AllSeries {
    series: BTreeMap<Named, wire::TimeSeries>,
    heads: BTreeMap<Arc<str>, Arc<Head>>,
    /// What a point without a time is of, in milliseconds since 1970.
    now: i64,
}

/// What the series of one point have in common.
struct Of<'a> {
    name: &'a str,
    labels: &'a Labels,
    time: i64,
}

impl AllSeries {
    /// Adds a point; answers its time in milliseconds.
    fn point(&mut self, point: Point) -> i64 {
        let Point { head, labels, change } = point;
        let nanos = match &change {
            Change::Replace(sample) | Change::Add(sample) => sample.time,
            Change::End { time, .. } => *time,
        };
        let time = if nanos == 0 { self.now } else { (nanos / 1_000_000) as i64 };
        let of = Of { name: &head.name, labels: &labels, time };
        match change {
            Change::Replace(sample) | Change::Add(sample) => self.sample(&of, head.kind, &sample),
            Change::End { last, .. } => self.end(&of, head.kind, last.as_deref()),
        }
        self.heads.entry(Arc::clone(&head.name)).or_insert(head);
        time
    }

    fn sample(&mut self, of: &Of<'_>, kind: Kind, sample: &Sample) {
        match &*sample.value {
            Value::Int(_) | Value::Double(_) => {
                let series = self.put(of, "", None, sample.value.as_number().unwrap_or_default());
                if kind == Kind::Counter {
                    series.exemplars.extend(sample.exemplars.iter().map(|exemplar| wire_exemplar(exemplar, of.time)));
                }
            }
            Value::Histogram(histogram) => self.histogram(of, histogram, &sample.exemplars),
            Value::Exponential(exponential) => {
                let native = wire_native(exponential, of.time);
                let series = self.series(of, "", None);
                series.histograms.push(native);
                series.exemplars.extend(sample.exemplars.iter().map(|exemplar| wire_exemplar(exemplar, of.time)));
            }
            Value::Summary(summary) => {
                for (quantile, value) in &summary.quantiles {
                    self.put(of, "", Some(("quantile", Number(*quantile).to_string())), *value);
                }
                self.put(of, "_sum", None, summary.sum);
                self.put(of, "_count", None, summary.count as f64);
            }
        }
    }

    fn histogram(&mut self, of: &Of<'_>, histogram: &Histogram, exemplars: &[Exemplar]) {
        let mut below = f64::NEG_INFINITY;
        for (bound, count) in histogram.cumulative() {
            let within = exemplars.iter().filter(|exemplar| below < exemplar.value && exemplar.value <= bound);
            let series = self.put(of, "_bucket", Some(("le", Number(bound).to_string())), count as f64);
            series.exemplars.extend(within.map(|exemplar| wire_exemplar(exemplar, of.time)));
            below = bound;
        }
        if let Some(sum) = histogram.sum {
            self.put(of, "_sum", None, sum);
        }
        self.put(of, "_count", None, histogram.count() as f64);
    }

    /// A value that nobody recorded says that the series has ended. Of a histogram or a summary those series end whose
    /// bounds or quantiles come with it.
    fn end(&mut self, of: &Of<'_>, kind: Kind, last: Option<&Value>) {
        let stale = f64::from_bits(STALE);
        match (kind, last) {
            (Kind::Counter | Kind::Gauge | Kind::Unknown, _) => drop(self.put(of, "", None, stale)),
            (Kind::Histogram, Some(Value::Exponential(_))) => {
                let ended = wire_native(&Exponential { sum: Some(stale), ..Exponential::default() }, of.time);
                self.series(of, "", None).histograms.push(ended);
            }
            (Kind::Histogram | Kind::Summary, last) => {
                let (suffix, label, marks) = match last {
                    Some(Value::Summary(summary)) => {
                        ("", "quantile", summary.quantiles.iter().map(|(quantile, _)| *quantile).collect())
                    }
                    Some(Value::Histogram(histogram)) => {
                        ("_bucket", "le", histogram.cumulative().map(|(bound, _)| bound).collect())
                    }
                    _ => ("", "", Vec::new()),
                };
                for mark in marks {
                    self.put(of, suffix, Some((label, Number(mark).to_string())), stale);
                }
                self.put(of, "_sum", None, stale);
                self.put(of, "_count", None, stale);
            }
        }
    }

    fn target(&mut self, name: &str, target: &Target, time: i64) {
        self.put(&Of { name, labels: &target.labels, time }, "", None, 1.0);
    }

    fn put(&mut self, of: &Of<'_>, suffix: &str, extra: Option<(&str, String)>, value: f64) -> &mut wire::TimeSeries {
        let series = self.series(of, suffix, extra);
        series.samples.push(wire::Sample { value, timestamp: of.time });
        series
    }

    fn series(&mut self, of: &Of<'_>, suffix: &str, extra: Option<(&str, String)>) -> &mut wire::TimeSeries {
        let name = ("__name__".into(), format!("{}{suffix}", of.name).into());
        let extra = extra.map(|(name, value)| (name.into(), value.into()));
        // An empty label is none to Prometheus.
        let own = of.labels.iter().filter(|(_, value)| !value.is_empty()).cloned();
        let mut labels: Named = own.chain([name]).chain(extra).collect();
        labels.sort();
        self.series.entry(labels).or_default()
    }

    fn into_request(self, metadata: bool) -> wire::WriteRequest {
        let timeseries = self.series.into_iter().map(|(labels, mut series)| {
            let label = |(name, value): (Box<str>, Box<str>)| wire::Label { name: name.into(), value: value.into() };
            series.labels = labels.into_iter().map(label).collect();
            series.samples.sort_by_key(|sample| sample.timestamp);
            // Of several values at one time the last counts, as in a scrape.
            series.samples.dedup_by(|next, kept| {
                let same = next.timestamp == kept.timestamp;
                if same {
                    kept.value = next.value;
                }
                same
            });
            series.histograms.sort_by_key(|histogram| histogram.timestamp);
            series.exemplars.sort_by_key(|exemplar| exemplar.timestamp);
            series
        });
        let about = |head: Arc<Head>| wire::Metadata {
            kind: wire_kind(head.kind),
            name: head.name.to_string(),
            help: head.help.to_string(),
            unit: head.unit.to_string(),
        };
        wire::WriteRequest {
            timeseries: timeseries.collect(),
            metadata: self.heads.into_values().filter(|_| metadata).map(about).collect(),
        }
    }
}

/// By the compatibility specification, "Exponential Histograms".
fn wire_native(exponential: &Exponential, time: i64) -> wire::Histogram {
    let span = |span: &crate::protocol::prometheus::Span| wire::Span {
        offset: span.offset.unwrap_or_default(),
        length: span.length.unwrap_or_default(),
    };
    let (negative_spans, negative_deltas) = spans(&exponential.negative);
    let (positive_spans, positive_deltas) = spans(&exponential.positive);
    let threshold = exponential.zero_threshold;
    wire::Histogram {
        count: Some(exponential.count),
        sum: exponential.sum.unwrap_or_default(),
        schema: exponential.scale,
        zero_threshold: if threshold == 0.0 { DEFAULT_ZERO_THRESHOLD } else { threshold },
        zero_count: Some(exponential.zero_count),
        negative_spans: negative_spans.iter().map(span).collect(),
        negative_deltas,
        positive_spans: positive_spans.iter().map(span).collect(),
        positive_deltas,
        timestamp: time,
    }
}

fn wire_exemplar(exemplar: &Exemplar, time: i64) -> wire::Exemplar {
    let label = |(name, value): &(String, String)| wire::Label { name: name.clone(), value: value.clone() };
    let timestamp = if exemplar.time == 0 { time } else { (exemplar.time / 1_000_000) as i64 };
    wire::Exemplar { labels: exemplar.labels.iter().map(label).collect(), value: exemplar.value, timestamp }
}

/// The numbers of `MetricMetadata.MetricType`.
fn wire_kind(kind: Kind) -> i32 {
    match kind {
        Kind::Unknown => 0,
        Kind::Counter => 1,
        Kind::Gauge => 2,
        Kind::Histogram => 3,
        Kind::Summary => 5,
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

/// The value that ends a series (Prometheus: model/value, "StaleNaN").
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The messages of remote write 1.0, as far as they are written.
mod wire {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub(super) metadata: Vec<Metadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(super) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(super) histograms: Vec<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Label {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Sample {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
        #[prost(int64, tag = "2")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
        #[prost(int64, tag = "3")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Histogram {
        #[prost(uint64, optional, tag = "1")]
        pub(super) count: Option<u64>,
        #[prost(double, tag = "3")]
        pub(super) sum: f64,
        #[prost(sint32, tag = "4")]
        pub(super) schema: i32,
        #[prost(double, tag = "5")]
        pub(super) zero_threshold: f64,
        #[prost(uint64, optional, tag = "6")]
        pub(super) zero_count: Option<u64>,
        #[prost(message, repeated, tag = "8")]
        pub(super) negative_spans: Vec<Span>,
        #[prost(sint64, repeated, tag = "9")]
        pub(super) negative_deltas: Vec<i64>,
        #[prost(message, repeated, tag = "11")]
        pub(super) positive_spans: Vec<Span>,
        #[prost(sint64, repeated, tag = "12")]
        pub(super) positive_deltas: Vec<i64>,
        #[prost(int64, tag = "15")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
    pub(super) struct Span {
        #[prost(sint32, tag = "1")]
        pub(super) offset: i32,
        #[prost(uint32, tag = "2")]
        pub(super) length: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(string, tag = "4")]
        pub(super) help: String,
        #[prost(string, tag = "5")]
        pub(super) unit: String,
    }
}
