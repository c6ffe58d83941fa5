//! How `explain` looks: a page for a class, a list for a family, the likely classes of a text.

use std::fmt::Write;

use crate::failure::{Class, Family, Heals, Phase, Recognised, Verdict, code_name};

/// Everything that is known of `class`.
pub(super) fn class_page(class: Class) -> String {
    let row = class.row();
    let mut page = format!("{}: {}\n\n", row.code, row.meaning);
    let mut fact = |name: &str, value: &str| put(&mut page, format_args!("  {name:<9} {value}\n"));
    fact("family", row.family.name());
    fact("phase", row.phase.name());
    fact("evidence", row.evidence);
    fact("retry", rule(class));
    fact("heals", heals(row.heals));
    if !is_before_data(row.phase) {
        fact("answers", &format!("a sender that waits is told {} or HTTP {}", code_name(row.grpc), row.http));
    }
    numbered(&mut page, "Likely causes, the likeliest first:", row.causes);
    numbered(&mut page, "What to do, the best first:", row.remedies);
    example(&mut page, "Fails:", row.broken);
    example(&mut page, "Works:", row.mended);
    page
}

/// The classes of `family`.
pub(super) fn family_page(family: Family) -> String {
    let mut page = format!("The family {family}:\n");
    classes_of(&mut page, family);
    page.push_str("\nMore on one of them: otlp-relay explain CLASS\n");
    page
}

/// All classes by family.
pub(super) fn list_page() -> String {
    let mut page = "The classes of failures, by family. More on one: otlp-relay explain CLASS\n".to_owned();
    for family in Family::ALL {
        put(&mut page, format_args!("\n{family}\n"));
        classes_of(&mut page, *family);
    }
    page
}

/// What a text of another program may be about: all of it for the first class, a line for each other.
pub(super) fn likely_page(found: &[Recognised]) -> String {
    let mut page = String::new();
    let Some((first, others)) = found.split_first() else { return page };
    put(&mut page, format_args!("Most likely, since the text says \"{}\":\n\n", first.phrase));
    page.push_str(&class_page(first.class));
    if !others.is_empty() {
        page.push_str("\nIt may also be, the likeliest first:\n");
        for other in others {
            let row = other.class.row();
            put(&mut page, format_args!("  {}: {} (\"{}\")\n", row.code, row.meaning, other.phrase));
        }
    }
    page
}

/// What the OTLP specification asks for, and what the relay does.
pub(super) fn rule(class: Class) -> &'static str {
    let row = class.row();
    match (row.retry, row.phase) {
        (_, Phase::Config | Phase::Listen) => {
            "nothing was sent: it is told at start, or by otlp-relay validate and check"
        }
        (Verdict::Never, Phase::Receive) => "the sender must not send the same again: it is refused for good",
        (_, Phase::Receive) => "the sender may send it again",
        (Verdict::Never, _) => "the specification: never; the data goes no further, and is counted and logged",
        (Verdict::BackOff, _) => {
            "the specification: yes, with exponential backoff; the relay keeps the data and does so, as retry_on_failure says"
        }
        (Verdict::Hold, _) => {
            "the specification: yes, for nothing was accepted; the relay keeps the data and tries at the longest interval"
        }
    }
}

/// Whether it is worth to wait.
pub(super) fn heals(heals: Heals) -> &'static str {
    match heals {
        Heals::Time => "by itself, usually",
        Heals::Person => "only when a person changes something",
        Heals::Either => "perhaps by itself, perhaps only when a person changes something",
    }
}

/// An example as it is to be shown: without the indentation that it has in the table.
pub(super) fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.lines().skip_while(|line| line.trim().is_empty()).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    lines.iter().map(|line| line.get(margin..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_before_data(phase: Phase) -> bool {
    matches!(phase, Phase::Config | Phase::Listen | Phase::Storage)
}

fn classes_of(page: &mut String, family: Family) {
    for class in Class::ALL.iter().filter(|class| class.family() == family) {
        put(page, format_args!("  {:<32} {}\n", class.code(), class.row().meaning));
    }
}

fn numbered(page: &mut String, title: &str, texts: &[&str]) {
    put(page, format_args!("\n{title}\n"));
    for (at, text) in texts.iter().enumerate() {
        put(page, format_args!("  {}. {text}\n", at + 1));
    }
}

fn example(page: &mut String, title: &str, text: &str) {
    put(page, format_args!("\n{title}\n"));
    for line in dedent(text).lines() {
        put(page, format_args!("    {line}\n"));
    }
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_lose_the_margin_of_the_table() {
        assert_eq!(dedent("\n    a:\n      b: c"), "a:\n  b: c");
        assert_eq!(dedent("ls -l"), "ls -l");
    }
}
