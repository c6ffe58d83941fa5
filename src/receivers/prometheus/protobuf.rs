//! A page in protobuf: `io.prometheus.client.MetricFamily` messages, each behind its length. It says the same as text does,
//! and has native histograms.

use bytes::{Buf, Bytes};
use prost::Message;

use super::exposition::{About, Exemplar, Exposition, Kind, Sample};
use super::native::{ROOM, is_native, native};
use crate::config::ScrapeFormats;
use crate::protocol::prometheus::{self as wire, Number};

/// A family whose metrics are not decoded yet: one after the other they take little memory.
#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    metric: Vec<Bytes>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

/// Reads a page.
///
/// # Errors
/// The first family that is none.
pub(super) fn read(mut body: Bytes, formats: &ScrapeFormats) -> Result<Exposition, String> {
    let mut exposition = Exposition::default();
    let (mut families, mut room) = (0, ROOM);
    while body.has_remaining() {
        families += 1;
        let at = |what: String| format!("family {families}: {what}");
        let family = Family::decode_length_delimited(&mut body).map_err(|error| at(error.to_string()))?;
        let name = family.name.filter(|name| !name.is_empty()).ok_or_else(|| at("it has no name".to_owned()))?;
        let kind = kind(family.kind.unwrap_or_default()).ok_or_else(|| at("its type is unknown".to_owned()))?;
        let samples = &mut exposition.samples;
        let mut reader = Reader { name: &name, kind, formats, samples, room: &mut room };
        for metric in family.metric {
            let metric = wire::Metric::decode(metric).map_err(|error| at(error.to_string()))?;
            reader.metric(metric).map_err(at)?;
        }
        let about = About { kind, help: family.help.unwrap_or_default(), unit: family.unit.unwrap_or_default() };
        exposition.about.insert(name, about);
    }
    Ok(exposition)
}

fn kind(number: i32) -> Option<Kind> {
    Some(match number {
        wire::COUNTER => Kind::Counter,
        wire::GAUGE => Kind::Gauge,
        wire::SUMMARY => Kind::Summary,
        wire::UNTYPED => Kind::Unknown,
        wire::HISTOGRAM => Kind::Histogram,
        wire::GAUGE_HISTOGRAM => Kind::GaugeHistogram,
        _ => return None,
    })
}

/// What becomes of the metrics of a family.
struct Reader<'a> {
    name: &'a str,
    kind: Kind,
    formats: &'a ScrapeFormats,
    samples: &'a mut Vec<Sample>,
    /// For empty buckets of native histograms.
    room: &'a mut usize,
}

/// What the samples of a metric have in common.
struct Of {
    labels: Vec<(String, String)>,
    /// In nanoseconds since 1970.
    time: Option<u64>,
    /// In seconds since 1970.
    created: Option<f64>,
}

impl Reader<'_> {
    fn metric(&mut self, metric: wire::Metric) -> Result<(), String> {
        let wire::Metric { label, gauge, counter, summary, untyped, timestamp_ms, histogram } = metric;
        let time = timestamp_ms.and_then(|millis| u64::try_from(millis).ok()).filter(|millis| *millis != 0);
        let mut of =
            Of { labels: pairs(label), time: time.map(|millis| millis.saturating_mul(1_000_000)), created: None };
        match (self.kind, counter, gauge, untyped, summary, histogram) {
            (Kind::Counter, Some(counter), ..) => {
                of.created = counter.created.map(|time| seconds(&time));
                self.put(&of, "", None, counter.value.unwrap_or_default(), counter.exemplar);
            }
            (Kind::Gauge, _, Some(found), ..) | (Kind::Unknown, _, _, Some(found), ..) => {
                self.put(&of, "", None, found.value.unwrap_or_default(), None);
            }
            (Kind::Summary, _, _, _, Some(summary), _) => {
                of.created = summary.created.map(|time| seconds(&time));
                for found in summary.quantiles {
                    let quantile = Number(found.quantile.unwrap_or_default()).in_open_metrics();
                    self.put(&of, "", Some(("quantile", quantile)), found.value.unwrap_or_default(), None);
                }
                self.put(&of, "_sum", None, summary.sum.unwrap_or_default(), None);
                self.put(&of, "_count", None, summary.count.unwrap_or_default() as f64, None);
            }
            (Kind::Histogram | Kind::GaugeHistogram, _, _, _, _, Some(histogram)) => {
                of.created = histogram.created.as_ref().map(seconds);
                self.histogram(&of, histogram)?;
            }
            // A metric without what its family says it holds.
            _ => {}
        }
        Ok(())
    }

    fn histogram(&mut self, of: &Of, histogram: wire::Histogram) -> Result<(), String> {
        if self.formats.native_histograms && self.kind == Kind::Histogram && is_native(&histogram) {
            let native = native(&histogram, self.room)?;
            let mut sample = self.sample(of, "", None, native.count as f64);
            sample.exemplars = histogram.exemplars.iter().cloned().map(exemplar).collect();
            sample.native = Some(Box::new(native));
            self.samples.push(sample);
            if histogram.bucket.is_empty() || !self.formats.classic_histograms {
                return Ok(());
            }
        }
        let count = histogram.count_float.unwrap_or(histogram.count.unwrap_or_default() as f64);
        let is_whole = histogram.bucket.iter().any(|bucket| bucket.bound == Some(f64::INFINITY));
        for bucket in histogram.bucket {
            let bound = Number(bucket.bound.unwrap_or_default()).in_open_metrics();
            let upto = bucket.count_float.unwrap_or(bucket.count.unwrap_or_default() as f64);
            self.put(of, "_bucket", Some(("le", bound)), upto, bucket.exemplar);
        }
        if !is_whole {
            self.put(of, "_bucket", Some(("le", "+Inf".to_owned())), count, None);
        }
        let (sum, total) = if self.kind == Kind::Histogram { ("_sum", "_count") } else { ("_gsum", "_gcount") };
        self.put(of, sum, None, histogram.sum.unwrap_or_default(), None);
        self.put(of, total, None, count, None);
        Ok(())
    }

    fn put(&mut self, of: &Of, suffix: &str, extra: Option<(&str, String)>, value: f64, with: Option<wire::Exemplar>) {
        let mut sample = self.sample(of, suffix, extra, value);
        sample.exemplars.extend(with.map(exemplar));
        self.samples.push(sample);
    }

    fn sample(&self, of: &Of, suffix: &str, extra: Option<(&str, String)>, value: f64) -> Sample {
        let extra = extra.map(|(name, value)| (name.to_owned(), value));
        Sample {
            name: format!("{}{suffix}", self.name),
            labels: of.labels.iter().cloned().chain(extra).collect(),
            value,
            time: of.time,
            created: of.created,
            ..Sample::default()
        }
    }
}

fn pairs(labels: Vec<wire::LabelPair>) -> Vec<(String, String)> {
    labels.into_iter().map(|pair| (pair.name.unwrap_or_default(), pair.value.unwrap_or_default())).collect()
}

fn exemplar(exemplar: wire::Exemplar) -> Exemplar {
    let nanos = |time: wire::Timestamp| {
        let seconds = u64::try_from(time.seconds).ok()?.checked_mul(1_000_000_000)?;
        seconds.checked_add(u64::try_from(time.nanos).ok()?)
    };
    Exemplar {
        labels: pairs(exemplar.label),
        value: exemplar.value.unwrap_or_default(),
        time: exemplar.timestamp.and_then(nanos).filter(|time| *time != 0),
    }
}

fn seconds(time: &wire::Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanos) / 1e9
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn page(kind: i32, metric: wire::Metric) -> Bytes {
        let family = wire::MetricFamily {
            name: Some("a".to_owned()),
            kind: Some(kind),
            metric: vec![metric],
            ..wire::MetricFamily::default()
        };
        family.encode_length_delimited_to_vec().into()
    }

    fn histogram() -> Bytes {
        let histogram = wire::Histogram {
            count: Some(3),
            sum: Some(1.5),
            bucket: vec![wire::Bucket { count: Some(2), bound: Some(1.0), ..wire::Bucket::default() }],
            schema: Some(2),
            positive_span: vec![wire::Span { offset: Some(1), length: Some(1) }],
            positive_delta: vec![3],
            ..wire::Histogram::default()
        };
        page(wire::HISTOGRAM, wire::Metric { histogram: Some(histogram), ..wire::Metric::default() })
    }

    #[track_caller]
    fn check(native_histograms: bool, classic_histograms: bool, expected: &[&str]) {
        let formats = ScrapeFormats { native_histograms, classic_histograms, ..ScrapeFormats::default() };
        let samples = read(histogram(), &formats).unwrap().samples;
        let shown: Vec<String> = samples
            .iter()
            .map(|sample| {
                let marks: Vec<&str> = sample.labels.iter().map(|(_, value)| value.as_str()).collect();
                format!("{} {} {} {}", sample.name, marks.join(","), sample.value, sample.native.is_some())
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn histograms_are_native_classic_or_both() {
        let classic = ["a_bucket 1.0 2 false", "a_bucket +Inf 3 false", "a_sum  1.5 false", "a_count  3 false"];
        check(false, false, &classic);
        check(true, false, &["a  3 true"]);
        check(true, true, &[&["a  3 true"][..], &classic[..]].concat());
    }

    proptest! {
        #[test]
        fn no_page_panics(any in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..40, byte: u8) {
            let formats = ScrapeFormats { native_histograms: true, ..ScrapeFormats::default() };
            let mut odd = histogram().to_vec();
            let at = at % odd.len();
            odd[at] = byte;
            for page in [any, odd] {
                let _ = read(page.into(), &formats);
            }
        }
    }

    #[test]
    fn a_page_that_is_cut_is_told() {
        let formats = ScrapeFormats::default();
        for end in 1..histogram().len() {
            assert!(read(histogram().slice(..end), &formats).is_err(), "{end}");
        }
        assert!(read(page(9, wire::Metric::default()), &formats).unwrap_err().contains("type"));
        // A metric that holds nothing.
        assert_eq!(read(page(wire::COUNTER, wire::Metric::default()), &formats).unwrap().samples, []);
    }
}
