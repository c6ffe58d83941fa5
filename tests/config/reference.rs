//! Is docs/configuration.md what the code says? It is written anew here, and compared.
//!
//! `OTLP_RELAY_WRITE_DOCS=1 cargo test --test config reference` writes the file. What a key is for stands in `meanings.txt`; its
//! type, default and neighbours that are not read are what the decoder and `print-config` say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use otlp_relay::config::{Kind, Learned, Secrets, Unread, component_types, describe, learn};
use serde_json::{Map, Value};

use super::describe::everything;
use super::*;

const FILE: &str = "docs/configuration.md";
const MEANINGS: &str = include_str!("meanings.txt");
const INTRODUCTION: &str = include_str!("reference.md");
/// Maps whose keys are names of the writer's own.
const FREE: [&str; 7] =
    ["headers", "const_labels", "response_headers", "initial_fields", "endpoint_params", "resource", "pipelines"];

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
    let mut text = INTRODUCTION.to_owned();
    for section in ["receivers", "processors", "exporters", "connectors", "extensions"] {
        let _ = write!(text, "\n## {section}\n");
        let written = everything[section].as_object().unwrap();
        for kind in component_types().iter().filter(|kind| kind.section == section) {
            let _ = write!(text, "\n### {section}: `{}`\n\n", kind.name);
            if !kind.aliases.is_empty() {
                let _ = write!(text, "Also called `{}`. ", kind.aliases.join("`, `"));
            }
            let _ = writeln!(text, "{}", facts.meaning(&format!("{section}::{}", kind.name)));
            let mut rows = BTreeMap::new();
            let mut unread = BTreeMap::new();
            for (id, component) in written.iter().filter(|(id, _)| id.split('/').next() == Some(kind.name)) {
                let path = format!("{section}::{id}");
                collect(&facts, component, &path, &path, &format!("{section}::{}", kind.name), &mut rows);
                facts.unread(&path, &mut unread);
            }
            push_rows(&mut text, &rows, &unread);
        }
    }
    let mut rows = BTreeMap::new();
    let mut unread = BTreeMap::new();
    collect(&facts, &everything["service"], "service", "service", "service", &mut rows);
    facts.unread("service", &mut unread);
    text.push_str("\n## service\n");
    push_rows(&mut text, &rows, &unread);
    let unused: Vec<&&str> = facts.meanings.keys().filter(|key| !facts.used.borrow().contains(**key)).collect();
    assert!(unused.is_empty(), "no key is meant by {unused:?} in meanings.txt");
    text
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

    /// The keys inside of `path` that are not read, shown without the path.
    fn unread(&self, path: &str, found: &mut BTreeMap<String, Unread>) {
        for (key, unread) in &self.learned.unread {
            if let Some(key) = key.strip_prefix(&format!("{path}::")) {
                found.insert(numbered(key), *unread);
            }
        }
    }
}

/// Members of lists are all alike.
fn numbered(key: &str) -> String {
    let part = |part: &str| if part.bytes().all(|b| b.is_ascii_digit()) { "[]".to_owned() } else { part.to_owned() };
    key.split("::").map(part).collect::<Vec<_>>().join("::").replace("::[]", "[]")
}

/// Every leaf of `value`, which stands at `path`; `root` is left out of what is shown, and `meant` stands for it.
fn collect(facts: &Facts, value: &Value, path: &str, root: &str, meant: &str, rows: &mut BTreeMap<String, Row>) {
    let key = path.strip_prefix(root).unwrap().trim_start_matches("::");
    let is_free = FREE.iter().any(|free| key.rsplit("::").next() == Some(free));
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                collect(facts, value, &format!("{path}::{name}"), root, meant, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                collect(facts, item, &format!("{path}::{at}"), root, meant, rows);
            }
        }
        _ if key.is_empty() || is_free && value.is_object() || facts.learned.unread.contains_key(path) => {}
        _ => {
            let shown = free(&numbered(key));
            let kind = facts.learned.kinds.get(path).map_or("any".to_owned(), Kind::to_string);
            let meaning = facts.meaning(&format!("{meant}::{shown}"));
            let row = Row { key: shown.clone(), kind, default: facts.default(path), meaning };
            rows.entry(shown).or_insert(row);
        }
    }
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
