//! In which formats targets are asked for their pages.

use crate::config::model::{ScrapeFormats, ScrapeProtocol};
use crate::config::section::Section;

/// The keys that `global` has.
#[derive(Default)]
pub(super) struct Usual {
    protocols: Option<Vec<ScrapeProtocol>>,
    native: bool,
    classic: bool,
    escaping: Option<&'static str>,
}

pub(super) fn of_global(section: &mut Section<'_>) -> Usual {
    Usual {
        protocols: protocols(section),
        native: section.boolean("scrape_native_histograms").unwrap_or(false),
        classic: section.boolean("always_scrape_classic_histograms").unwrap_or(false),
        escaping: escaping(section),
    }
}

/// Those of a job. Whoever takes native histograms asks for protobuf first, unless something else is written.
pub(super) fn of_job(section: &mut Section<'_>, usual: &Usual) -> ScrapeFormats {
    let native_histograms = section.boolean("scrape_native_histograms").unwrap_or(usual.native);
    let protocols = protocols(section).or_else(|| usual.protocols.clone()).unwrap_or_else(|| {
        let first = native_histograms.then_some(ScrapeProtocol::PrometheusProto);
        first.into_iter().chain(ScrapeProtocol::TEXTS).collect()
    });
    ScrapeFormats {
        protocols,
        fallback: section.choice("fallback_scrape_protocol", PROTOCOLS).unwrap_or(ScrapeProtocol::PrometheusText0_0_4),
        native_histograms,
        classic_histograms: classic(section).unwrap_or(usual.classic),
        escaping: escaping(section).or(usual.escaping).unwrap_or("allow-utf-8"),
        compression: section.boolean("enable_compression").unwrap_or(true),
    }
}

/// `always_scrape_classic_histograms`, or its earlier name.
fn classic(section: &mut Section<'_>) -> Option<bool> {
    let earlier = section.boolean("scrape_classic_histograms");
    section.boolean("always_scrape_classic_histograms").or(earlier)
}

/// `metric_name_escaping_scheme`; legacy names have none of the characters that are escaped.
fn escaping(section: &mut Section<'_>) -> Option<&'static str> {
    let names = section.choice("metric_name_validation_scheme", &[("utf8", "allow-utf-8"), ("legacy", "underscores")]);
    section.choice("metric_name_escaping_scheme", ESCAPINGS).or(names)
}

/// `scrape_protocols`
fn protocols(section: &mut Section<'_>) -> Option<Vec<ScrapeProtocol>> {
    let value = section.value("scrape_protocols")?;
    let mut protocols = Vec::new();
    for item in value.items() {
        let Some(protocol) = item.choice(PROTOCOLS) else { continue };
        if protocols.contains(&protocol) {
            item.wrong("duplicated protocol in scrape_protocols");
        }
        protocols.push(protocol);
    }
    Some(protocols).filter(|protocols| !protocols.is_empty())
}

const ESCAPINGS: &[(&str, &str)] =
    &[("allow-utf-8", "allow-utf-8"), ("underscores", "underscores"), ("dots", "dots"), ("values", "values")];

const PROTOCOLS: &[(&str, ScrapeProtocol)] = &[
    ("PrometheusProto", ScrapeProtocol::PrometheusProto),
    ("PrometheusText0.0.4", ScrapeProtocol::PrometheusText0_0_4),
    ("PrometheusText1.0.0", ScrapeProtocol::PrometheusText1_0_0),
    ("OpenMetricsText0.0.1", ScrapeProtocol::OpenMetricsText0_0_1),
    ("OpenMetricsText1.0.0", ScrapeProtocol::OpenMetricsText1_0_0),
];
