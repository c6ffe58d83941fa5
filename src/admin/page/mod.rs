//! The pages that people look at: the status page and the Collector's `/debug` pages, in one look.
//!
//! Everything is there without JavaScript. With it, the page asks for itself every two seconds and changes what differs.
//! Nothing comes from elsewhere, and no text can become markup: see [`Html`].

mod debug;
mod events;
mod exporters;
mod overview;
mod pipelines;
mod words;

use http::{HeaderValue, StatusCode, header};

use crate::interface::diagnostics::RelayStatus;

use super::html::Html;
use super::server::{Answer, page};

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// `/`
    Overview,
    /// `/debug/servicez`
    Service,
    /// `/debug/pipelinez`
    Pipelines,
    /// `/debug/extensionz`
    Extensions,
    /// `/debug/featurez`
    Features,
    /// `/debug/tracez`
    Traces,
}

impl Page {
    const ALL: [Page; 6] =
        [Page::Overview, Page::Service, Page::Pipelines, Page::Extensions, Page::Features, Page::Traces];

    /// The page at `path`; a slash at its end does not matter, as in the Collector.
    pub(super) fn at(path: &str) -> Option<Page> {
        let path = if path == "/" { path } else { path.trim_end_matches('/') };
        Page::ALL.into_iter().find(|page| page.path() == path)
    }

    /// The page with what `status` says.
    pub(super) fn answer(self, status: &RelayStatus) -> Answer {
        // New for each answer: nobody who smuggles markup into a page knows it.
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let mut answer = page(StatusCode::OK, "text/html; charset=utf-8", self.written(status, &nonce));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        answer
    }

    fn path(self) -> &'static str {
        match self {
            Page::Overview => "/",
            Page::Service => "/debug/servicez",
            Page::Pipelines => "/debug/pipelinez",
            Page::Extensions => "/debug/extensionz",
            Page::Features => "/debug/featurez",
            Page::Traces => "/debug/tracez",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Page::Overview => "Status",
            Page::Service => "Service",
            Page::Pipelines => "Pipelines",
            Page::Extensions => "Extensions",
            Page::Features => "Features",
            Page::Traces => "Traces",
        }
    }

    fn title(self, status: &RelayStatus) -> String {
        format!("{} · otlp-relay {}", words::exporting(status), self.name())
    }

    fn written(self, status: &RelayStatus, nonce: &str) -> String {
        let mut html = Html::default();
        html.raw("<!DOCTYPE html>\n");
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| self.head(html, status, nonce));
            html.element("body", &[], |html| {
                self.masthead(html);
                let title = self.title(status);
                html.element("main", &[("id", "live"), ("data-title", &title)], |html| self.body(html, status));
                html.element("footer", &[], |html| {
                    html.element("p", &[], |html| {
                        html.text("The same for programs: ");
                        html.leaf("a", &[("href", "/api/status")], "/api/status");
                        html.text(" (JSON), and gRPC otlp_relay.diagnostics.v1.Diagnostics on this port.");
                    });
                    html.leaf("p", &[("id", "pulse"), ("role", "status")], "Reload the page for newer figures.");
                });
                html.element("script", &[("nonce", nonce)], |html| {
                    html.raw(SCRIPT);
                });
            });
        });
        html.finish()
    }

    fn head(self, html: &mut Html, status: &RelayStatus, nonce: &str) {
        html.void("meta", &[("charset", "utf-8")]);
        html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.void("link", &[("rel", "icon"), ("href", "data:,")]);
        html.leaf("title", &[], self.title(status));
        html.element("style", &[("nonce", nonce)], |html| {
            html.raw(STYLE);
        });
    }

    fn masthead(self, html: &mut Html) {
        html.element("header", &[], |html| {
            html.element("a", &[("class", "brand"), ("href", "/")], |html| html.text("otlp-relay"));
            html.element("nav", &[("aria-label", "Pages")], |html| {
                for page in Page::ALL {
                    let current: &[(&str, &str)] = &[("href", page.path()), ("aria-current", "page")];
                    html.leaf("a", if page == self { current } else { &current[..1] }, page.name());
                }
            });
        });
    }

    fn body(self, html: &mut Html, status: &RelayStatus) {
        match self {
            Page::Overview => overview::write(html, status),
            Page::Service => debug::service(html, status),
            Page::Pipelines => debug::pipelines(html, status),
            Page::Extensions => debug::extensions(html, status),
            Page::Features => debug::features(html),
            Page::Traces => debug::traces(html),
        }
    }
}

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = include_str!("page.js");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_their_paths() {
        for page in Page::ALL {
            assert_eq!(Page::at(page.path()), Some(page));
        }
        assert_eq!(Page::at("/debug/servicez/"), Some(Page::Service));
        assert_eq!(Page::at("/debug"), None);
    }

    #[test]
    fn what_a_backend_says_is_text_on_every_page() {
        let evil = "</style></script><script>alert('x')</script>";
        let trouble = crate::interface::diagnostics::Trouble { cause: evil.to_owned(), ..Default::default() };
        let flow = crate::interface::diagnostics::ExporterFlow {
            state: "failing".to_owned(),
            endpoint: evil.to_owned(),
            trouble: Some(trouble),
            ..Default::default()
        };
        let exporter = crate::interface::diagnostics::Exporter { flows: vec![flow], ..Default::default() };
        let event = crate::interface::diagnostics::Event { cause: evil.to_owned(), ..Default::default() };
        let client = crate::interface::diagnostics::Client { cause: evil.to_owned(), ..Default::default() };
        let status = RelayStatus {
            configuration: evil.to_owned(),
            warnings: vec![evil.to_owned()],
            exporters: vec![exporter],
            events: vec![event],
            clients: vec![client],
            ..Default::default()
        };
        for page in Page::ALL {
            let text = page.written(&status, "n");
            assert!(!text.contains("alert('x')"), "{page:?}");
            assert_eq!(text.matches("<script").count(), 1, "{page:?}");
        }
    }
}
