//! What `otlp-relay components` prints: the Collector's YAML layout.

use std::fmt::Write;

use super::{NAME, VERSION};
use crate::config::{ComponentType, component_types};

/// The listing, sections and keys in the Collector's order, 4 blanks to a step.
pub(super) fn listing() -> String {
    let mut text = format!(
        "buildinfo:\n    command: {NAME}\n    description: {}\n    version: {VERSION}\n",
        env!("CARGO_PKG_DESCRIPTION")
    );
    for section in SECTIONS {
        let mut types: Vec<_> = component_types().iter().filter(|known| known.section == section).collect();
        types.sort_by_key(|known| known.name);
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
