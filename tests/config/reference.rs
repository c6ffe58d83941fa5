//! Is docs/configuration.md what the code says? It is written anew here, and compared.
//!
//! `OTLP_RELAY_WRITE_DOCS=1 cargo test --test config reference` writes the file. What a key is for stands in `meanings.txt`; its
//! type, default and neighbours that are not read are what the decoder and `print-config` say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use otlp_relay::config::{ComponentType, Kind, Learned, Secrets, Unread, component_types, describe, learn};
use serde_json::{Map, Value};

use super::everything::everything;
use super::*;

const FILE: &str = "docs/configuration.md";
const MEANINGS: &str = include_str!("meanings.txt");
const INTRODUCTION: &str = include_str!("reference.md");
/// Maps whose keys are names of the writer's own.
const FREE: [&str; 11] = [
    "headers",
    "const_labels",
    "endpoint_params",
    "external_labels",
    "http_headers",
    "initial_fields",
    "labels",
    "params",
    "pipelines",
    "resource",
    "response_headers",
];

/// Ends of keys that have no line of their own: earlier names, what is refused with words of its own, the switch that every
/// section that can be left out has, and what a reader of metrics takes as an exporter does.
const OTHER_NAMES: [&str; 13] = [
    "address",
    "blocking",
    "cookies",
    "cors_allowed_origins",
    "enabled",
    "file::encoding",
    "group_by",
    "logLevel",
    "loglevel",
    "otlp_grpc::protocol",
    "otlp_http::protocol",
    "telemetry::traces",
    "attributes_list",
];
/// Where an exporter stands in place of keys of its own.
const EXPORTER: &str = "periodic::exporter::otlp::";

#[test]
fn the_reference_of_the_configuration_is_what_the_code_says() {
    let text = reference();
    if std::env::var_os("OTLP_RELAY_WRITE_DOCS").is_some() {
        std::fs::create_dir_all("docs").unwrap();
        std::fs::write(FILE, &text).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    let differs = text.lines().zip(written.lines()).find(|(new, old)| new != old);
    assert!(
        text == written,
        "{FILE} is not what the code says: OTLP_RELAY_WRITE_DOCS=1 cargo test --test config reference writes it anew; \
         the first lines that differ: {differs:#?}"
    );
}

/// One key of the reference.
struct Row {
    key: String,
    kind: String,
    default: String,
    meaning: &'static str,
}

/// What is known of all keys.
struct Facts {
    learned: Learned,
    defaults: Value,
    meanings: BTreeMap<&'static str, &'static str>,
    used: std::cell::RefCell<BTreeSet<&'static str>>,
}

fn reference() -> String {
    let everything = everything();
    let learned = with_origin(&everything, |origin, env| learn(origin, env).unwrap());
    let hollow = hollow(&everything).unwrap();
    let defaults = with_origin(&hollow, |origin, env| describe(origin, env, Secrets::Shown).unwrap().0.to_json());
    let facts = Facts {
        learned,
        defaults: serde_json::from_str(&defaults).unwrap(),
        meanings: meanings(),
        used: Default::default(),
    };
    let parts = parts(&facts, &everything);
    let mut text = INTRODUCTION.to_owned();
    let mut section = "";
    for part in &parts {
        if part.section != section {
            section = part.section;
            let _ = write!(text, "\n## {section}\n");
        }
        if let Some(kind) = part.kind {
            let _ = write!(text, "\n### {section}: `{}`\n\n", kind.name);
            if !kind.aliases.is_empty() {
                let _ = write!(text, "Also called `{}`. ", kind.aliases.join("`, `"));
            }
            let _ = writeln!(text, "{}", facts.meaning(&part.name()));
        }
        push_rows(&mut text, &rows(&facts, part, &parts), &part.unread);
    }
    let unused: Vec<&&str> = facts.meanings.keys().filter(|key| !facts.used.borrow().contains(**key)).collect();
    assert!(unused.is_empty(), "no key is meant by {unused:?} in meanings.txt");
    text
}

/// A type of component, or the section `service`.
struct Part {
    section: &'static str,
    kind: Option<&'static ComponentType>,
    /// What each key that is written takes, and its default.
    written: BTreeMap<String, (String, String)>,
    /// Every key that may be written, sections included.
    asked: BTreeSet<String>,
    unread: BTreeMap<String, Unread>,
}

impl Part {
    /// `exporters::otlp_grpc`, or `service`.
    fn name(&self) -> String {
        self.kind.map_or(self.section.to_owned(), |kind| format!("{}::{}", self.section, kind.name))
    }

    /// Adds what stands at `path` in a configuration.
    fn add(&mut self, facts: &Facts, value: &Value, path: &str) {
        collect(facts, value, path, path, &mut self.written);
        for asked in facts.learned.asked.iter().filter_map(|key| key.strip_prefix(&format!("{path}::"))) {
            self.asked.insert(shown(asked));
        }
        for (key, unread) in &facts.learned.unread {
            if let Some(key) = key.strip_prefix(&format!("{path}::")) {
                self.unread.insert(shown(key), *unread);
            }
        }
    }
}

fn parts(facts: &Facts, everything: &Value) -> Vec<Part> {
    let part = |section, kind| Part {
        section,
        kind,
        written: BTreeMap::new(),
        asked: BTreeSet::new(),
        unread: BTreeMap::new(),
    };
    let mut parts = Vec::new();
    for section in ["receivers", "processors", "exporters", "connectors", "extensions"] {
        let written = everything[section].as_object().unwrap();
        for kind in component_types().iter().filter(|kind| kind.section == section) {
            let mut part = part(section, Some(kind));
            for (id, component) in written.iter().filter(|(id, _)| id.split('/').next() == Some(kind.name)) {
                part.add(facts, component, &format!("{section}::{id}"));
            }
            parts.push(part);
        }
    }
    let mut service = part("service", None);
    service.add(facts, &everything["service"], "service");
    parts.push(service);
    parts
}

/// Every key of `part`. What is written nowhere in it is written in another part that has the same section in it.
fn rows(facts: &Facts, part: &Part, parts: &[Part]) -> BTreeMap<String, Row> {
    let mut keys: BTreeMap<String, (String, String)> = part.written.clone();
    for asked in part.asked.iter().filter(|asked| !asked.contains(EXPORTER)) {
        let inside = [format!("{asked}::"), format!("{asked}[]")];
        let covers = |key: &String| key == asked || inside.iter().any(|inside| key.starts_with(inside));
        let whole = format!("{}::{asked}", part.name());
        let has_other_name = OTHER_NAMES.iter().any(|name| whole.ends_with(&format!("::{name}")));
        if has_other_name || keys.keys().any(covers) || part.unread.keys().any(covers) {
            continue;
        }
        let found = elsewhere(asked, part, parts);
        assert!(!found.is_empty(), "write {whole} into everything()");
        keys.extend(found);
    }
    let row = |(key, (kind, default)): (String, (String, String))| {
        let meaning = facts.meaning(&format!("{}::{key}", part.name()));
        (key.clone(), Row { key, kind, default, meaning })
    };
    keys.into_iter().map(row).collect()
}

/// The key `asked` of `part`, or what is in that section, by what other parts have: in a section of the same name, or, of
/// this kind of components, by the same name alone.
fn elsewhere(asked: &str, part: &Part, parts: &[Part]) -> BTreeMap<String, (String, String)> {
    let mut ends = asked.rsplitn(3, "::");
    let (last, before) = (ends.next().unwrap(), ends.next().unwrap_or_default());
    let before = if before.ends_with("[]") { "[]" } else { before };
    let (exact, name) = (format!("{before}::{last}"), format!("::{last}"));
    let alike = |known: &&Part| known.section == part.section;
    let all: Vec<&Part> = parts.iter().collect();
    let alike: Vec<&Part> = parts.iter().filter(alike).collect();
    for (parts, end) in [(&alike, &exact), (&all, &exact), (&alike, &name)] {
        let mut found = BTreeMap::new();
        for (key, facts) in parts.iter().flat_map(|part| &part.written) {
            let key = format!("::{key}");
            if key.ends_with(end) {
                found.insert(asked.to_owned(), facts.clone());
            } else if let Some((_, inside)) = key.split_once(&format!("{end}::")) {
                found.insert(format!("{asked}::{inside}"), facts.clone());
            }
        }
        if !found.is_empty() {
            return found;
        }
    }
    BTreeMap::new()
}

/// What `ask` says of `config` as a file.
fn with_origin<T>(config: &Value, ask: impl Fn(&Origin, &Played) -> T) -> T {
    let files = HashMap::from([("c.yaml", config.to_string().into_bytes())]);
    let env = Played { variables: HashMap::new(), files };
    ask(&Origin { locations: vec!["c.yaml".to_owned()], ..Origin::default() }, &env)
}

/// The maps of `value` without what is in them.
fn hollow(value: &Value) -> Option<Value> {
    match value {
        Value::Object(entries) => {
            let inside = entries.iter().filter_map(|(key, value)| Some((key.clone(), hollow(value)?)));
            Some(Value::Object(inside.collect::<Map<_, _>>()))
        }
        Value::Array(items) => {
            let inside: Vec<Value> = items.iter().filter_map(hollow).collect();
            (!inside.is_empty()).then_some(Value::Array(inside))
        }
        Value::Null => Some(Value::Null),
        _ => None,
    }
}

/// The lines of meanings.txt: a key or the end of one, a bar, and what it means.
fn meanings() -> BTreeMap<&'static str, &'static str> {
    let lines = MEANINGS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once(" | ").unwrap_or_else(|| panic!("no bar in {line:?}")));
    let mut meanings = BTreeMap::new();
    for (key, meaning) in pairs {
        assert_eq!(meanings.insert(key.trim(), meaning.trim()), None, "{key} has two meanings");
    }
    meanings
}

impl Facts {
    /// By the longest end of `path` that has one; ends of the same section or component before those of all.
    fn meaning(&self, path: &str) -> &'static str {
        let parts: Vec<&str> = path.split("::").collect();
        let ends = (0..parts.len()).map(|from| parts[from..].join("::"));
        let section = parts[0];
        let found = ends.flat_map(|end| [format!("{section}: {end}"), end]).find_map(|key| {
            let (known, meaning) = self.meanings.get_key_value(key.as_str())?;
            self.used.borrow_mut().insert(known);
            Some(*meaning)
        });
        found.unwrap_or_else(|| panic!("write into meanings.txt what {path} is for"))
    }

    fn default(&self, path: &str) -> String {
        let pointer: String = path.split("::").map(|part| format!("/{}", part.replace('/', "~1"))).collect();
        self.defaults.pointer(&pointer).filter(|value| !value.is_null()).map_or(String::new(), |value| match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        })
    }
}

/// Members of lists are all alike.
fn numbered(key: &str) -> String {
    let part = |part: &str| if part.bytes().all(|b| b.is_ascii_digit()) { "[]".to_owned() } else { part.to_owned() };
    key.split("::").map(part).collect::<Vec<_>>().join("::").replace("::[]", "[]")
}

/// Every leaf of `value`, which stands at `path`, with its type and default; `root` is left out of what is shown.
fn collect(facts: &Facts, value: &Value, path: &str, root: &str, written: &mut BTreeMap<String, (String, String)>) {
    let key = path.strip_prefix(root).unwrap().trim_start_matches("::");
    let is_free = FREE.iter().any(|free| key.rsplit("::").next() == Some(free));
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                collect(facts, value, &format!("{path}::{name}"), root, written);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                collect(facts, item, &format!("{path}::{at}"), root, written);
            }
        }
        _ if key.is_empty() || is_free && value.is_object() || facts.learned.unread.contains_key(path) => {}
        _ => {
            let kind = facts.learned.kinds.get(path).map_or("any".to_owned(), Kind::to_string);
            written.entry(shown(key)).or_insert((kind, facts.default(path)));
        }
    }
}

/// `key` as it is shown.
fn shown(key: &str) -> String {
    free(&numbered(key))
}

/// `key` with a star for names of the writer's own.
fn free(key: &str) -> String {
    let mut parts: Vec<&str> = key.split("::").collect();
    for at in 1..parts.len() {
        if FREE.contains(&parts[at - 1]) {
            parts[at] = "*";
        }
    }
    parts.join("::")
}

fn push_rows(text: &mut String, rows: &BTreeMap<String, Row>, unread: &BTreeMap<String, Unread>) {
    if !rows.is_empty() {
        text.push_str("\n| key | type | default | |\n|---|---|---|---|\n");
    }
    for row in rows.values() {
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", row.key, row.kind, row.default, row.meaning);
    }
    let refused = unread.iter().filter(|(_, unread)| **unread == Unread::Refused);
    let refused: Vec<String> = refused.map(|(key, _)| format!("`{key}`")).collect();
    if !refused.is_empty() {
        let _ =
            write!(text, "\nNot there yet, and refused unless the value asks for nothing: {}.\n", refused.join(", "));
    }
    let mut idle: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, unread) in unread {
        match unread {
            Unread::Refused => {}
            Unread::Only(words) => {
                let _ = write!(text, "\n`{key}` is taken as {} only.\n", words.join(" or "));
            }
            Unread::NoEffect(why) => idle.entry(why).or_default().push(format!("`{key}`")),
        }
    }
    for (why, keys) in idle {
        let _ = write!(text, "\nWithout an effect: {} ({why}).\n", keys.join(", "));
    }
}
