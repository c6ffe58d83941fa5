//! A report for people: sections, a mark in front of each check, and under what is wrong the reason and the mend.

use std::fmt::Write;

use super::report::{Check, Outcome, Report, Section, Trouble};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The facts of what is wrong.
    Usual,
    /// The facts of everything, and how long it took.
    All,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As a terminal shows them.
    Colours,
    /// Text alone.
    Plain,
}

impl Report {
    /// The report as text, verdict last.
    pub fn to_text(&self, detail: Detail, paint: Paint) -> String {
        let mut text = String::new();
        for section in &self.sections {
            push(&mut text, section, detail, paint);
        }
        text.push_str(&self.summary());
        text
    }

    /// `Verdict: failed: 1 failed, 2 warnings, 12 fine, 3 not tried (1.2 s)`
    fn summary(&self) -> String {
        let count = |outcome| self.count(outcome);
        let (failed, warnings) = (count(Outcome::Failed), count(Outcome::Warning));
        let verdict = match (self.usable, self.verdict()) {
            (false, _) => "the configuration cannot be used",
            (true, Outcome::Failed) => "failed",
            (true, Outcome::Warning) => "works, with warnings",
            (true, Outcome::Ok | Outcome::Skipped) => "all is well",
        };
        let noun = if warnings == 1 { "warning" } else { "warnings" };
        format!(
            "Verdict: {verdict}: {failed} failed, {warnings} {noun}, {} fine, {} not tried ({:.1} s)\n",
            count(Outcome::Ok),
            count(Outcome::Skipped),
            self.took.as_secs_f64()
        )
    }
}

// Writing to a String cannot fail.
fn push(text: &mut String, section: &Section, detail: Detail, paint: Paint) {
    let role = section.role.as_ref().map(|role| format!(" ({role})")).unwrap_or_default();
    let _ = writeln!(text, "{}{role}", paint.bold(&section.title));
    for check in &section.checks {
        let took = check.took.filter(|_| detail == Detail::All);
        let took = took.map(|took| format!(" ({:.1} ms)", took.as_secs_f64() * 1e3)).unwrap_or_default();
        let _ = writeln!(text, "{} {}{took}", paint.mark(check.outcome), check.description);
        let is_wrong = check.trouble.is_some();
        if let Some(trouble) = &check.trouble {
            explain(text, check, trouble);
        }
        if is_wrong || detail == Detail::All {
            for fact in &check.evidence {
                let _ = writeln!(text, "    {fact}");
            }
        }
        if let Some(trouble) = &check.trouble {
            mend(text, trouble);
        }
    }
    text.push('\n');
}

fn explain(text: &mut String, check: &Check, trouble: &Trouble) {
    let class = trouble.class.map(|class| format!("{class}: ")).unwrap_or_default();
    let cause = if trouble.cause.is_empty() { &check.description } else { &trouble.cause };
    for (index, line) in cause.lines().enumerate() {
        let class = if index == 0 { class.as_str() } else { "" };
        let _ = writeln!(text, "    {class}{line}");
    }
}

fn mend(text: &mut String, trouble: &Trouble) {
    let _ = writeln!(text, "    to do: {}", trouble.remedy);
    if let Some(edit) = &trouble.edit {
        let _ = writeln!(text, "    edit:  {edit}");
    }
    if let Some(class) = trouble.class {
        let _ = writeln!(text, "    more:  otlp-relay explain {class}");
    }
}

impl Paint {
    fn mark(self, outcome: Outcome) -> String {
        let (mark, colour) = match outcome {
            Outcome::Ok => ("√", "32"),
            Outcome::Warning => ("‼", "33"),
            Outcome::Failed => ("×", "31"),
            Outcome::Skipped => ("·", "2"),
        };
        self.in_colour(colour, mark)
    }

    fn bold(self, words: &str) -> String {
        self.in_colour("1", words)
    }

    fn in_colour(self, colour: &str, words: &str) -> String {
        match self {
            Paint::Colours => format!("\u{1b}[{colour}m{words}\u{1b}[0m"),
            Paint::Plain => words.to_owned(),
        }
    }
}
