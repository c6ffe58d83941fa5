//! Holds the architecture: which module may import which, and how large files and functions may grow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors of `src/lib.rs`, lowest first. A module imports only from floors below its own.
const FLOORS: &[&[&str]] = &[
    &["signal", "protocol", "ident", "units", "failure", "attempt", "interface"],
    &["payload", "config", "memory"],
    &["flow"],
    &["telemetry", "transport", "auth", "storage"],
    &["receivers", "processors", "delivery", "exporters"],
    &["pipeline"],
    &["admin", "doctor", "tools"],
    &["service"],
    &["cli"],
];

/// Words know each other: a failure carries the attempt that failed, an attempt names its phases.
const WORDS: usize = 0;

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 80;

/// Where a signal may be matched on: its table, the tables of its messages, and the typed module.
const MAY_MATCH_SIGNALS: &[&str] = &["src/signal.rs", "src/payload/schema", "src/exporters/debug"];

#[test]
fn modules_import_only_from_floors_below() {
    for (path, text) in sources("src") {
        let Some((module, floor)) = floor_of(&path) else { continue };
        for imported in imports(&text) {
            let Some(target) = position(imported) else {
                assert!(!is_module(imported), "{}: module {imported} has no floor", path.display());
                continue;
            };
            let allowed = target < floor || imported == module || (target == WORDS && floor == WORDS);
            assert!(allowed, "{}: {module} (floor {floor}) imports {imported} (floor {target})", path.display());
        }
    }
}

#[test]
fn every_top_level_module_has_a_floor() {
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(["lib", "main"].contains(&name.as_str()) || position(&name).is_some(), "src/{name} has no floor");
    }
}

#[test]
fn the_floors_are_written_down_as_they_are() {
    let page = fs::read_to_string("CONTRIBUTING.md").unwrap();
    for (floor, modules) in FLOORS.iter().enumerate() {
        let row = format!("| {floor} | `{}` |", modules.join("`, `"));
        assert!(page.lines().any(|line| line == row), "CONTRIBUTING.md lacks {row}");
    }
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    for (path, text) in sources("src").chain(sources("tests")).chain(sources("benches")) {
        assert!(text.starts_with("//! "), "{}: the first line does not say what the file is for", path.display());
        let lines = text.lines().count();
        let generated = path.starts_with("src/interface/generated");
        assert!(lines <= MAX_FILE_LINES || generated, "{}: {lines} lines", path.display());
    }
}

#[test]
fn functions_stay_short() {
    for (path, text) in sources("src").filter(|(path, _)| !path.starts_with("src/interface/generated")) {
        for (name, lines) in functions(&text) {
            assert!(lines <= MAX_FUNCTION_LINES, "{}: {name} has {lines} lines", path.display());
        }
    }
}

#[test]
fn signals_differ_by_data_and_not_by_code() {
    const VARIANTS: [&str; 4] = ["Signal::Traces", "Signal::Metrics", "Signal::Logs", "Signal::Profiles"];
    for (path, text) in sources("src") {
        let shown = path.display().to_string();
        if MAY_MATCH_SIGNALS.iter().any(|allowed| shown.starts_with(allowed)) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let arm = VARIANTS.iter().any(|variant| line.contains(variant)) && line.contains("=>");
            assert!(!arm, "{shown}:{}: matches on a signal", number + 1);
        }
    }
}

fn sources(root: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let mut found = Vec::new();
    collect(Path::new(root), &mut found);
    found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    })
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn floor_of(path: &Path) -> Option<(String, usize)> {
    let first = path.components().nth(1)?.as_os_str().to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first).to_owned();
    let floor = position(&module)?;
    Some((module, floor))
}

fn position(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn is_module(name: &str) -> bool {
    Path::new("src").join(name).is_dir() || Path::new("src").join(format!("{name}.rs")).is_file()
}

/// What follows each `crate::`, in imports and in paths.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Each function with its number of lines, found by rustfmt's indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(at) = line.find("fn ").filter(|&at| line[..at].trim().split(' ').all(is_qualifier)) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closes = |candidate: &&str| candidate.starts_with('}') || candidate.starts_with("};");
        let end = lines[start..].iter().position(|candidate| {
            candidate.len() > indent && closes(&&candidate[indent..]) && candidate[..indent].trim().is_empty()
        });
        if let Some(length) = end {
            let name = line[at + 3..].split(['(', '<']).next().unwrap_or_default().to_owned();
            found.push((name, length + 1));
        }
    }
    found
}

fn is_qualifier(word: &str) -> bool {
    word.is_empty() || word.starts_with("pub") || ["async", "const", "in", "super)", "crate)"].contains(&word)
}
