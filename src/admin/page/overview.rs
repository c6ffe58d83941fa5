//! The status page: the verdict first, then pipelines, exporters, what went wrong, and clients.

use crate::interface::diagnostics::{Client, RelayStatus};

use super::super::html::Html;
use super::{events, exporters, pipelines, words};

pub(super) fn write(html: &mut Html, status: &RelayStatus) {
    verdict(html, status);
    warnings(html, status);
    section(html, "pipelines", "Pipelines", |html| pipelines::write(html, status));
    section(html, "exporters", "Exporters", |html| exporters::write(html, status));
    section(html, "events", "Recent failures", |html| events::write(html, status));
    section(html, "clients", "Clients that need a change", |html| clients(html, status));
}

pub(super) fn section(html: &mut Html, id: &str, name: &str, inside: impl FnOnce(&mut Html)) {
    let heading = format!("{id}-heading");
    html.element("section", &[("id", id), ("aria-labelledby", &heading)], |html| {
        html.leaf("h2", &[("id", &heading)], name);
        inside(html);
    });
}

pub(super) fn verdict(html: &mut Html, status: &RelayStatus) {
    let (class, sign) = match status.exporting.as_str() {
        "failing" => ("verdict bad", "✕"),
        "delivering" => ("verdict good", "✓"),
        _ => ("verdict calm", "○"),
    };
    html.element("div", &[("class", class)], |html| {
        html.leaf("span", &[("class", "sign"), ("aria-hidden", "true")], sign);
        html.element("div", &[], |html| {
            html.leaf("h1", &[], words::exporting(status));
            html.element("p", &[("class", "facts")], |html| {
                html.text("Version ");
                html.text(&status.version);
                html.text(" · up ");
                html.text(words::lasting(status, status.started_unix_nano));
                html.text(" · ");
                html.text(&status.configuration);
                html.text(" · as of ");
                html.text(words::clock(status.time_unix_nano));
            });
        });
    });
}

fn warnings(html: &mut Html, status: &RelayStatus) {
    if status.warnings.is_empty() {
        return;
    }
    section(html, "warnings", "Warnings about the configuration", |html| {
        html.element("ul", &[("class", "warnings")], |html| {
            for warning in &status.warnings {
                html.element("li", &[], |html| {
                    html.leaf("span", &[("aria-hidden", "true")], "! ");
                    html.text(warning);
                });
            }
        });
    });
}

fn clients(html: &mut Html, status: &RelayStatus) {
    if status.clients.is_empty() {
        return html.leaf("p", &[("class", "none")], "No client did anything wrong.");
    }
    html.element("ul", &[("class", "cards")], |html| {
        for fault in &status.clients {
            html.element("li", &[("class", "card")], |html| client(html, status, fault));
        }
    });
}

fn client(html: &mut Html, status: &RelayStatus, fault: &Client) {
    html.element("h3", &[], |html| {
        html.text(&fault.address);
        html.text(" ");
        html.leaf("code", &[("class", "class")], &fault.class);
    });
    html.leaf("p", &[("class", "meaning")], sentence(&fault.meaning));
    html.element("dl", &[("class", "why")], |html| {
        if fault.cause != fault.remedy {
            html.leaf("dt", &[], "Cause");
            html.leaf("dd", &[], &fault.cause);
        }
        html.leaf("dt", &[], "Remedy");
        html.leaf("dd", &[("class", "remedy")], sentence(&fault.remedy));
    });
    html.element("p", &[("class", "times")], |html| {
        html.text(format_args!("{} × by {} · last ", words::count(fault.count), fault.protocol));
        words::ago(html, status, fault.last_unix_nano);
    });
}

/// A clause as a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    match characters.next() {
        None => String::new(),
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
    }
}
