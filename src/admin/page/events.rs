//! Recent failures: each kind once, with how often, since when, why, and what to do.

use crate::interface::diagnostics::{Event, RelayStatus};

use super::super::html::Html;
use super::overview::sentence;
use super::words;

pub(super) fn write(html: &mut Html, status: &RelayStatus) {
    if status.events.is_empty() {
        return html.leaf("p", &[("class", "none")], "No export has failed since the start.");
    }
    html.element("ul", &[("class", "cards")], |html| {
        for event in &status.events {
            html.element("li", &[("class", "card")], |html| card(html, status, event));
        }
    });
}

fn card(html: &mut Html, status: &RelayStatus, event: &Event) {
    html.element("h3", &[], |html| {
        html.leaf("code", &[("class", "class")], &event.class);
        html.text(" ");
        words::badge(html, &event.state);
    });
    html.element("p", &[("class", "times")], |html| {
        html.text(format_args!(
            "{} ({}) · {} × · last ",
            event.exporter,
            event.signals.join(", "),
            words::count(event.count)
        ));
        words::ago(html, status, event.last_unix_nano);
        html.text(" · first ");
        words::ago(html, status, event.first_unix_nano);
    });
    html.leaf("p", &[("class", "meaning")], sentence(&event.meaning));
    html.element("dl", &[("class", "why")], |html| {
        html.leaf("dt", &[], "Remedy");
        html.leaf("dd", &[("class", "remedy")], sentence(&event.remedy));
        html.leaf("dt", &[], "Cause");
        html.leaf("dd", &[], &event.cause);
        html.leaf("dt", &[], "Where");
        html.leaf("dd", &[], format_args!("{} (phase: {}, family: {})", event.endpoint, event.phase, event.family));
    });
}
