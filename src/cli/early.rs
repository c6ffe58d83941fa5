//! Flags that early versions of the Collector had, and what says the same today: commands of older compose files name them.

use clap::Args;

use crate::config::Problem;

/// What early versions were told by flags. Nobody who writes a command today is to see them.
#[derive(Args, Clone, Debug)]
pub(super) struct Early {
    #[arg(long, hide = true)]
    log_level: Option<String>,
    #[arg(long, hide = true)]
    metrics_level: Option<String>,
    #[arg(long, hide = true)]
    metrics_addr: Option<String>,
    #[arg(long, hide = true)]
    mem_ballast_size_mib: Option<String>,
    #[arg(long, hide = true)]
    log_format: Option<String>,
    #[arg(long, hide = true)]
    log_profile: Option<String>,
    #[arg(long, hide = true)]
    metrics_prefix: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    add_instance_id: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    new_metrics: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    legacy_metrics: Option<String>,
}

impl Early {
    /// The values of `--set` that say the same.
    pub(super) fn settings(&self) -> Vec<String> {
        self.with_key().filter_map(|(_, value, key)| Some(format!("{key}={:?}", value.as_ref()?))).collect()
    }

    /// A warning for each of them that was given.
    pub(super) fn remarks(&self) -> Vec<Problem> {
        let gone = |flag, what: String| Problem::new(None, flag, what);
        let kept = self.with_key().filter_map(|(flag, value, key)| {
            let hint = format!("write --set={key}={}", value.as_ref()?);
            Some(gone(flag, "the flag is gone from the Collector".to_owned()).hint(hint))
        });
        let others = [
            ("--mem-ballast-size-mib", &self.mem_ballast_size_mib),
            ("--log-format", &self.log_format),
            ("--log-profile", &self.log_profile),
            ("--metrics-prefix", &self.metrics_prefix),
            ("--add-instance-id", &self.add_instance_id),
            ("--new-metrics", &self.new_metrics),
            ("--legacy-metrics", &self.legacy_metrics),
        ];
        let idle = others.into_iter().filter(|(_, value)| value.is_some()).map(|(flag, _)| {
            gone(flag, "the flag is gone from the Collector, and has no effect in otlp-relay".to_owned())
                .hint("take it out")
        });
        kept.chain(idle).collect()
    }

    fn with_key(&self) -> impl Iterator<Item = (&'static str, &Option<String>, &'static str)> {
        [
            ("--log-level", &self.log_level, "service.telemetry.logs.level"),
            ("--metrics-level", &self.metrics_level, "service.telemetry.metrics.level"),
            ("--metrics-addr", &self.metrics_addr, "service.telemetry.metrics.address"),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        early: Early,
    }

    #[track_caller]
    fn check(args: &[&str], settings: &[&str], said: &[&str]) {
        let args = std::iter::once(&"relay").chain(args);
        let early = Command::try_parse_from(args).unwrap().early;
        assert_eq!(early.settings(), settings);
        assert_eq!(early.remarks().iter().map(ToString::to_string).collect::<Vec<_>>(), said);
    }

    #[test]
    fn flags_of_early_collectors_say_what_to_write_today() {
        check(&[], &[], &[]);
        check(
            &["--log-level", "DEBUG", "--metrics-addr=:8889"],
            &["service.telemetry.logs.level=\"DEBUG\"", "service.telemetry.metrics.address=\":8889\""],
            &[
                "--log-level: the flag is gone from the Collector; write --set=service.telemetry.logs.level=DEBUG",
                "--metrics-addr: the flag is gone from the Collector; write --set=service.telemetry.metrics.address=:8889",
            ],
        );
        let no_effect = "the flag is gone from the Collector, and has no effect in otlp-relay; take it out";
        let said =
            ["--mem-ballast-size-mib", "--new-metrics", "--legacy-metrics"].map(|flag| format!("{flag}: {no_effect}"));
        check(
            &["--mem-ballast-size-mib=683", "--new-metrics", "--legacy-metrics=false"],
            &[],
            &said.each_ref().map(String::as_str),
        );
    }
}
