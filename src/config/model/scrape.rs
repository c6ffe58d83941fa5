//! `receivers::prometheus`: what is scraped, and how.

use std::time::Duration;

use http::HeaderName;

use super::secret::in_query;
use super::{ClientAuth, ClientTls, Endpoint, Proxy, Relabel, Secret};
use crate::signal::Signal;
use crate::units::ByteCount;

/// `receivers::prometheus`, as its `config` comes to it: targets are known, with everything that `relabel_configs` does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scraping {
    /// `config::scrape_configs`, in the order written.
    pub jobs: Vec<ScrapeJob>,
    /// `initial_scrape_offset`: how long the first scrapes wait; 0.
    pub first_after: Duration,
    /// `scrape_on_shutdown`
    pub last_scrape: LastScrape,
    /// `trim_metric_suffixes`: whether names lose their unit, and counters `_total`; false.
    pub trim_suffixes: bool,
}

/// `scrape_on_shutdown`: how scraping ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastScrape {
    /// Between two scrapes.
    #[default]
    AsPlanned,
    /// With one more of each target.
    AtTheEnd,
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
    /// `track_timestamps_staleness`: whether a series is told to have ended although its samples say their time; false.
    pub track_timestamps_staleness: bool,
    /// `extra_scrape_metrics`: whether the limits of a scrape are told with it; false.
    pub extra_metrics: bool,
    /// `follow_redirects`: whether an answer may lead to another page of the same server; true.
    pub follow_redirects: bool,
    /// `metric_relabel_configs`
    pub relabel: Vec<Relabel>,
    /// `global::external_labels`, on every sample, in place of its own of these names.
    pub external_labels: Vec<(String, String)>,
    /// `basic_auth`, `authorization`, `bearer_token` or `oauth2`.
    pub auth: Option<ClientAuth>,
    /// `http_headers`
    pub headers: Vec<(HeaderName, Secret)>,
    /// How much may come.
    pub limits: ScrapeLimits,
    /// In which formats.
    pub formats: ScrapeFormats,
    /// `proxy_from_environment`: whether HTTP_PROXY and its kin count; false.
    pub proxy_from_environment: bool,
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

/// How a page may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeFormats {
    /// `scrape_protocols`, best first.
    pub protocols: Vec<ScrapeProtocol>,
    /// `fallback_scrape_protocol`, of a page that does not say in what it is written; Prometheus' text.
    pub fallback: ScrapeProtocol,
    /// `scrape_native_histograms`: whether native histograms are taken; false.
    pub native_histograms: bool,
    /// `always_scrape_classic_histograms`: whether the buckets of a histogram are taken beside its native ones; false.
    pub classic_histograms: bool,
    /// `metric_name_escaping_scheme`: what becomes of characters that classic names have not; `allow-utf-8`.
    pub escaping: &'static str,
    /// `enable_compression`: whether a page may come compressed; true.
    pub compression: bool,
}

impl Default for ScrapeFormats {
    fn default() -> ScrapeFormats {
        ScrapeFormats {
            protocols: ScrapeProtocol::TEXTS.to_vec(),
            fallback: ScrapeProtocol::PrometheusText0_0_4,
            native_histograms: false,
            classic_histograms: false,
            escaping: "allow-utf-8",
            compression: true,
        }
    }
}

/// One of `scrape_protocols`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrapeProtocol {
    /// `PrometheusProto`: the one with native histograms.
    PrometheusProto,
    /// `PrometheusText0.0.4`
    PrometheusText0_0_4,
    /// `PrometheusText1.0.0`
    PrometheusText1_0_0,
    /// `OpenMetricsText0.0.1`
    OpenMetricsText0_0_1,
    /// `OpenMetricsText1.0.0`
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for unless something else is written, best first: OpenMetrics knows units and start times.
    pub const TEXTS: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];
}

/// One page that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeTarget {
    /// Where it is; the text is the whole URL, without its query.
    pub endpoint: Endpoint,
    /// TLS, where its scheme is https.
    pub tls: Option<ClientTls>,
    /// The proxy in front of it: `proxy_url`, or what the environment names where `proxy_from_environment` is on.
    pub proxy: Option<Proxy>,
    /// `metrics_path` with `params`.
    pub path: String,
    /// `scrape_interval`; 1 minute.
    pub interval: Duration,
    /// `scrape_timeout`; 10 seconds, or the interval where that is less.
    pub timeout: Duration,
    /// Its labels, `job` and `instance` among them, sorted by name.
    pub labels: Vec<(String, String)>,
}
