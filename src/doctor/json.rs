//! A report as JSON. Its keys are stable: later versions add some, and change none.

use serde_json::{Value, json};

use super::report::{Check, Outcome, Report, Section};

impl Report {
    /// The report as JSON in one line for each level, ready to be printed. `exit_code` is what the program will end with.
    pub fn to_json(&self, exit_code: u8) -> String {
        let count = |outcome| self.count(outcome);
        let value = json!({
            "version": VERSION,
            "configuration": self.source,
            "verdict": self.verdict().name(),
            "usable": self.usable,
            "exit_code": exit_code,
            "duration_ms": millis(self.took),
            "counts": {
                "ok": count(Outcome::Ok),
                "warning": count(Outcome::Warning),
                "failed": count(Outcome::Failed),
                "skipped": count(Outcome::Skipped),
            },
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }
}

fn section(section: &Section) -> Value {
    json!({
        "part": section.part.name(),
        "title": section.title,
        "role": section.role,
        "checks": section.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(check: &Check) -> Value {
    let trouble = check.trouble.as_ref();
    json!({
        "id": check.id,
        "target": check.target,
        "description": check.description,
        "result": check.outcome.name(),
        "class": trouble.and_then(|trouble| trouble.class),
        "family": trouble.and_then(|trouble| trouble.family),
        "phase": trouble.and_then(|trouble| trouble.phase),
        "cause": trouble.map(|trouble| &trouble.cause),
        "remedy": trouble.map(|trouble| &trouble.remedy),
        "edit": trouble.and_then(|trouble| trouble.edit.as_ref()),
        "evidence": check.evidence,
        "duration_ms": check.took.map(millis),
    })
}

/// With three digits behind the point.
fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Of the shape of the whole.
const VERSION: u32 = 1;
