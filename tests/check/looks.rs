//! How a test runs a check and looks at what it found.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cli::{Finished, run};

/// No check may take longer, whatever it meets.
const LIMIT: Duration = Duration::from_secs(10);

/// What a check found.
pub(crate) struct Checked {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) text: String,
}

/// A configuration with nothing but `exporters`, of which the first one is `id`.
pub(crate) fn sending(id: &str, settings: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters:\n  {id}: {{{settings}}}\nservice:\n  telemetry: {{metrics: {{level: none}}}}\n  \
         pipelines:\n    traces: {{receivers: [nop], exporters: [{id}]}}\n    logs: {{receivers: [nop], exporters: [{id}]}}\n"
    )
}

/// Checks the configuration `yaml`.
pub(crate) async fn check(yaml: &str, flags: &[&str], environment: &[(&str, &str)]) -> Checked {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("relay.yaml");
    std::fs::write(&file, yaml).unwrap();
    let arguments = [&["check", "--json", "--config", file.to_str().unwrap()], flags].concat();
    checked(&arguments, environment).await
}

/// Checks with these arguments.
pub(crate) async fn checked(arguments: &[&str], environment: &[(&str, &str)]) -> Checked {
    let began = Instant::now();
    let Finished { code, stdout, stderr } = run(arguments, environment).await;
    assert!(began.elapsed() < LIMIT, "it took {:?}", began.elapsed());
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}\n{stdout}\n{stderr}"));
    assert_eq!(report["exit_code"].as_i64(), code.map(i64::from), "{stdout}");
    Checked { code, report, text: stdout }
}

impl Checked {
    /// Every check.
    pub(crate) fn checks(&self) -> Vec<&Value> {
        let sections = self.report["sections"].as_array().unwrap();
        sections.iter().flat_map(|section| section["checks"].as_array().unwrap()).collect()
    }

    /// The checks with this result.
    pub(crate) fn with(&self, result: &str) -> Vec<&Value> {
        self.checks().into_iter().filter(|check| check["result"] == result).collect()
    }

    /// Exactly one kind of failure, at the step `id`, of this class and with these words; the steps behind it were not tried.
    #[track_caller]
    pub(crate) fn fails(&self, id: &str, class: &str, phase: &str, words: &[&str]) {
        let failed = self.with("failed");
        assert!(!failed.is_empty(), "nothing failed:\n{}", self.text);
        for check in &failed {
            let found = [&check["id"], &check["class"], &check["phase"]];
            assert_eq!(found.map(|value| value.as_str().unwrap_or("-")), [id, class, phase], "{}", self.text);
            assert!(check["family"].is_string() && check["remedy"].is_string(), "{}", self.text);
        }
        for word in words {
            assert!(self.text.contains(word), "no {word:?} in\n{}", self.text);
        }
        assert_eq!(self.code, Some(2), "{}", self.text);
        assert_eq!(self.report["verdict"], "failed");
    }

    /// Nothing failed, and an empty export of both signals was taken.
    #[track_caller]
    pub(crate) fn is_well(&self) {
        assert_eq!((self.with("failed").len(), self.with("skipped").len()), (0, 0), "{}", self.text);
        let exports = self.with("ok").into_iter().filter(|check| check["id"] == "export").count();
        assert!(1 < exports, "{}", self.text);
        assert_eq!(self.code, Some(0), "{}", self.text);
    }
}
