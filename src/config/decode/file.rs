//! What the `file` exporter asks for, with the contrib exporter's keys, defaults and checks.

use crate::config::model::{Existing, Exporter, File, FileCompression, FileFormat, Rotation};
use crate::config::problem::Mistake;
use crate::config::section::{Rule, Section};
use crate::units::ByteCount;

use super::compression;

/// `file`
pub(super) fn file(section: &mut Section<'_>) -> Option<Exporter> {
    let path = path(section);
    let append = section.boolean("append").unwrap_or(false);
    let format = section.choice("format", FORMATS).unwrap_or(FileFormat::Json);
    let compression = section.choice("compression", COMPRESSIONS).unwrap_or(FileCompression::None);
    let compression_level = compression::zstd_level(section).filter(|_| compression == FileCompression::Zstd);
    let flush_interval = section.duration("flush_interval", "flush_interval must be larger than zero");
    let rotation = rotation(section);
    if append && compression != FileCompression::None {
        section.whole().wrong("append and compression enabled at the same time is not supported");
    }
    if append && rotation.is_some() {
        section.whole().wrong("append and rotation enabled at the same time is not supported");
    }
    let directory_mode = directory(section, DEFAULT_MODE);
    if let Some(mut group) = section.optional("group_by") {
        group.rest(&[
            ("enabled", Rule::NotYet),
            ("resource_attribute", Rule::NoEffect("group_by is off")),
            ("max_open_files", Rule::NoEffect("group_by is off")),
        ]);
        group.finish();
    }
    if let Some(encoding) = section.text_value("encoding") {
        let problem = encoding.fault("otlp-relay has no encoding extensions").is(Mistake::NotSupportedYet);
        encoding.refuse(problem.hint("write format: json or format: proto instead"));
    }
    let flush_interval = flush_interval.filter(|interval| !interval.is_zero());
    let existing = if append { Existing::Append } else { Existing::Truncate };
    Some(Exporter::File(File {
        path: path?.into(),
        existing,
        rotation,
        format,
        compression,
        compression_level,
        flush_interval,
        directory_mode,
    }))
}

fn path(section: &mut Section<'_>) -> Option<String> {
    let entry = section.entry("path");
    let path = entry.as_ref().and_then(|value| value.text()).filter(|path| !path.is_empty());
    let at = entry.as_ref().unwrap_or(section.whole());
    if path.is_none() {
        at.refuse(at.fault("path must be non-empty").hint("write path: ./telemetry.json"));
    } else if at.is_incomplete() {
        at.wrong("the path is incomplete");
        return None;
    }
    path
}

/// `rotation`: off unless written.
fn rotation(section: &mut Section<'_>) -> Option<Rotation> {
    let mut rotation = section.value("rotation")?.section()?;
    let enabled = rotation.enabled();
    let megabytes = rotation.unsigned("max_megabytes").filter(|megabytes| *megabytes != 0);
    let max_days = rotation.unsigned("max_days").filter(|days| *days != 0);
    let backups = rotation.unsigned("max_backups").unwrap_or(DEFAULT_BACKUPS);
    rotation.rest(&[("localtime", Rule::Fixed("false", "the names of files that were set aside are in UTC"))]);
    rotation.finish();
    enabled.then_some(Rotation {
        max_size: ByteCount::mib(megabytes.unwrap_or(DEFAULT_MEGABYTES)),
        max_days,
        max_backups: usize::try_from(backups).ok().filter(|backups| *backups != 0),
    })
}

/// The mode of directories that are missing, `default` unless written; none where they are not made.
pub(super) fn directory(section: &mut Section<'_>, default: u32) -> Option<u32> {
    let create = section.boolean("create_directory").unwrap_or(false);
    let value = section.text_value("directory_permissions");
    let mode = match value.as_ref().and_then(|value| value.text()) {
        None => default,
        Some(text) => match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o7777 => mode,
            _ => {
                if let Some(value) = &value {
                    let problem = value.fault(format!("directory_permissions {text:?} are not octal permissions"));
                    value.refuse(problem.hint("write directory_permissions: \"0755\""));
                }
                default
            }
        },
    };
    create.then_some(mode)
}

const FORMATS: &[(&str, FileFormat)] = &[("json", FileFormat::Json), ("proto", FileFormat::Proto)];
const COMPRESSIONS: &[(&str, FileCompression)] = &[("", FileCompression::None), ("zstd", FileCompression::Zstd)];
const DEFAULT_MEGABYTES: u64 = 100;
const DEFAULT_BACKUPS: u64 = 100;
const DEFAULT_MODE: u32 = 0o755;
