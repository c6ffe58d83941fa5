//! Keeps secrets out of a report, whoever put them there: a backend may say back what it was sent.

use super::report::{Check, Report};
use crate::config::{Config, MetricsReader, Secret};
use crate::failure::Mask;

/// The secrets of what the relay sends with `config`.
pub(super) fn of(config: &Config) -> Mask {
    let reports = config.telemetry.metrics.readers.iter().filter_map(|reader| match reader {
        MetricsReader::Periodic(periodic) => Some(&periodic.exporter),
        MetricsReader::Prometheus(_) => None,
    });
    let secrets: Vec<Secret> =
        config.exporters.values().chain(reports).flat_map(|exporter| exporter.secrets()).collect();
    over(&secrets)
}

/// These secrets.
pub(super) fn over(secrets: &[Secret]) -> Mask {
    Mask::new(secrets.iter().map(Secret::reveal))
}

/// Takes the secrets out of every text of `report`.
pub(super) fn apply(mask: &Mask, report: &mut Report) {
    for section in &mut report.sections {
        clean(mask, &mut section.title);
        section.checks.iter_mut().for_each(|check| hide_in(mask, check));
    }
}

/// Takes the secrets out of every text of `check`.
pub(super) fn hide_in(mask: &Mask, check: &mut Check) {
    clean(mask, &mut check.description);
    check.evidence.iter_mut().for_each(|text| clean(mask, text));
    if let Some(trouble) = &mut check.trouble {
        clean(mask, &mut trouble.cause);
        clean(mask, &mut trouble.remedy);
        trouble.edit.iter_mut().for_each(|text| clean(mask, text));
    }
}

fn clean(mask: &Mask, text: &mut String) {
    if let Some(masked) = mask.apply(text) {
        *text = masked;
    }
}
