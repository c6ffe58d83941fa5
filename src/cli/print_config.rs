//! `otlp-relay print-config`: the configuration as the relay takes it, with its defaults and without its secrets.

use clap::Args;

use crate::config::{Secrets, describe};
use crate::service::System;

use super::flags::{Sources, invalid, origin};

#[derive(Args, Debug)]
pub(super) struct PrintConfig {
    #[command(flatten)]
    sources: Sources,
    /// yaml or json.
    #[arg(long, default_value = "yaml")]
    format: String,
    /// redacted shows no secrets, unredacted does.
    #[arg(long, default_value = "redacted")]
    mode: String,
    /// Whether a bad configuration is refused: true or false.
    #[arg(
        long,
        default_value = "true",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    validate: bool,
}

/// What to print.
pub(super) fn print_config(asked: &PrintConfig) -> Result<String, String> {
    let secrets = match asked.mode.to_ascii_lowercase().as_str() {
        "redacted" => Secrets::Redacted,
        "unredacted" => Secrets::Shown,
        _ => return Err(format!("invalid mode {:?}: modes are: redacted, unredacted", asked.mode)),
    };
    let (origin, _) = origin(&asked.sources)?;
    let (description, checked) = describe(&origin, &System, secrets).map_err(|problems| invalid(&problems))?;
    if let Err(problems) = checked
        && asked.validate
    {
        return Err(invalid(&problems));
    }
    match asked.format.to_ascii_lowercase().as_str() {
        "yaml" => Ok(description.to_yaml()),
        "json" => Ok(description.to_json()),
        _ => Err(format!("unrecognized print format: {}", asked.format)),
    }
}
