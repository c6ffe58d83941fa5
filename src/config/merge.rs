//! How a later source changes an earlier one: maps merge deeply; everything else is replaced, by null too.

use std::collections::HashMap;

use super::problem::{Place, Problem};
use super::yaml::{Document, Entry, Node, Value, parse};

/// Puts `over` on top of `base`.
pub(crate) fn merge(base: &mut Node, over: Node) {
    match (&mut base.value, over) {
        (Value::Map(entries), Node { value: Value::Map(more), .. }) => merge_entries(entries, more),
        (_, over) => *base = over,
    }
}

fn merge_entries(entries: &mut Vec<Entry>, more: Vec<Entry>) {
    let index: HashMap<String, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
    for new in more {
        match index.get(&new.key).and_then(|at| entries.get_mut(*at)) {
            Some(old) => {
                old.place = new.place;
                merge(&mut old.value, new.value);
            }
            None => entries.push(new),
        }
    }
}

/// The tree of a value of `--set`: `a.b.c=value`, the value in YAML. Its place is the flag with its key.
pub(crate) fn setting(text: &str) -> Result<Document, Problem> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Problem::new(
            None,
            "",
            format!("invalid argument {text:?} for \"--set\" flag: missing equal sign"),
        ));
    };
    let place = Place { source: format!("--set {key}").into(), line: 0, column: 0 };
    let parts: Vec<&str> = key.trim().split("::").flat_map(|part| part.split('.')).collect();
    if parts.iter().any(|part| part.is_empty()) {
        let problem = Problem::new(Some(place), "", "a part of the key is empty");
        return Err(problem.hint("write --set exporters.debug.verbosity=detailed"));
    }
    if MAX_PARTS < parts.len() {
        return Err(Problem::new(Some(place), "", format!("the key has more than {MAX_PARTS} parts")));
    }
    // Like the value of a variable: what is no YAML is a string, such as [::1]:4317.
    let unread = |_| Document { root: Some(Node::text(place.clone(), value)), found: Vec::new(), second: None };
    let document = parse(value, &place.source).unwrap_or_else(unread);
    let mut root = document.root.unwrap_or_else(|| Node::null(place.clone()));
    root.move_to(&place);
    for part in parts.into_iter().rev() {
        let entry = Entry { key: part.to_owned(), place: place.clone(), value: root };
        root = Node::map(place.clone(), vec![entry]);
    }
    let found = document.found.into_iter().map(|problem| Problem { place: Some(place.clone()), ..problem });
    Ok(Document { root: Some(root), found: found.collect(), second: document.second.map(|_| place.clone()) })
}

/// No key of any component lies deeper.
const MAX_PARTS: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Node {
        parse(text, &"t".into()).unwrap().root.unwrap()
    }

    fn merged(texts: &[&str]) -> String {
        let mut root = Node::map(Place { source: "t".into(), line: 1, column: 1 }, Vec::new());
        texts.iter().for_each(|text| merge(&mut root, read(text)));
        show(&root)
    }

    /// The tree in one line, keys in order.
    fn show(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let mut shown: Vec<_> =
                    entries.iter().map(|entry| format!("{}:{}", entry.key, show(&entry.value))).collect();
                shown.sort();
                format!("{{{}}}", shown.join(" "))
            }
        }
    }

    #[track_caller]
    fn check(texts: &[&str], expected: &str) {
        assert_eq!(merged(texts), expected, "{texts:?}");
    }

    #[test]
    fn maps_merge_and_everything_else_is_replaced() {
        check(&["{a: {b: 1, c: 2}}", "{a: {c: 3, d: 4}, e: 5}"], "{a:{b:1 c:3 d:4} e:5}");
        check(&["{a: [1, 2], b: 1}", "{a: [3]}"], "{a:[3] b:1}");
        check(&["{a: {b: 1}}", "{a: }"], "{a:}");
        check(&["{a: {b: 1}}", "{a: {}}"], "{a:{b:1}}");
        check(&["{a: }", "{a: {b: 1}}"], "{a:{b:1}}");
        check(&["{a: {b: 1}}", "{a: text}", "{a: {c: 1}}"], "{a:{c:1}}");
    }

    #[test]
    fn every_value_keeps_the_place_of_its_own_source() {
        let at = |name: &str, text: &str| parse(text, &name.into()).unwrap().root.unwrap();
        let mut root = at("one", "a:\n  b: 1\n  c: 2\n");
        merge(&mut root, at("two", "\n\na: {c: 3}\n"));
        merge(&mut root, setting("a.d=4").unwrap().root.unwrap());
        let Value::Map(top) = &root.value else { return };
        let Value::Map(inner) = &top[0].value.value else { return };
        let places: Vec<String> = inner.iter().map(|entry| format!("{} {}", entry.key, entry.value.place)).collect();
        assert_eq!(places, ["b one:2:6", "c two:3:8", "d --set a.d"]);
    }

    #[test]
    fn a_setting_is_yaml_below_a_path() {
        let tree =
            |text: &str| setting(text).map(|document| show(&document.root.unwrap())).unwrap_or_else(|p| p.to_string());
        assert_eq!(tree("a.b.c=[1, x=y]"), "{a:{b:{c:[1 x=y]}}}");
        assert_eq!(tree("a::b.c=host:4317"), "{a:{b:{c:host:4317}}}");
        assert_eq!(tree("a="), "{a:}");
        assert_eq!(tree("a"), "invalid argument \"a\" for \"--set\" flag: missing equal sign");
        assert!(tree("a..b=1").starts_with("--set a..b: a part of the key is empty"));
        assert_eq!(tree("a=[::1]:4317"), "{a:[::1]:4317}");
    }

    /// Trees of few keys, so that they meet.
    fn texts() -> impl Strategy<Value = String> {
        let leaf = prop_oneof!["[0-9]", Just(String::new()), Just("[1, 2]".to_owned()), Just("{}".to_owned())];
        let tree = leaf.prop_recursive(4, 16, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 1..3).prop_map(|map| {
                let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", pairs.join(", "))
            })
        });
        prop::collection::btree_map("[a-c]", tree, 0..3).prop_map(|map| {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        })
    }

    proptest! {
        #[test]
        fn merging_a_text_twice_is_merging_it_once(a in texts(), b in texts()) {
            prop_assert_eq!(merged(&[&a, &b, &b]), merged(&[&a, &b]));
            prop_assert_eq!(merged(&[&a, &a]), merged(&[&a]));
        }

        #[test]
        fn all_of_the_last_text_is_there(a in texts(), b in texts()) {
            let whole = merged(&[&a, &b]);
            prop_assert_eq!(merged(&[&whole.replace(' ', ", ").replace(':', ": "), &b]), whole);
        }

        #[test]
        fn a_setting_is_the_text_with_its_path(path in prop::collection::vec("[a-c]", 1..5), value in "[a-z0-9]{1,5}", a in texts()) {
            let nested = path.iter().rev().fold(value.clone(), |inner, key| format!("{{{key}: {inner}}}"));
            let mut root = read(&a);
            merge(&mut root, setting(&format!("{}={value}", path.join("."))).unwrap().root.unwrap());
            prop_assert_eq!(show(&root), merged(&[&a, &nested]));
        }

        #[test]
        fn no_setting_panics(text in "\\PC{0,40}") {
            let _ = setting(&text);
        }
    }
}
