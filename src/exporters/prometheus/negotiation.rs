//! Which format a scraper is answered in: what it prefers of those that are there.

use http::{HeaderMap, header};

use super::shown::Escaping;
use super::text::Dialect;

/// A format, as a scraper asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A text, in this version of it.
    Text(Dialect, &'static str),
    /// The one with native histograms.
    Protobuf,
}

/// Which formats there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Without OpenMetrics, as the Collector has it unless it is told otherwise.
    WithoutOpenMetrics,
    /// All.
    All,
}

/// What the headers of a scrape ask for. Whoever asks for nothing that there is gets Prometheus' text.
pub(super) fn negotiate(headers: &HeaderMap, offer: Offer) -> (Format, Escaping) {
    let mut best: Option<(f32, Format, Escaping)> = None;
    for asked in parts(headers, header::ACCEPT) {
        let Some((quality, format, escaping)) = understood(&asked, offer) else { continue };
        if 0.0 < quality && best.is_none_or(|(known, ..)| known < quality) {
            best = Some((quality, format, escaping));
        }
    }
    best.map_or((CLASSIC, Escaping::Underscores), |(_, format, escaping)| (format, escaping))
}

/// Whether the answer may be compressed with gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    parts(headers, header::ACCEPT_ENCODING).iter().any(|asked| {
        let (name, quality) = (asked.name.as_str(), asked.quality());
        ["gzip", "x-gzip"].contains(&name) && 0.0 < quality
    })
}

impl Format {
    pub(super) fn content_type(self, escaping: Escaping) -> String {
        let kind = match self {
            Format::Text(Dialect::Prometheus, version) => format!("text/plain; version={version}; charset=utf-8"),
            Format::Text(Dialect::OpenMetrics, version) => {
                format!("application/openmetrics-text; version={version}; charset=utf-8")
            }
            Format::Protobuf => format!("{PROTOBUF}; proto={MESSAGE}; encoding=delimited"),
        };
        let escaping = match escaping {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
        };
        format!("{kind}; escaping={escaping}")
    }
}

/// One member of a list of preferences.
#[derive(Debug)]
struct Asked {
    name: String,
    parameters: Vec<(String, String)>,
}

impl Asked {
    fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn quality(&self) -> f32 {
        let text = self.parameter("q");
        if text.is_empty() { 1.0 } else { text.parse().unwrap_or(0.0) }
    }
}

fn understood(asked: &Asked, offer: Offer) -> Option<(f32, Format, Escaping)> {
    let version = asked.parameter("version");
    let format = match asked.name.as_str() {
        "application/openmetrics-text" if offer == Offer::All => match version {
            "" | "1.0.0" => Format::Text(Dialect::OpenMetrics, "1.0.0"),
            "0.0.1" => Format::Text(Dialect::OpenMetrics, "0.0.1"),
            _ => return None,
        },
        "text/plain" => match version {
            "" | "0.0.4" => CLASSIC,
            "1.0.0" => Format::Text(Dialect::Prometheus, "1.0.0"),
            _ => return None,
        },
        PROTOBUF if asked.parameter("proto") == MESSAGE && asked.parameter("encoding") == "delimited" => {
            Format::Protobuf
        }
        "*/*" | "text/*" => CLASSIC,
        _ => return None,
    };
    // The other ways to write such a name are no better to read.
    let escaping = match asked.parameter("escaping") {
        "allow-utf-8" => Escaping::AllowUtf8,
        _ => Escaping::Underscores,
    };
    Some((asked.quality(), format, escaping))
}

fn parts(headers: &HeaderMap, name: header::HeaderName) -> Vec<Asked> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let members = values.flat_map(|value| value.split(',')).take(MOST_PARTS);
    members
        .map(|member| {
            let mut words = member.split(';').map(str::trim);
            let name = words.next().unwrap_or_default().to_ascii_lowercase();
            let parameter = |word: &str| {
                let (name, value) = word.split_once('=')?;
                Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()))
            };
            Asked { name, parameters: words.filter_map(parameter).collect() }
        })
        .collect()
}

const CLASSIC: Format = Format::Text(Dialect::Prometheus, "0.0.4");
const PROTOBUF: &str = "application/vnd.google.protobuf";
const MESSAGE: &str = "io.prometheus.client.MetricFamily";

/// More than any scraper names.
const MOST_PARTS: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(accept: &str, offer: Offer, expected: &str) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        let (format, escaping) = negotiate(&headers, offer);
        assert_eq!(format.content_type(escaping), expected, "{accept}");
    }

    /// What a Prometheus of version 3 sends, without and with native histograms.
    const TEXT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
        application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;\
        q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2";

    #[test]
    fn a_scraper_gets_what_it_prefers_of_what_there_is() {
        check(TEXT, Offer::WithoutOpenMetrics, "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
        check(TEXT, Offer::All, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
        let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
                        escaping=underscores";
        check(NATIVE, Offer::WithoutOpenMetrics, protobuf);
        check(NATIVE, Offer::All, protobuf);
        for accept in
            ["", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png", "application/openmetrics-text"]
        {
            check(accept, Offer::WithoutOpenMetrics, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
        }
    }

    #[test]
    fn gzip_is_for_whoever_takes_it() {
        let takes =
            |value: &str| takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]));
        assert!(takes("gzip") && takes("deflate, GZIP;q=0.5") && !takes("gzip;q=0") && !takes("zstd"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
