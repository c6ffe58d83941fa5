//! How OpenTelemetry names become Prometheus names: metrics with their units and types, and labels.
//!
//! By the compatibility specification ("OTLP Metric points to Prometheus"), and where that leaves room as the Collector's
//! `prometheus` exporter does it.

use crate::config::Translation;
use crate::units::ucum::{PER_UNITS, UNITS};

/// What a metric's type adds to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A monotonic sum: `_total`.
    Counter,
    /// A gauge: `_ratio`, if its unit is 1.
    Gauge,
    /// Anything else: nothing.
    Other,
}

/// Names things as one exporter does.
#[derive(Clone, Debug)]
pub(super) struct Namer {
    translation: Translation,
    namespace: String,
}

impl Namer {
    pub(super) fn new(translation: Translation, namespace: &str) -> Namer {
        let namespace = if translation.escapes() { joined(namespace, is_name_character) } else { namespace.to_owned() };
        Namer { translation, namespace }
    }

    /// The name of a metric; none where nothing is left of it.
    pub(super) fn metric(&self, name: &str, unit: &str, role: Role) -> Option<String> {
        let named = match (self.translation.escapes(), self.translation.adds_suffixes()) {
            (true, true) => self.tokenised(name, unit, role),
            (true, false) => guarded(self.prefixed(&joined(name, |c| c == '_' || is_name_character(c)))),
            (false, true) => suffixed(self.prefixed(name), unit, role),
            (false, false) => self.prefixed(name),
        };
        // Of a name that says nothing only the namespace and the suffixes would be left.
        let says_something = name.chars().any(|c| !self.translation.escapes() || is_name_character(c));
        (!name.is_empty() && says_something).then_some(named)
    }

    /// The name of the label for the attribute `key`; none for an empty one. However little is left of a key, its value
    /// may be what tells two series apart.
    pub(super) fn label(&self, key: &str) -> Option<String> {
        let named = if self.translation.escapes() { label(key) } else { key.to_owned() };
        (!key.is_empty()).then_some(named)
    }

    /// A name of the exporter's own, such as `target_info`.
    pub(super) fn own(&self, name: &str) -> String {
        self.prefixed(name)
    }

    fn prefixed(&self, name: &str) -> String {
        if self.namespace.is_empty() { name.to_owned() } else { format!("{}_{name}", self.namespace) }
    }

    /// The words of the name, then those of the unit that it does not have already, then those of the type.
    fn tokenised(&self, name: &str, unit_text: &str, role: Role) -> String {
        let mut tokens: Vec<&str> = words(name, is_name_character).collect();
        let Unit { main, per } = Unit::of(unit_text);
        for suffix in [&main, &per] {
            if !suffix.is_empty() && !tokens.contains(&suffix.as_str()) {
                tokens.push(suffix);
            }
        }
        if let Some(word) = role.word(unit_text) {
            tokens.retain(|token| *token != word);
            tokens.push(word);
        }
        guarded(self.prefixed(&tokens.join("_")))
    }
}

impl Role {
    fn word(self, unit: &str) -> Option<&'static str> {
        match self {
            Role::Counter => Some("total"),
            // Counters of things often have the unit 1, and are no ratios.
            Role::Gauge if unit == "1" => Some("ratio"),
            Role::Gauge | Role::Other => None,
        }
    }
}

/// With the suffixes behind it, in their order, and nothing else changed.
fn suffixed(mut name: String, unit: &str, role: Role) -> String {
    let take_off = |name: &mut String, word: &str| {
        if let Some(kept) = name.strip_suffix(word).and_then(|rest| rest.strip_suffix(['_', '.'])) {
            name.truncate(kept.len());
        }
    };
    let word = role.word(unit);
    word.iter().for_each(|word| take_off(&mut name, word));
    let Unit { main, per } = Unit::of(unit);
    if !per.is_empty() {
        take_off(&mut name, &per);
    }
    if !main.is_empty() && !name.ends_with(&main) {
        name = format!("{name}_{main}");
    }
    for suffix in [per.as_str(), word.unwrap_or_default()].into_iter().filter(|suffix| !suffix.is_empty()) {
        name = format!("{name}_{suffix}");
    }
    name
}

/// A unit in Prometheus' words: `bytes` and `per_second`. Either may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
    main: String,
    per: String,
}

impl Unit {
    fn of(unit: &str) -> Unit {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        let translate = |text: &str, table: &[(&str, &str)]| {
            let text = text.trim();
            // `{packet}` counts things: Prometheus has no unit for that.
            if text.contains(['{', '}']) {
                return String::new();
            }
            let known = table.iter().find(|(short, _)| *short == text).map(|(_, word)| *word);
            joined(known.unwrap_or(text), is_name_character)
        };
        let per = translate(per, PER_UNITS);
        let per = if per.is_empty() { per } else { format!("per_{per}") };
        Unit { main: translate(main, UNITS), per }
    }
}

/// The unit of a metric as metadata has it: `bytes_per_second`; `ratio` for the unit 1 of a gauge.
pub(super) fn unit_word(unit: &str, role: Role) -> String {
    let Unit { main, per } = Unit::of(unit);
    match (role.word(unit), main.is_empty(), per.is_empty()) {
        (Some("ratio"), _, _) => "ratio".to_owned(),
        (_, true, _) => per,
        (_, false, true) => main,
        (_, false, false) => format!("{main}_{per}"),
    }
}

/// Whether every Prometheus takes `name` for a metric.
pub(super) fn is_classic_metric(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c == '_' || is_name_character(c))
}

/// Whether every Prometheus takes `name` for a label.
pub(super) fn is_classic_label(name: &str) -> bool {
    is_classic_metric(name) && !name.contains(':')
}

/// `name` as a reader gets it that knows classic names only: each other character is a `_`.
pub(super) fn underscored(name: &str, is_classic: fn(&str) -> bool) -> String {
    let mut classic: String =
        name.chars().map(|c| if c == ':' || c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !is_classic(&classic) {
        classic = classic.replace(':', "_");
        if classic.starts_with(|c: char| c.is_ascii_digit()) {
            classic.insert(0, '_');
        }
    }
    classic
}

/// One `_` for whatever a label may not have; names in double underscores are reserved, and keep them.
fn label(key: &str) -> String {
    let mut label = String::with_capacity(key.len());
    let reserved = key.starts_with("__") && key.ends_with("__");
    for c in key.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || reserved || !label.ends_with('_') {
            label.push(c);
        }
    }
    match label.bytes().next() {
        Some(byte) if byte.is_ascii_digit() => format!("key_{label}"),
        Some(b'_') if !label.starts_with("__") => format!("key{label}"),
        _ => label,
    }
}

/// A name does not begin with a digit.
fn guarded(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn words(text: &str, is_fit: fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !is_fit(c)).filter(|word| !word.is_empty())
}

fn joined(text: &str, is_fit: fn(char) -> bool) -> String {
    words(text, is_fit).collect::<Vec<_>>().join("_")
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(translation: Translation, (name, unit, role): (&str, &str, Role), expected: &str) {
        let named = Namer::new(translation, "").metric(name, unit, role);
        assert_eq!(named.as_deref().unwrap_or_default(), expected, "{translation:?} {name:?} {unit:?}");
    }

    #[test]
    fn names_get_their_unit_and_type() {
        use Role::{Counter, Gauge, Other};
        for (metric, expected) in [
            (("http.server.duration", "ms", Other), "http_server_duration_milliseconds"),
            (("system.io", "By", Counter), "system_io_bytes_total"),
            (("system.io.bytes", "By", Counter), "system_io_bytes_total"),
            (("requests.total", "", Counter), "requests_total"),
            (("total.requests", "", Counter), "requests_total"),
            (("cpu.utilization", "1", Gauge), "cpu_utilization_ratio"),
            (("cpu.utilization", "1", Other), "cpu_utilization"),
            (("items", "1", Counter), "items_total"),
            (("queue.size", "{packet}", Gauge), "queue_size"),
            (("speed", "m/s", Gauge), "speed_meters_per_second"),
            (("rate", "{request}/s", Gauge), "rate_per_second"),
            (("rate", "1/s", Gauge), "rate_per_second"),
            (("broken.disk", "By/{thing}", Gauge), "broken_disk_bytes"),
            (("odd", "unit@with#special/chars", Gauge), "odd_unit_with_special_per_chars"),
            (("a__b..c", "", Gauge), "a_b_c"),
            (("1st", "", Gauge), "_1st"),
            (("namespace:rule", "%", Gauge), "namespace:rule_percent"),
            (("größe", "", Gauge), "gr_e"),
            (("@#$%", "", Gauge), ""),
            (("", "s", Counter), ""),
        ] {
            check(Translation::UnderscoreEscapingWithSuffixes, metric, expected);
        }
    }

    #[test]
    fn other_strategies_leave_suffixes_or_characters_alone() {
        use Role::{Counter, Gauge};
        check(Translation::UnderscoreEscapingWithoutSuffixes, ("a.b", "s", Counter), "a_b");
        check(Translation::UnderscoreEscapingWithoutSuffixes, ("a@@b__c", "s", Counter), "a_b__c");
        check(Translation::UnderscoreEscapingWithoutSuffixes, ("1st", "", Counter), "_1st");
        check(Translation::NoUtf8EscapingWithSuffixes, ("größe.in", "By", Counter), "größe.in_bytes_total");
        check(Translation::NoUtf8EscapingWithSuffixes, ("cpu_seconds_total", "s", Counter), "cpu_seconds_total");
        check(Translation::NoUtf8EscapingWithSuffixes, ("x", "By/s", Gauge), "x_bytes_per_second");
        check(Translation::NoUtf8EscapingWithSuffixes, ("use_ratio", "1", Gauge), "use_ratio");
        check(Translation::NoTranslation, ("größe.in", "By", Counter), "größe.in");
    }

    #[test]
    fn a_namespace_stands_in_front() {
        let named = |translation, namespace| Namer::new(translation, namespace).metric("1.a", "s", Role::Gauge);
        let escaped = Translation::UnderscoreEscapingWithSuffixes;
        assert_eq!(named(escaped, "test-space").as_deref(), Some("test_space_1_a_seconds"));
        assert_eq!(named(Translation::NoTranslation, "test-space").as_deref(), Some("test-space_1.a"));
        assert_eq!(Namer::new(escaped, "a").own("target_info"), "a_target_info");
    }

    #[test]
    fn labels_are_what_every_prometheus_takes() {
        let namer = Namer::new(Translation::UnderscoreEscapingWithSuffixes, "");
        for (key, expected) in [
            ("http.method", Some("http_method")),
            ("a..b", Some("a_b")),
            ("1st", Some("key_1st")),
            ("_hidden", Some("key_hidden")),
            ("__reserved__", Some("__reserved__")),
            ("a:b", Some("a_b")),
            ("", None),
            ("é", Some("key_")),
        ] {
            assert_eq!(namer.label(key).as_deref(), expected, "{key}");
        }
        assert_eq!(Namer::new(Translation::NoTranslation, "").label("a.b").as_deref(), Some("a.b"));
    }

    #[test]
    fn units_are_told_in_words() {
        assert_eq!(unit_word("By/s", Role::Counter), "bytes_per_second");
        assert_eq!(unit_word("1", Role::Gauge), "ratio");
        assert_eq!(unit_word("1", Role::Counter), "");
        assert_eq!(unit_word("{x}", Role::Gauge), "");
    }

    #[test]
    fn readers_of_classic_names_get_underscores() {
        assert_eq!(underscored("größe.a", is_classic_metric), "gr__e_a");
        assert_eq!(underscored("1.a", is_classic_metric), "_1_a");
        assert_eq!(underscored("a:b", is_classic_metric), "a:b");
        assert_eq!(underscored("a:b", is_classic_label), "a_b");
    }
}
