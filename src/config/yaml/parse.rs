//! How YAML text is read without trusting it: bounded size, one problem for bad syntax, and never a panic.

use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScanError};

use super::Node;
use super::build::Builder;
use crate::config::problem::{Place, Problem};

/// The first document of a text.
#[derive(Debug)]
pub(crate) struct Document {
    /// None when the text holds no value at all.
    pub root: Option<Node>,
    /// What is wrong, but did not keep the rest from being read: duplicate keys.
    pub found: Vec<Problem>,
    /// Where a second document begins, which nobody reads.
    pub second: Option<Place>,
}

/// Reads the first document of `text`, which `source` names in places.
pub(crate) fn parse(text: &str, source: &Arc<str>) -> Result<Document, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_characters(text, source)?;
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    let mut second = None;
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| syntax(&error, text, source))?;
        match event {
            Event::DocumentStart(_) => documents += 1,
            Event::StreamEnd => break,
            _ => {}
        }
        if 1 < documents {
            second = Some(place(&span.start, source));
            break;
        }
        let place = place(&span.start, source);
        builder.take(event, place.clone()).map_err(|problem| hinted(problem, place.line, text))?;
    }
    let (root, found) = builder.finish();
    Ok(Document { root, found, second })
}

/// The parser takes NUL for the end of the text, which would drop the rest in silence.
fn check_characters(text: &str, source: &Arc<str>) -> Result<(), Problem> {
    let whole = Place { source: source.clone(), line: 1, column: 1 };
    if MAX_TEXT < text.len() {
        let what = format!("the text is larger than {} MiB", MAX_TEXT >> 20);
        return Err(Problem::new(Some(whole), "", what));
    }
    let Some(at) = text.find('\0') else { return Ok(()) };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let what = "a NUL character: this is no YAML text";
    Err(Problem::new(Some(Place { line, column, ..whole }), "", what)
        .hint("save the file as UTF-8, not as UTF-16 or a binary format"))
}

fn syntax(error: &ScanError, text: &str, source: &Arc<str>) -> Problem {
    let at = error.marker();
    let problem = Problem::new(Some(place(at, source)), "", format!("the YAML cannot be read: {}", error.info()));
    hinted(problem, at.line(), text)
}

/// With what the line tells of how it came about.
fn hinted(problem: Problem, line: usize, text: &str) -> Problem {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    match line {
        _ if problem.hint.is_some() => problem,
        _ if line.contains("{{") => {
            problem.hint("{{ }} is of a template: give what it makes of this file, as by helm template")
        }
        _ if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') => {
            problem.hint("indent with blanks; YAML takes no tabs")
        }
        _ if line.contains("${") => problem.hint("between { } or [ ] a reference needs quotes: \"${env:NAME}\""),
        _ => problem,
    }
}

fn place(at: &Marker, source: &Arc<str>) -> Place {
    Place { source: source.clone(), line: at.line(), column: at.col() + 1 }
}

/// Far above any real configuration.
const MAX_TEXT: usize = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::config::yaml::Value;

    fn read(text: &str) -> Result<Document, Problem> {
        parse(text, &"t.yaml".into())
    }

    /// The tree in one line: `{a@1:1: [b@2:3]}`.
    fn show(node: &Node, out: &mut String) {
        match &node.value {
            Value::Scalar(scalar) => {
                write!(out, "{}@{}:{}", scalar.text, node.place.line, node.place.column).unwrap();
            }
            Value::List(items) => {
                out.push('[');
                for item in items {
                    show(item, out);
                    out.push(' ');
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for entry in entries {
                    write!(out, "{}@{}:{}: ", entry.key, entry.place.line, entry.place.column).unwrap();
                    show(&entry.value, out);
                    out.push(' ');
                }
                out.push('}');
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let document = read(text).unwrap_or_else(|problem| panic!("{problem}"));
        let mut shown = String::new();
        show(&document.root.expect("a value"), &mut shown);
        assert_eq!(shown, expected, "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        let problem = match read(text) {
            Err(problem) => problem,
            Ok(document) => document.found.first().cloned().expect("a problem"),
        };
        assert!(problem.to_string().starts_with(expected), "{problem}");
    }

    #[test]
    fn every_value_knows_its_place() {
        check("a: b\nc:\n  - d\n  - e: f\n", "{a@1:1: b@1:4 c@2:1: [d@3:5 {e@4:5: f@4:8 } ] }");
        check("\u{feff}a: b\r\nc:\r\n", "{a@1:1: b@1:4 c@2:1: @2:1 }");
    }

    #[test]
    fn two_colons_in_a_key_nest() {
        check("a::b: 1\na:\n  c: 2\n", "{a@2:1: {c@3:3: 2@3:6 b@1:1: 1@1:7 } }");
        check_fault("a::b: 1\na: {b: 2}\n", "t.yaml:2:5: the key \"b\" is written twice");
    }

    #[test]
    fn a_template_is_no_yaml_yet() {
        let hint = "; {{ }} is of a template: give what it makes of this file, as by helm template";
        check_fault(
            "{{- if .Values.on }}\na: 1\n",
            &format!("t.yaml:1:3: the YAML cannot be read: \"-\" is only valid inside a block{hint}"),
        );
        check_fault(
            "a: {{ .Values.endpoint }}\n",
            &format!("t.yaml:1:5: a key must be a text, not a map or a list{hint}"),
        );
        check_fault("a: b\n{{ if x }}\n", "t.yaml:");
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        check(
            "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\n",
            "{x@1:1: {a@1:8: 1@1:11 b@1:14: 2@1:17 } y@2:1: {b@2:13: 3@2:16 a@1:8: 1@1:11 } \
             z@3:1: {a@1:8: 1@1:11 b@1:14: 2@1:17 } }",
        );
        check_fault("a: &a [*a]\n", "t.yaml:1:8: an alias stands inside its own anchor");
        check_fault("a: {<<: 5}\n", "t.yaml:1:9: a merge key (<<) takes a map or a list of maps");
    }

    #[test]
    fn duplicate_keys_are_a_problem() {
        check_fault("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key \"a\" is written twice; the first is on line 1");
    }

    #[test]
    fn hostile_text_is_a_problem_and_costs_little() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 9].join(", ");
            writeln!(laughs, "a{level}: &a{level} [{items}]").unwrap();
        }
        for text in [
            laughs,
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "{a: ".repeat(100_000),
            format!("{}: 1", "a::".repeat(1_000_000)),
            format!("a: {}", "${".repeat(500_000)),
            "a: \0b".to_owned(),
            "? [a]\n: b".to_owned(),
            "x".repeat(5 << 20),
        ] {
            let _ = read(&text);
        }
    }

    #[test]
    fn a_second_document_is_noticed() {
        assert_eq!(read("a: 1\n---\nb: 2\n").unwrap().second.map(|place| place.line), Some(2));
        assert!(read("# nothing\n").unwrap().root.is_none());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-\\[\\]{}:,#&*!|>'\"%@`?~<= \n\tab0$.]{0,60}") {
            let _ = read(&text);
        }
    }
}
