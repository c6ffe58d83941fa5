//! The pipelines as a picture: boxes from receivers through processors to exporters, with live rates.

use crate::interface::diagnostics::{Pipeline, RelayStatus};

use super::super::html::Html;
use super::words;

/// A box of the picture: what it is called, and what is written below.
struct Stage<'a> {
    id: &'a str,
    below: Option<String>,
    state: Option<&'a str>,
}

pub(super) fn write(html: &mut Html, status: &RelayStatus) {
    if status.pipelines.is_empty() {
        return html.leaf("p", &[("class", "none")], "There are no pipelines.");
    }
    html.element("ul", &[("class", "lanes")], |html| {
        for pipeline in &status.pipelines {
            html.element("li", &[("class", "lane")], |html| {
                html.leaf("h3", &[], &pipeline.id);
                lane(html, status, pipeline);
            });
        }
    });
}

fn lane(html: &mut Html, status: &RelayStatus, pipeline: &Pipeline) {
    let receivers = pipeline.receivers.iter().map(|id| Stage { id, below: intake(status, pipeline, id), state: None });
    let exporters = pipeline.exporters.iter().map(|id| {
        let (rate, state) = output(status, pipeline, id);
        Stage { id, below: rate, state }
    });
    html.element("div", &[("class", "flow")], |html| {
        column(html, "column in", "Receivers", receivers.collect());
        for id in &pipeline.processors {
            arrow(html);
            column(html, "column", "Processor", vec![Stage { id, below: None, state: None }]);
        }
        arrow(html);
        column(html, "column out", "Exporters", exporters.collect());
    });
}

fn column(html: &mut Html, class: &str, name: &str, stages: Vec<Stage<'_>>) {
    html.element("ul", &[("class", class), ("aria-label", name)], |html| {
        for Stage { id, below, state } in stages {
            let class = match state {
                Some("failing") => "stage bad",
                Some("delivering") => "stage good",
                _ => "stage",
            };
            html.element("li", &[("class", class)], |html| {
                html.leaf("span", &[("class", "id")], id);
                if let Some(state) = state {
                    words::badge(html, state);
                }
                if let Some(below) = below {
                    html.leaf("span", &[("class", "rate")], below);
                }
            });
        }
    });
}

/// A line with a head; it is an ornament, since the order of the boxes says the same.
fn arrow(html: &mut Html) {
    html.leaf("span", &[("class", "arrow"), ("aria-hidden", "true")], "");
}

fn intake(status: &RelayStatus, pipeline: &Pipeline, id: &str) -> Option<String> {
    let receiver = status.receivers.iter().find(|receiver| receiver.id == id)?;
    let flow = receiver.flows.iter().find(|flow| flow.signal == pipeline.signal)?;
    let rate = words::rate(flow.per_second);
    Some(match flow.refused {
        0 => rate,
        refused => format!("{rate}, {} refused", words::count(refused)),
    })
}

fn output<'a>(status: &'a RelayStatus, pipeline: &Pipeline, id: &str) -> (Option<String>, Option<&'a str>) {
    let exporter = status.exporters.iter().find(|exporter| exporter.id == id);
    let flows = exporter.into_iter().flat_map(|exporter| &exporter.flows);
    let flow = flows.into_iter().find(|flow| flow.signal == pipeline.signal);
    (flow.map(|flow| words::rate(flow.per_second)), flow.map(|flow| flow.state.as_str()))
}
