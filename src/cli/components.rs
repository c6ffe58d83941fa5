//! What `otlp-relay components` prints: the Collector's YAML layout, or a table for a page.

use std::fmt::Write;

use clap::Args;

use super::{NAME, VERSION};
use crate::config::{ComponentType, component_types};

/// List the components that this relay has.
#[derive(Args, Debug)]
pub(super) struct Components {
    /// yaml, as the Collector prints it, or markdown.
    #[arg(long, default_value = "yaml")]
    format: String,
}

/// What to print.
pub(super) fn components(asked: &Components) -> Result<String, String> {
    match asked.format.to_ascii_lowercase().as_str() {
        "yaml" => Ok(listing()),
        "markdown" => Ok(table()),
        _ => Err(format!("unrecognized print format: {}", asked.format)),
    }
}

/// The components of a section in their order of names.
fn sorted(section: &str) -> Vec<&'static ComponentType> {
    let mut types: Vec<_> = component_types().iter().filter(|known| known.section == section).collect();
    types.sort_by_key(|known| known.name);
    types
}

/// A table in Markdown: a line for each component.
fn table() -> String {
    let mut text = "| | component | also called | for |\n|---|---|---|---|\n".to_owned();
    for section in SECTIONS {
        for (at, known) in sorted(section).into_iter().enumerate() {
            let section = if at == 0 { section } else { "" };
            let aliases: Vec<String> = known.aliases.iter().map(|alias| format!("`{alias}`")).collect();
            let signals: Vec<String> = known.stability.iter().map(|(signal, level)| about(signal, level)).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {section} | `{}` | {} | {} |",
                known.name,
                aliases.join(", "),
                signals.iter().filter(|signal| !signal.is_empty()).cloned().collect::<Vec<_>>().join(", ")
            );
        }
    }
    text
}

/// `profiles (alpha)`: what is not beta says so.
fn about(signal: &str, level: &str) -> String {
    // A connector passes a signal on as it is: `traces-to-traces`.
    let signal = signal.split("-to-").next().unwrap_or_default();
    match (signal, level) {
        ("extension", "Beta") => String::new(),
        (signal, "Beta") => signal.to_owned(),
        (signal, level) => format!("{signal} ({})", level.to_ascii_lowercase()),
    }
}

/// The listing, sections and keys in the Collector's order, 4 blanks to a step.
fn listing() -> String {
    let mut text = format!(
        "buildinfo:\n    command: {NAME}\n    description: {}\n    version: {VERSION}\n",
        env!("CARGO_PKG_DESCRIPTION")
    );
    for section in SECTIONS {
        let types = sorted(section);
        if !types.is_empty() {
            text.push_str(section);
            text.push_str(":\n");
        }
        types.into_iter().for_each(|known| push(&mut text, known));
    }
    text.push_str("providers:\n");
    for scheme in ["env", "file", "http", "https", "yaml"] {
        // Writing to a String cannot fail.
        let _ = write!(text, "    - scheme: {scheme}\n      module: {NAME} v{VERSION}\n");
    }
    text
}

fn push(text: &mut String, known: &ComponentType) {
    // Writing to a String cannot fail.
    let _ = write!(text, "    - name: {}\n      module: {NAME} v{VERSION}\n      stability:\n", known.name);
    for (signal, level) in known.stability {
        let _ = writeln!(text, "        {signal}: {level}");
    }
}

const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "connectors", "extensions"];
