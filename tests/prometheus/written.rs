//! The messages of remote write 1.0, as a server reads them: written here anew from the specification.

use std::collections::BTreeMap;

use prost::Message;

use crate::support::web::Asked;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) series: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
    #[prost(double, tag = "3")]
    pub(crate) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(crate) schema: i32,
    #[prost(sint64, repeated, tag = "12")]
    pub(crate) positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, tag = "2")]
    pub(crate) family: String,
    #[prost(string, tag = "4")]
    pub(crate) help: String,
    #[prost(string, tag = "5")]
    pub(crate) unit: String,
}

impl WriteRequest {
    /// What is in a request, which has to be one of remote write 1.0.
    pub(crate) fn of(asked: &Asked) -> WriteRequest {
        let header = |name: &str| asked.headers.get(name).map(String::as_str).unwrap_or_default();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/api/v1/write"));
        assert_eq!(header("content-type"), "application/x-protobuf");
        assert_eq!(header("content-encoding"), "snappy");
        assert_eq!(header("x-prometheus-remote-write-version"), "0.1.0");
        let plain = snap::raw::Decoder::new().decompress_vec(&asked.body).expect("a block of snappy");
        WriteRequest::decode(&plain[..]).expect("a WriteRequest")
    }

    /// The series of `name` with these labels, among others.
    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> &TimeSeries {
        let is_meant = |series: &&TimeSeries| {
            let own = series.named();
            own["__name__"] == name && labels.iter().all(|(name, value)| own.get(name) == Some(value))
        };
        self.series.iter().find(is_meant).unwrap_or_else(|| panic!("no {name} {labels:?} in {self:#?}"))
    }
}

impl TimeSeries {
    pub(crate) fn named(&self) -> BTreeMap<&str, &str> {
        self.labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect()
    }
}
