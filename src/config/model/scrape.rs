//! `receivers::prometheus`: what is scraped, and how.

use std::time::Duration;

use http::HeaderName;

use super::secret::in_query;
use super::{ClientAuth, ClientTls, Endpoint, Relabel, Secret};
use crate::signal::Signal;
use crate::units::ByteCount;

/// `receivers::prometheus`, as its `config` comes to it: targets are known, with everything that `relabel_configs` does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scraping {
    /// `config::scrape_configs`, in the order written.
    pub jobs: Vec<ScrapeJob>,
}

impl Scraping {
    /// What it gives.
    pub const SIGNAL: Signal = Signal::Metrics;
}

/// One of `scrape_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeJob {
    /// Its key: `config::scrape_configs::0`.
    pub key: String,
    /// `job_name`
    pub name: String,
    /// Those of `static_configs` that `relabel_configs` keeps.
    pub targets: Vec<ScrapeTarget>,
    /// `honor_labels`: whether a label of a sample wins over one of its target; false.
    pub honor_labels: bool,
    /// `honor_timestamps`: whether a sample has the time that its target says; true.
    pub honor_timestamps: bool,
    /// `follow_redirects`: whether an answer may lead to another page of the same server; true.
    pub follow_redirects: bool,
    /// `metric_relabel_configs`
    pub relabel: Vec<Relabel>,
    /// `global::external_labels`, on every sample that has no such label.
    pub external_labels: Vec<(String, String)>,
    /// `basic_auth`, `authorization` or `bearer_token`.
    pub auth: Option<ClientAuth>,
    /// `http_headers`
    pub headers: Vec<(HeaderName, Secret)>,
    /// How much may come.
    pub limits: ScrapeLimits,
}

impl ScrapeJob {
    /// Everything in the configuration that its targets are shown and nobody else may see. What stands in files of its own
    /// is known to whoever sends it.
    pub fn secrets(&self) -> Vec<Secret> {
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        let queries = self.targets.iter().flat_map(|target| in_query(&target.path));
        headers.chain(queries).chain(self.auth.iter().flat_map(ClientAuth::secrets)).collect()
    }
}

/// How much one scrape may be. None: as much as the relay takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeLimits {
    /// `body_size_limit`; 64 MiB.
    pub body: Option<ByteCount>,
    /// `sample_limit`, counted behind `metric_relabel_configs`.
    pub samples: Option<u64>,
    /// `label_limit` of one sample.
    pub labels: Option<u64>,
    /// `label_name_length_limit`, in bytes.
    pub label_name: Option<u64>,
    /// `label_value_length_limit`, in bytes.
    pub label_value: Option<u64>,
}

/// One page that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeTarget {
    /// Where it is; the text is the whole URL, without its query.
    pub endpoint: Endpoint,
    /// TLS, where its scheme is https.
    pub tls: Option<ClientTls>,
    /// `metrics_path` with `params`.
    pub path: String,
    /// `scrape_interval`; 1 minute.
    pub interval: Duration,
    /// `scrape_timeout`; 10 seconds, or the interval where that is less.
    pub timeout: Duration,
    /// Its labels, `job` and `instance` among them, sorted by name.
    pub labels: Vec<(String, String)>,
}
