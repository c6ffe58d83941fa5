//! What a request means, told slowly and by other code: prost, and the descriptors of `opentelemetry-proto`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use otlp_relay::signal::Signal;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use prost_types::field_descriptor_proto::Type;

use crate::descriptors::{self, field, id_len, is_message};

/// A request as prost decodes it.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    pub items: u64,
    /// Encoded again: without unknown fields, in prost's order.
    pub bytes: Vec<u8>,
}

/// What prost makes of `bytes`.
pub fn decode(signal: Signal, bytes: &[u8]) -> Option<Decoded> {
    match signal {
        Signal::Traces => decode_as(bytes, |request: &ExportTraceServiceRequest| {
            request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum()
        }),
        Signal::Metrics => decode_as(bytes, |request: &ExportMetricsServiceRequest| {
            let metrics = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
            metrics.flat_map(|metric| &metric.data).map(points).sum()
        }),
        Signal::Logs => decode_as(bytes, |request: &ExportLogsServiceRequest| {
            request.resource_logs.iter().flat_map(|r| &r.scope_logs).map(|s| s.log_records.len()).sum()
        }),
        Signal::Profiles => decode_as(bytes, |request: &ExportProfilesServiceRequest| {
            let profiles = request.resource_profiles.iter().flat_map(|r| &r.scope_profiles).flat_map(|s| &s.profiles);
            profiles.map(|profile| profile.samples.len()).sum()
        }),
    }
}

fn decode_as<M: Message + Default>(bytes: &[u8], count: impl Fn(&M) -> usize) -> Option<Decoded> {
    let message = M::decode(bytes).ok()?;
    Some(Decoded { items: count(&message) as u64, bytes: message.encode_to_vec() })
}

fn points(data: &Data) -> usize {
    match data {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    }
}

/// What a payload must make of `bytes`: nothing when they must be refused.
pub struct Verdict {
    /// After strings were repaired.
    pub decoded: Decoded,
    pub repaired: u64,
}

pub fn judge(signal: Signal, bytes: &[u8]) -> Option<Verdict> {
    let mut repair = Repair { texts: 0, bad_ids: 0 };
    let repaired = repair.message(descriptors::request(signal), bytes, 0);
    assert!(repaired.is_some() || decode(signal, bytes).is_none(), "the reference refuses what prost accepts");
    let decoded = decode(signal, &repaired?)?;
    (repair.bad_ids == 0).then_some(Verdict { decoded, repaired: repair.texts })
}

struct Repair {
    texts: u64,
    bad_ids: u64,
}

impl Repair {
    /// `bytes` with strings made valid; nothing when the fields cannot be told apart.
    fn message(&mut self, name: &str, mut bytes: &[u8], depth: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let whole = bytes;
            let (number, wire) = decode_key(&mut bytes).ok()?;
            let row = field(name, number).filter(|_| wire == WireType::LengthDelimited && depth < 100);
            let Some(row) = row else {
                skip_field(wire, number, &mut bytes, DecodeContext::default()).ok()?;
                out.extend(&whole[..whole.len() - bytes.len()]);
                continue;
            };
            let len = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
            let content = bytes.get(..len)?;
            bytes = &bytes[len..];
            let content = match row.r#type() {
                _ if is_message(row) => self.message(row.type_name(), content, depth + 1)?,
                Type::String => {
                    self.texts += u64::from(std::str::from_utf8(content).is_err());
                    String::from_utf8_lossy(content).into_owned().into_bytes()
                }
                _ => {
                    self.bad_ids += u64::from(id_len(row).is_some_and(|id| len != 0 && len != id));
                    content.to_vec()
                }
            };
            encode_key(number, WireType::LengthDelimited, &mut out);
            encode_varint(content.len() as u64, &mut out);
            out.extend(content);
        }
        Some(out)
    }
}

/// One item, or a message that has none where there could be some, with the headers of all messages around it: all
/// fields, known or not, that have no items in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub headers: Vec<Vec<u8>>,
    pub item: Option<Vec<u8>>,
}

/// A request taken apart: its own other fields, and its leaves in order.
#[derive(Debug, Default, PartialEq)]
pub struct Leaves {
    pub others: Vec<u8>,
    pub leaves: Vec<Leaf>,
}

pub fn leaves(signal: Signal, bytes: &[u8]) -> Leaves {
    let mut leaves = Leaves::default();
    let name = descriptors::request(signal);
    for (number, content, whole) in split_fields(bytes) {
        match field(name, number) {
            Some(row) if row.name().starts_with("resource_") => {
                collect(row.type_name(), content, &mut Vec::new(), &mut leaves.leaves)
            }
            _ => leaves.others.extend(whole),
        }
    }
    leaves
}

fn collect(name: &str, content: &[u8], headers: &mut Vec<Vec<u8>>, leaves: &mut Vec<Leaf>) {
    let mut header = Vec::new();
    let mut units: Vec<(u32, Vec<u8>, &[u8])> = Vec::new();
    for (number, content, whole) in split_fields(content) {
        match field(name, number).map(|row| row.name()) {
            Some("gauge" | "sum" | "histogram" | "exponential_histogram" | "summary") if name.ends_with(".Metric") => {
                match units.last_mut() {
                    Some((last, merged, _)) if *last == number => merged.extend(content),
                    _ => units = vec![(number, content.to_vec(), whole)],
                }
            }
            Some("spans" | "data_points" | "log_records" | "metrics") => units.push((number, content.to_vec(), whole)),
            Some(unit) if unit.starts_with("scope_") => units.push((number, content.to_vec(), whole)),
            _ => header.extend(whole),
        }
    }
    headers.push(header);
    if units.is_empty() {
        leaves.push(Leaf { headers: headers.clone(), item: None });
    }
    for (number, content, whole) in units {
        let row = field(name, number).unwrap();
        if matches!(row.name(), "spans" | "data_points" | "log_records") {
            leaves.push(Leaf { headers: headers.clone(), item: Some(whole.to_vec()) });
        } else {
            collect(row.type_name(), &content, headers, leaves);
        }
    }
    headers.pop();
}

/// The fields of a well-formed message: number, content where it has a length, and the whole of it.
fn split_fields(mut bytes: &[u8]) -> Vec<(u32, &[u8], &[u8])> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let whole = bytes;
        let (number, wire) = decode_key(&mut bytes).unwrap();
        let mut content: &[u8] = &[];
        if wire == WireType::LengthDelimited {
            let len = decode_varint(&mut bytes).unwrap() as usize;
            (content, bytes) = bytes.split_at(len);
        } else {
            skip_field(wire, number, &mut bytes, DecodeContext::default()).unwrap();
        }
        fields.push((number, content, &whole[..whole.len() - bytes.len()]));
    }
    fields
}
