//! Looks ahead: what of a configuration would work here and now, and what a person must change before it does.
//!
//! Every step is taken with the relay's own parts: its listeners bind, its connector walks the way to a backend, its
//! exporters write the request, and its failure table says what is wrong. Only empty exports are sent, and they hold
//! nothing of anybody.

mod edit;
mod endpoint;
mod exporters;
mod health;
mod json;
mod listeners;
mod local;
mod machine;
mod mask;
mod neighbours;
mod report;
mod roles;
mod storage;
mod text;
mod way;

use std::time::{Duration, Instant};

use crate::config::{Config, Environment, Problems};
use crate::pipeline;

pub use endpoint::{Asked, Insecure, Speak, configuration};
pub use health::{Whom, ask};
pub use report::{Check, Outcome, Part, Report, Section, Trouble};
pub use text::{Detail, Paint};

/// How a check is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which parts are checked; all of them when it is empty. The configuration itself always is.
    pub only: Vec<Part>,
    /// How long the whole may take.
    pub timeout: Duration,
    /// What the relay calls itself in its requests.
    pub instance: String,
    /// Which signals a backend must take.
    pub signals: Signals,
}

/// Which signals a backend must take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// All that the configuration sends it.
    Each,
    /// At least one: nobody said which.
    Any,
}

/// Told in words what is being done.
pub type Watch<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Checks `config`, or says what keeps it from being used.
pub async fn check(
    config: Result<Config, Problems>,
    options: &Options,
    env: &(dyn Environment + Sync),
    watch: Watch<'_>,
) -> Report {
    let began = Instant::now();
    let mut report = match config {
        Ok(config) => {
            let mut report = usable(&config, options, env, watch).await;
            mask::apply(&mask::of(&config), &mut report);
            report
        }
        Err(problems) => Report::unusable(&problems),
    };
    report.took = began.elapsed();
    report
}

async fn usable(config: &Config, options: &Options, env: &(dyn Environment + Sync), watch: Watch<'_>) -> Report {
    let deadline = Instant::now() + options.timeout;
    let plan = pipeline::plan(config);
    let mut report = Report::of(config);
    let wanted = |part: Part| options.only.is_empty() || options.only.contains(&part);
    let machine = machine::Machine::here();
    if wanted(Part::Exporters) {
        let look = exporters::Look {
            config,
            env,
            machine: &machine,
            instance: &options.instance,
            signals: options.signals,
            deadline,
            watch,
        };
        report.sections.extend(exporters::sections(&plan, &look).await);
    }
    if wanted(Part::Receivers) {
        watch("receivers");
        report.sections.extend(listeners::receivers(config, &plan, &machine).await);
    }
    if wanted(Part::Admin) {
        watch("health checks, zpages and metrics");
        report.sections.extend(listeners::admin(config, &machine).await);
    }
    if wanted(Part::Local) {
        watch("this machine");
        report.sections.extend(storage::section(config, &plan, deadline).await);
        report.sections.push(local::section(config, &plan, &machine));
    }
    report
}
