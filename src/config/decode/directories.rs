//! What is kept in directories: the `debug_dump` extension, and the `dead_letter` of an exporter.

use std::path::PathBuf;

use crate::config::model::{DeadLetter, DebugDump, DumpPayload, DumpWhich, Extension};
use crate::config::section::Section;
use crate::ident::ComponentId;
use crate::units::ByteCount;

/// `debug_dump`
pub(super) fn debug_dump(section: &mut Section<'_>) -> Option<Extension> {
    let directory = directory(section, "write directory: /var/lib/otlp-relay/dump");
    let which = section.choice("which", WHICH);
    let sample = section.unsigned("sample");
    if sample == Some(0) {
        section.whole().wrong("`sample` must be positive: one attempt in so many");
    }
    let payload = section.choice("payload", PAYLOADS);
    let max_bytes = max_bytes(section);
    let max_age = section.duration("max_age", "`max_age` must be non-negative");
    let exporters = section.value("exporters").map(|list| exporters(&list)).unwrap_or_default();
    let usual = DebugDump::into(directory?);
    Some(Extension::DebugDump(DebugDump {
        which: which.unwrap_or(usual.which),
        sample: sample.unwrap_or(usual.sample),
        payload: payload.unwrap_or(usual.payload),
        max_bytes: max_bytes.unwrap_or(usual.max_bytes),
        max_age: max_age.map_or(usual.max_age, |age| Some(age).filter(|age| !age.is_zero())),
        exporters,
        ..usual
    }))
}

/// `dead_letter` of an exporter: off unless written.
pub(super) fn dead_letter(exporter: &mut Section<'_>) -> Option<DeadLetter> {
    // Null stands for what is not written.
    exporter.value("dead_letter")?;
    let mut section = exporter.optional("dead_letter")?;
    let directory = directory(&mut section, "write directory: /var/lib/otlp-relay/dead-letters");
    let max_bytes = max_bytes(&mut section).unwrap_or(DEAD_LETTERS);
    section.finish();
    Some(DeadLetter { directory: directory?, max_bytes })
}

fn directory(section: &mut Section<'_>, hint: &str) -> Option<PathBuf> {
    let entry = section.entry("directory");
    let path = entry.as_ref().and_then(|value| value.text()).filter(|path| !path.is_empty());
    let at = entry.as_ref().unwrap_or(section.whole());
    if path.is_none() {
        at.refuse(at.fault("directory must be non-empty").hint(hint));
    } else if at.is_incomplete() {
        at.wrong("the path is incomplete");
        return None;
    }
    path.map(PathBuf::from)
}

/// A bound below which hardly a record would fit is a mistake: of the unit, most likely.
fn max_bytes(section: &mut Section<'_>) -> Option<ByteCount> {
    let value = section.value("max_bytes")?;
    let bytes = ByteCount(value.unsigned()?);
    if bytes < LEAST {
        let fault = value.fault(format!("`max_bytes` must be at least {}", LEAST.0));
        value.refuse(fault.hint("it is a number of bytes: 1073741824 is one GiB"));
    }
    Some(bytes)
}

fn exporters(list: &crate::config::reading::Reading<'_>) -> Vec<ComponentId> {
    let mut read = Vec::new();
    for (text, value) in list.words() {
        match ComponentId::parse(&text) {
            Ok(id) => read.push(id),
            Err(bad) => value.wrong(bad.to_string()),
        }
    }
    read
}

const WHICH: &[(&str, DumpWhich)] = &[("failed", DumpWhich::Failed), ("all", DumpWhich::All)];
const PAYLOADS: &[(&str, DumpPayload)] = &[
    ("otlp_protobuf", DumpPayload::OtlpProtobuf),
    ("otlp_json", DumpPayload::OtlpJson),
    ("summary", DumpPayload::Summary),
    ("none", DumpPayload::None),
];
const LEAST: ByteCount = ByteCount(64 << 10);
const DEAD_LETTERS: ByteCount = ByteCount::mib(1024);
