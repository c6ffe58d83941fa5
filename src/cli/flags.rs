//! The flags that say which configuration is meant, and what is wrong with them in the Collector's words.

use std::ffi::OsString;

use clap::Args;

use crate::config::{self, Config, Origin, Problem, Problems};
use crate::service::System;

use super::early::Early;

/// Where the configuration comes from.
#[derive(Args, Clone, Debug)]
pub(super) struct Sources {
    /// A Collector configuration: a path, file:PATH, env:NAME, yaml:TEXT or an http(s) URL. Repeat it to put one on top
    /// of another. Without it: /etc/otelcol/config.yaml or /etc/otelcol-contrib/config.yaml if there is one, else OTLP
    /// in on 4317 and 4318, and out to where OTEL_EXPORTER_OTLP_ENDPOINT points.
    #[arg(long, value_name = "URI")]
    config: Vec<String>,
    /// Sets one key on top of all --config, such as exporters.debug.verbosity=detailed. The value is YAML.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Feature gates of the Collector. None has an effect here.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    feature_gates: Vec<String>,
    #[command(flatten)]
    early: Early,
}

impl Sources {
    /// Whether no flag names a configuration.
    pub(super) fn is_empty(&self) -> bool {
        self.config.is_empty() && self.set.is_empty()
    }
}

/// The configuration that `sources` name, or what to print.
pub(super) fn load(sources: &Sources) -> Result<Config, String> {
    let (origin, remarks) = origin(sources)?;
    read(&origin, &remarks).map_err(|problems| invalid(&problems))
}

/// The configuration of `origin`, with the `remarks` on the flags among its warnings.
pub(super) fn read(origin: &Origin, remarks: &[Problem]) -> Result<Config, Problems> {
    let mut config = config::load(origin, &System)?;
    config.warnings.extend_from_slice(remarks);
    Ok(config)
}

/// Where the configuration comes from, and what is to be said of the flags.
pub(super) fn origin(sources: &Sources) -> Result<(Origin, Vec<Problem>), String> {
    if let Some(bad) = sources.set.iter().find(|setting| !setting.contains('=')) {
        return Err(format!("invalid argument {bad:?} for \"--set\" flag: missing equal sign"));
    }
    let gates = gates(&sources.feature_gates)?.into_iter().map(|gate| {
        Problem::new(None, "--feature-gates", format!("the feature gate {gate} has no effect in otlp-relay"))
    });
    let remarks = gates.chain(sources.early.remarks()).collect();
    let settings = [sources.early.settings(), sources.set.clone()].concat();
    Ok((Origin { locations: sources.config.clone(), settings }, remarks))
}

/// Long flags with one dash, which Go programs take and the Collector does not.
pub(super) fn single_dash(args: &[OsString]) -> Option<String> {
    let flags = args.iter().skip(1).filter_map(|arg| arg.to_str()?.strip_prefix('-'));
    let meant = flags.map(|flag| flag.split('=').next().unwrap_or_default()).find(|flag| LONG.contains(flag))?;
    Some(format!("Error: unknown flag: -{meant}; long flags have two dashes: --{meant}\n"))
}

/// What to say of a bad configuration.
pub(super) fn invalid(problems: &Problems) -> String {
    match problems.iter().count() {
        1 => format!("invalid configuration: {problems}"),
        many => format!("invalid configuration: {many} problems\n{problems}"),
    }
}

/// The identifiers in `lists`, each of which is comma-separated; `-` disables, `+` or nothing enables.
fn gates(lists: &[String]) -> Result<Vec<String>, String> {
    let mut gates = Vec::new();
    for list in lists.iter().filter(|list| !list.is_empty()) {
        for (at, gate) in list.split(',').enumerate() {
            if gate.trim_start_matches(['-', '+']).is_empty() {
                let why = format!("empty feature gate identifier at index {at}");
                return Err(format!("invalid argument {list:?} for \"--feature-gates\" flag: {why}"));
            }
            gates.push(gate.to_owned());
        }
    }
    Ok(gates)
}

const LONG: [&str; 6] = ["config", "debug-dump", "set", "feature-gates", "help", "version"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_gates_are_lists_with_signs() {
        let lists = ["a,-b".to_owned(), String::new(), "+c".to_owned()];
        assert_eq!(gates(&lists), Ok(vec!["a".to_owned(), "-b".to_owned(), "+c".to_owned()]));
        let fault = gates(&["a,,b".to_owned()]).err();
        let expected =
            "invalid argument \"a,,b\" for \"--feature-gates\" flag: empty feature gate identifier at index 1";
        assert_eq!(fault.as_deref(), Some(expected));
    }

    #[test]
    fn a_long_flag_with_one_dash_is_named() {
        let said = |args: &[&str]| single_dash(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(said(&["relay", "-config", "a"]).is_some_and(|text| text.contains("--config")));
        assert!(said(&["relay", "validate", "-set=a=b"]).is_some());
        assert_eq!(said(&["relay", "--config", "-"]), None);
        assert_eq!(said(&["-config"]), None);
    }
}
