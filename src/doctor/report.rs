//! What a check found: sections of single checks, each with its verdict, and the verdict of the whole.

use std::time::Duration;

use crate::config::{Config, Mistake, Places, Problem, Problems, Weight};
use crate::failure::{Class, Failure};

/// Everything that was checked.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where the configuration came from.
    pub source: String,
    /// In the order in which they are shown.
    pub sections: Vec<Section>,
    /// Whether the configuration could be used at all.
    pub usable: bool,
    /// How long all of it took.
    pub took: Duration,
}

/// The checks of one thing.
#[derive(Clone, Debug)]
pub struct Section {
    /// Which part it belongs to.
    pub part: Part,
    /// What was checked: `exporters::otlp_grpc → backend:4317`.
    pub title: String,
    /// What an exporter is there for, where it is more than the end of a pipeline: `fallback of otlp_grpc`.
    pub role: Option<String>,
    /// In the order in which they were done.
    pub checks: Vec<Check>,
}

/// A group of sections that can be asked for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The text of the configuration.
    Configuration,
    /// Where data goes.
    Exporters,
    /// Where data comes in.
    Receivers,
    /// Where people and machines look in.
    Admin,
    /// This machine.
    Local,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What kind of check it is; stable.
    pub id: &'static str,
    /// What it was done to: `exporters::otlp_grpc`.
    pub target: String,
    /// What was found, or what was tried.
    pub description: String,
    /// The verdict.
    pub outcome: Outcome,
    /// What is wrong, unless it is fine or was not tried.
    pub trouble: Option<Trouble>,
    /// Facts behind the verdict.
    pub evidence: Vec<String>,
    /// How long it took, where that tells something.
    pub took: Option<Duration>,
}

/// The verdict of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Ok,
    /// It works, and a person should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It was not tried.
    Skipped,
}

/// What is wrong and what to do.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// The class: a code of the failure table or of the configuration's mistakes; none where neither has a word for it.
    pub class: Option<&'static str>,
    /// Its family.
    pub family: Option<&'static str>,
    /// Where on the way it happened.
    pub phase: Option<&'static str>,
    /// The evidence in words.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// The same as an edit of the configuration, where it is known.
    pub edit: Option<String>,
}

impl Report {
    /// A configuration that can be used, with its warnings.
    pub(super) fn of(config: &Config) -> Report {
        let mut checks: Vec<Check> = config.warnings.iter().map(of_warning).collect();
        if checks.is_empty() {
            let description = format!("{} is valid", config.source);
            checks.push(Check::ok("configuration", config.source.clone(), description));
        }
        Report {
            source: config.source.clone(),
            sections: vec![Section::new(Part::Configuration, "configuration", checks)],
            usable: true,
            took: Duration::ZERO,
        }
    }

    /// A configuration that cannot be used: nothing else is looked at.
    pub(super) fn unusable(problems: &Problems) -> Report {
        let source = problems.iter().find_map(|problem| Some(problem.place.as_ref()?.source.to_string()));
        let source = source.unwrap_or_else(|| "configuration".to_owned());
        let mut checks: Vec<Check> = problems.iter().map(|problem| of_problem(problem, Outcome::Failed)).collect();
        let rest =
            [("exporters", "exporters"), ("listeners", "receivers and admin listeners"), ("local", "this machine")];
        checks.extend(rest.map(|(id, what)| Check::skipped(id, source.clone(), what, "needs a valid configuration")));
        Report {
            source,
            sections: vec![Section::new(Part::Configuration, "configuration", checks)],
            usable: false,
            took: Duration::ZERO,
        }
    }

    /// Every check.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.sections.iter().flat_map(|section| &section.checks)
    }

    /// How many checks ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks().filter(|check| check.outcome == outcome).count()
    }

    /// The worst that was found.
    pub fn verdict(&self) -> Outcome {
        match (self.count(Outcome::Failed), self.count(Outcome::Warning)) {
            (0, 0) => Outcome::Ok,
            (0, _) => Outcome::Warning,
            _ => Outcome::Failed,
        }
    }
}

impl Section {
    /// The section of something that has no role.
    pub(super) fn new(part: Part, title: impl Into<String>, checks: Vec<Check>) -> Section {
        Section { part, title: title.into(), role: None, checks }
    }
}

impl Part {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Part; 5] = [Part::Configuration, Part::Exporters, Part::Receivers, Part::Admin, Part::Local];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Configuration => "configuration",
            Part::Exporters => "exporters",
            Part::Receivers => "receivers",
            Part::Admin => "admin",
            Part::Local => "local",
        }
    }
}

impl Outcome {
    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
    }
}

impl Check {
    /// Something that works.
    pub(super) fn ok(id: &'static str, target: impl Into<String>, description: impl Into<String>) -> Check {
        Check {
            id,
            target: target.into(),
            description: description.into(),
            outcome: Outcome::Ok,
            trouble: None,
            evidence: Vec::new(),
            took: None,
        }
    }

    /// Something that was not tried, since it needs what is not there.
    pub(super) fn skipped(id: &'static str, target: impl Into<String>, what: &str, needs: &str) -> Check {
        let check = Check::ok(id, target, format!("{what}: not tried: {needs}"));
        Check { outcome: Outcome::Skipped, ..check }
    }

    /// It works, but for this.
    #[must_use]
    pub(super) fn but(mut self, trouble: Trouble) -> Check {
        self.outcome = Outcome::Warning;
        self.trouble = Some(trouble);
        self
    }

    /// It does not work, for this reason.
    #[must_use]
    pub(super) fn fails(mut self, trouble: Trouble) -> Check {
        self.outcome = Outcome::Failed;
        self.trouble = Some(trouble);
        self
    }

    /// With facts behind the verdict.
    #[must_use]
    pub(super) fn with(mut self, evidence: impl IntoIterator<Item = String>) -> Check {
        self.evidence.extend(evidence);
        self
    }

    /// It took this long.
    #[must_use]
    pub(super) fn within(mut self, took: Duration) -> Check {
        self.took = Some(took);
        self
    }
}

impl Trouble {
    /// Trouble that no table has a word for.
    pub(super) fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Trouble {
        Trouble { cause: cause.into(), remedy: remedy.into(), ..Trouble::default() }
    }

    /// What the failure table says of `class`, for this `cause`.
    pub(super) fn of_class(class: Class, cause: impl Into<String>) -> Trouble {
        let row = class.row();
        Trouble {
            class: Some(row.code),
            family: Some(row.family.name()),
            phase: Some(row.phase.name()),
            ..Trouble::new(cause, row.remedy)
        }
    }

    /// What the failure table says of `failure`.
    pub(super) fn of(failure: &Failure) -> Trouble {
        Trouble { phase: Some(failure.phase().name()), ..Trouble::of_class(failure.class(), failure.cause()) }
    }

    /// A mistake of the configuration that shows only when files are opened.
    pub(super) fn mistake(mistake: Mistake, places: &Places, path: &str, what: &str) -> Trouble {
        Trouble::of_problem(&places.problem(path, what).is(mistake))
    }

    fn of_problem(problem: &Problem) -> Trouble {
        let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
        let where_to = match &problem.place {
            Some(place) => {
                format!("edit {} at {place}", if problem.path.is_empty() { "the text" } else { &problem.path })
            }
            None => "edit the configuration".to_owned(),
        };
        Trouble {
            class: Some(problem.mistake.code()),
            family: Some("config"),
            phase: Some("config"),
            cause: format!("{place}{path}{}", problem.what),
            remedy: problem.hint.clone().unwrap_or(where_to),
            edit: None,
        }
    }

    /// As an edit.
    #[must_use]
    pub(super) fn edit(mut self, edit: Option<String>) -> Trouble {
        self.edit = edit;
        self
    }
}

/// Most are warnings; the relay does not even start when a variable leads an exporter to the relay itself.
fn of_warning(warning: &Problem) -> Check {
    if warning.weight == Weight::Advice {
        let target = warning.path.as_str();
        return Check::ok("configuration", target, format!("{target}: {}", warning.what));
    }
    // The relay starts without a credential, as the Collector does, but no backend that wants one takes its data.
    let of_headers = [Mistake::UnexpandedVariable, Mistake::EmptyCredential, Mistake::InvalidHeader];
    let has_no_credential = of_headers.contains(&warning.mistake)
        && warning.path.starts_with("exporters::")
        && warning.path.contains("::headers");
    let is_fatal = warning.mistake == Mistake::ExportLoop || has_no_credential;
    let outcome = if is_fatal { Outcome::Failed } else { Outcome::Warning };
    of_problem(warning, outcome)
}

fn of_problem(problem: &Problem, outcome: Outcome) -> Check {
    let target = if problem.path.is_empty() { "configuration" } else { &problem.path };
    let check = Check::ok("configuration", target, target);
    Check { outcome, trouble: Some(Trouble::of_problem(problem)), ..check }
}
