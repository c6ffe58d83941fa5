//! The Collector's `/debug` pages, with what a relay has to say there.

use crate::config::component_types;
use crate::interface::diagnostics::RelayStatus;

use super::super::html::Html;
use super::overview::{section, verdict};
use super::{pipelines, words};

pub(super) fn service(html: &mut Html, status: &RelayStatus) {
    verdict(html, status);
    section(html, "service", "Service", |html| {
        let uptime = words::lasting(status, status.started_unix_nano);
        facts(
            html,
            &[
                ("Version", &status.version),
                ("Instance", &status.instance),
                ("State", &status.state),
                ("Up for", &uptime),
                ("Configuration", &status.configuration),
            ],
        );
    });
    section(html, "receivers", "Receivers", |html| {
        let rows = status.receivers.iter().flat_map(|receiver| {
            receiver.listeners.iter().map(|listener| {
                let place = format!("{} ({})", listener.address, listener.security);
                [receiver.id.clone(), listener.protocol.clone(), place]
            })
        });
        table(html, ["Receiver", "Protocol", "Address"], rows);
    });
    section(html, "components", "Component types", |html| {
        let rows = component_types()
            .iter()
            .map(|kind| [kind.name.to_owned(), kind.section.trim_end_matches('s').to_owned(), kind.aliases.join(", ")]);
        table(html, ["Type", "Kind", "Aliases"], rows);
    });
}

pub(super) fn pipelines(html: &mut Html, status: &RelayStatus) {
    html.leaf("h1", &[], "Pipelines");
    section(html, "pipelines", "As they are joined", |html| pipelines::write(html, status));
    section(html, "list", "As a list", |html| {
        let rows = status.pipelines.iter().map(|pipeline| {
            let processors = pipeline.processors.join(" → ");
            let way = [pipeline.receivers.join(", "), processors, pipeline.exporters.join(", ")];
            let way: Vec<String> = way.into_iter().filter(|part| !part.is_empty()).collect();
            [pipeline.id.clone(), pipeline.signal.clone(), way.join(" → ")]
        });
        table(html, ["Pipeline", "Signal", "Receivers → processors → exporters"], rows);
    });
}

pub(super) fn extensions(html: &mut Html, status: &RelayStatus) {
    html.leaf("h1", &[], "Extensions");
    html.element("ul", &[("class", "plain")], |html| {
        for id in &status.extensions {
            html.leaf("li", &[], id);
        }
    });
}

pub(super) fn features(html: &mut Html) {
    html.leaf("h1", &[], "Features");
    html.leaf("p", &[], "This relay has no feature gates: what it does is said by its configuration alone.");
}

pub(super) fn traces(html: &mut Html) {
    html.leaf("h1", &[], "Traces");
    html.element("p", &[], |html| {
        html.text("This relay records no traces of itself. What fails, where and why is on the ");
        html.leaf("a", &[("href", "/")], "status page");
        html.text(", with the time that each phase of an export takes.");
    });
}

fn facts(html: &mut Html, facts: &[(&str, &str)]) {
    html.element("dl", &[("class", "why")], |html| {
        for (name, value) in facts {
            html.leaf("dt", &[], name);
            html.leaf("dd", &[], value);
        }
    });
}

fn table(html: &mut Html, heads: [&str; 3], rows: impl Iterator<Item = [String; 3]>) {
    html.element("table", &[("class", "list")], |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| heads.iter().for_each(|head| html.leaf("th", &[("scope", "col")], head)));
        });
        html.element("tbody", &[], |html| {
            for [first, second, third] in rows {
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", "row")], first);
                    html.leaf("td", &[("data-head", heads[1])], second);
                    html.leaf("td", &[("data-head", heads[2])], third);
                });
            }
        });
    });
}
