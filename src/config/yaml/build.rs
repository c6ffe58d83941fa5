//! How the parser's events become a tree: anchors, merge keys, nesting keys and duplicates, all within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{Entry, Node, Provenance, Scalar, Style, Value};
use crate::config::problem::{Place, Problem};

/// Takes events, keeps the open collections.
pub(super) struct Builder {
    source: Arc<str>,
    open: Vec<Frame>,
    root: Option<Node>,
    /// Finished nodes by the parser's number for their anchor.
    anchors: HashMap<usize, Built>,
    /// What the copies behind aliases cost so far, in bytes.
    spent: usize,
    found: Vec<Problem>,
}

/// A finished node and how many levels it has.
#[derive(Clone)]
struct Built {
    node: Node,
    height: usize,
}

struct Frame {
    place: Place,
    anchor: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(MapFrame),
}

#[derive(Default)]
struct MapFrame {
    entries: Vec<Entry>,
    /// Line of each key so far.
    seen: HashMap<String, usize>,
    /// The key whose value comes next.
    key: Option<(String, Place, Style)>,
    merged: Vec<Node>,
}

impl Builder {
    pub(super) fn new(source: &Arc<str>) -> Builder {
        Builder {
            source: source.clone(),
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            spent: 0,
            found: Vec::new(),
        }
    }

    /// The tree, and what is wrong with it.
    pub(super) fn finish(self) -> (Option<Node>, Vec<Problem>) {
        (self.root, self.found)
    }

    /// The next event, which begins at `place`.
    pub(super) fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar { text: text.into_owned(), style: style_of(style, tag.as_deref()) };
                let node = Node { place, value: Value::Scalar(scalar), provenance: Provenance::default() };
                self.finished(Built { node, height: 1 }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(place, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(place, anchor, Content::Map(MapFrame::default())),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some(built) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::new(Some(place), "", "an alias stands inside its own anchor"));
                };
                self.charge(&built.node, &place)?;
                self.check_depth(built.height, &place)?;
                self.finished(built, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Problem> {
        self.check_depth(1, &place)?;
        self.open.push(Frame { place, anchor, height: 1, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let (value, levels) = match frame.content {
            Content::List(items) => (Value::List(items), 0),
            Content::Map(map) => self.close_map(map, &frame.place)?,
        };
        let node = Node { place: frame.place, value, provenance: Provenance::default() };
        self.finished(Built { node, height: frame.height + levels }, frame.anchor)
    }

    /// A node is complete: keep it for its aliases, hand it to the collection around it.
    fn finished(&mut self, built: Built, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            self.charge(&built.node, &built.node.place)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(built.node);
            return Ok(());
        };
        frame.height = frame.height.max(built.height + 1);
        match &mut frame.content {
            Content::List(items) => items.push(built.node),
            Content::Map(map) => map.take(built.node, &mut self.found)?,
        }
        Ok(())
    }

    /// The value of a finished map, and how many levels its nesting keys add.
    fn close_map(&mut self, map: MapFrame, place: &Place) -> Result<(Value, usize), Problem> {
        let mut entries = map.entries;
        let mut seen = map.seen;
        for source in map.merged {
            for entry in mergeable(source)? {
                if !seen.contains_key(&entry.key) {
                    seen.insert(entry.key.clone(), entry.place.line);
                    entries.push(entry);
                }
            }
        }
        let levels = entries.iter().map(|entry| entry.key.matches(NESTING).count()).max().unwrap_or(0);
        self.check_depth(levels, place)?;
        let entries = if levels == 0 { entries } else { nest(entries, &mut self.found) };
        Ok((Value::Map(entries), levels))
    }

    fn charge(&mut self, node: &Node, place: &Place) -> Result<(), Problem> {
        self.spent = self.spent.saturating_add(cost(node));
        if self.spent <= MAX_COPIES {
            return Ok(());
        }
        Err(Problem::new(Some(place.clone()), "", "the aliases of this text unfold to too much data"))
    }

    fn check_depth(&self, more: usize, place: &Place) -> Result<(), Problem> {
        if self.open.len() + more <= MAX_DEPTH {
            return Ok(());
        }
        let place = Place { source: self.source.clone(), ..place.clone() };
        Err(Problem::new(Some(place), "", format!("nested more than {MAX_DEPTH} levels deep")))
    }
}

impl MapFrame {
    /// Takes a key or the value of the key before it.
    fn take(&mut self, mut node: Node, found: &mut Vec<Problem>) -> Result<(), Problem> {
        let Some((key, place, style)) = self.key.take() else {
            let Value::Scalar(scalar) = node.value else {
                return Err(Problem::new(Some(node.place), "", "a key must be a text, not a map or a list"));
            };
            if MAX_KEY < scalar.text.len() {
                return Err(Problem::new(Some(node.place), "", format!("a key of more than {MAX_KEY} bytes")));
            }
            self.key = Some((scalar.text, node.place, scalar.style));
            return Ok(());
        };
        if key == MERGE && style == Style::Plain {
            self.merged.push(node);
            return Ok(());
        }
        if !matches!(&node.value, Value::Scalar(scalar) if !scalar.text.is_empty()) {
            node.place = place.clone();
        }
        match self.seen.get(&key) {
            Some(first) => found.push(duplicate(&key, &place, *first)),
            None => {
                self.seen.insert(key.clone(), place.line);
                self.entries.push(Entry { key, place, value: node });
            }
        }
        Ok(())
    }
}

fn style_of(style: ScalarStyle, tag: Option<&Tag>) -> Style {
    let is_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style == ScalarStyle::Plain && !is_string { Style::Plain } else { Style::Quoted }
}

/// The entries that a merge key brings in.
fn mergeable(node: Node) -> Result<Vec<Entry>, Problem> {
    let wrong = |place| Problem::new(Some(place), "", "a merge key (<<) takes a map or a list of maps");
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut entries = Vec::new();
            for item in items {
                match item.value {
                    Value::Map(more) => entries.extend(more),
                    _ => return Err(wrong(item.place)),
                }
            }
            Ok(entries)
        }
        Value::Scalar(_) => Err(wrong(node.place)),
    }
}

/// `a::b: 1` becomes `a: {b: 1}`, together with what stands under `a` elsewhere in the map.
fn nest(entries: Vec<Entry>, found: &mut Vec<Problem>) -> Vec<Entry> {
    let (nesting, mut nested): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key.contains(NESTING));
    // Each one searches the map for its place.
    if let Some(beyond) = nesting.get(MAX_NESTING) {
        let what = format!("a map with more than {MAX_NESTING} keys that contain ::");
        found.push(Problem::new(Some(beyond.place.clone()), "", what));
        return nested;
    }
    for entry in nesting {
        join(&mut nested, unfold(entry), found);
    }
    nested
}

fn unfold(entry: Entry) -> Entry {
    let parts: Vec<&str> = entry.key.split(NESTING).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return entry;
    }
    let mut value = entry.value;
    for part in parts.iter().skip(1).rev() {
        let inner = Entry { key: (*part).to_owned(), place: entry.place.clone(), value };
        value = Node::map(entry.place.clone(), vec![inner]);
    }
    let first = parts.first().copied().unwrap_or_default().to_owned();
    Entry { key: first, place: entry.place, value }
}

fn join(entries: &mut Vec<Entry>, new: Entry, found: &mut Vec<Problem>) {
    let Some(old) = entries.iter_mut().find(|old| old.key == new.key) else {
        entries.push(new);
        return;
    };
    match (&mut old.value.value, new.value.value) {
        (Value::Map(inside), Value::Map(more)) => {
            for entry in more {
                join(inside, entry, found);
            }
        }
        _ => {
            let first = old.place.line.min(new.place.line);
            found.push(duplicate(&new.key, (&old.place).max(&new.place), first));
        }
    }
}

fn duplicate(key: &str, place: &Place, first: usize) -> Problem {
    Problem::new(Some(place.clone()), "", format!("the key \"{key}\" is written twice"))
        .hint(format!("the first is on line {first}"))
}

/// Memory of a copy of `node`, roughly.
fn cost(node: &Node) -> usize {
    let inside = match &node.value {
        Value::Scalar(scalar) => scalar.text.len(),
        Value::List(items) => items.iter().map(cost).sum(),
        Value::Map(entries) => entries.iter().map(|entry| entry.key.len() + cost(&entry.value)).sum(),
    };
    size_of::<Node>() + inside
}

/// Deeper than any configuration, shallow enough to walk with recursion.
const MAX_DEPTH: usize = 64;
/// Bytes that all copies behind aliases may take.
const MAX_COPIES: usize = 32 << 20;
/// Paths are made of keys; an identifier has up to 1088 characters.
const MAX_KEY: usize = 4400;
/// Keys with `::` in one map.
const MAX_NESTING: usize = 1000;
const MERGE: &str = "<<";
const NESTING: &str = "::";
