//! How the references in one text are replaced: `${NAME}`, `${env:NAME:-default}`, `${file:path}` and the like.

use std::sync::Arc;

use crate::config::environment::Environment;
use crate::config::source::{Location, Source};
use crate::config::yaml::Value;

/// Where references lead to, and how many more may be followed.
pub(super) struct Sources<'e> {
    env: &'e dyn Environment,
    left: usize,
}

/// A text with its references replaced.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expansion {
    pub text: String,
    pub variables: Vec<Arc<str>>,
    pub unset: Vec<Arc<str>>,
    /// The names of files and pages in it.
    pub included: Vec<Arc<str>>,
    pub extent: Extent,
    /// The name of the file or page that the last reference led to.
    pub whole: Option<Arc<str>>,
    pub faults: Vec<String>,
    pub warnings: Vec<String>,
    /// Whether a reference is never closed.
    pub unclosed: bool,
}

/// How much of a text the references made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Extent {
    /// Nothing was replaced.
    #[default]
    Nothing,
    /// The whole text is one reference.
    Whole,
    /// Anything else.
    Part,
}

impl<'e> Sources<'e> {
    pub(super) fn new(env: &'e dyn Environment) -> Sources<'e> {
        Sources { env, left: MAX_FOLLOWED }
    }

    /// The text behind a reference to a file or page. A single value ends where its line ends: editors and `echo` add a
    /// line break, which no token has.
    fn follow(&mut self, location: Location<'_>) -> Result<Source, String> {
        self.left =
            self.left.checked_sub(1).ok_or(format!("more than {MAX_FOLLOWED} references to files and pages"))?;
        let mut source = location.read(self.env).map_err(|problem| problem.to_string())?;
        let line = source.text.trim_end_matches(['\n', '\r']);
        if !line.contains('\n') {
            source.text.truncate(line.len());
        }
        Ok(source)
    }
}

/// One pass from left to right: `$$` is `$`, `${` opens a reference, `}` closes the innermost one.
pub(super) fn expand_text(text: &str, sources: &mut Sources<'_>) -> Expansion {
    let mut done = Expansion::default();
    // What stands outside of references, then inside each open one.
    let mut levels = vec![String::new()];
    let mut references = 0_usize;
    let mut rest = text;
    let outside = text.strip_prefix("${").and_then(|inner| inner.strip_suffix('}'));
    while let Some(c) = rest.chars().next() {
        let mut width = c.len_utf8();
        match c {
            '$' if rest.starts_with("$$") => {
                width = 2;
                push(&mut levels, "$");
            }
            '$' if rest.starts_with("${") => {
                width = 2;
                levels.push(String::new());
            }
            '}' if 1 < levels.len() => {
                let content = levels.pop().unwrap_or_default();
                references += usize::from(levels.len() == 1);
                let is_whole = levels.len() == 1 && references == 1 && rest.len() == 1 && outside.is_some();
                let extent = if is_whole { Extent::Whole } else { Extent::Part };
                let value = done.resolve(&content, sources, extent);
                push(&mut levels, &value);
            }
            _ => push(&mut levels, &rest[..width]),
        }
        rest = &rest[width..];
    }
    done.extent = match (references, outside) {
        (0, _) => Extent::Nothing,
        (1, Some(_)) => Extent::Whole,
        _ => Extent::Part,
    };
    // What is never closed is no reference. Endpoints and headers complain of it by themselves.
    done.unclosed = 1 < levels.len();
    done.text = levels.join("${");
    done
}

fn push(levels: &mut [String], text: &str) {
    if let Some(level) = levels.last_mut() {
        level.push_str(text);
    }
}

impl Expansion {
    /// The value of the reference `${content}`, which makes up `extent` of the text; nothing when there is none.
    fn resolve(&mut self, content: &str, sources: &mut Sources<'_>, extent: Extent) -> String {
        let value = match Reference::parse(content) {
            Ok(Reference::Variable { name, default }) => Ok(self.variable(name, default, sources)),
            Ok(Reference::Colon { name, default }) => {
                let what = format!("${{{name}:…}} is taken for a variable with a default; the Collector refuses it");
                self.warnings.push(format!("{what}; write ${{env:{name}:-…}}"));
                Ok(self.variable(name, Some(default), sources))
            }
            Ok(Reference::Elsewhere(location)) => self.elsewhere(location, sources, extent),
            Err(fault) => Err(fault),
        };
        value.unwrap_or_else(|fault| {
            self.faults.push(fault);
            String::new()
        })
    }

    fn variable(&mut self, name: &str, default: Option<&str>, sources: &Sources<'_>) -> String {
        let variable: Arc<str> = name.into();
        self.variables.push(variable.clone());
        match (sources.env.var(name), default) {
            (Some(value), _) => value,
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                self.unset.push(variable);
                String::new()
            }
        }
    }

    fn elsewhere(
        &mut self,
        location: Location<'_>,
        sources: &mut Sources<'_>,
        extent: Extent,
    ) -> Result<String, String> {
        if let Location::Inline(text) = location {
            return Ok(text.to_owned());
        }
        let source = sources.follow(location)?;
        self.included.push(source.name.clone());
        if extent == Extent::Whole {
            self.whole = Some(source.name.clone());
        } else if is_collection(&source) {
            return Err(format!("{} holds a map or a list, which cannot be part of a text", source.name));
        }
        Ok(source.text)
    }
}

fn is_collection(source: &Source) -> bool {
    let root = source.document().ok().and_then(|document| document.root);
    root.is_some_and(|root| !matches!(root.value, Value::Scalar(_)))
}

enum Reference<'t> {
    Variable {
        name: &'t str,
        default: Option<&'t str>,
    },
    /// A default without its dash, as in other languages: `NAME:default`.
    Colon {
        name: &'t str,
        default: &'t str,
    },
    Elsewhere(Location<'t>),
}

impl<'t> Reference<'t> {
    /// `NAME`, `env:NAME`, either with `:-default`, or the URI of another source. The Collector takes a default only
    /// behind `env:`.
    fn parse(content: &'t str) -> Result<Reference<'t>, String> {
        let content = match content.split_once(':') {
            Some(("env", rest)) => rest,
            Some((scheme, rest)) if !rest.starts_with('-') => {
                let location = Location::with_scheme(scheme, rest, content);
                if location.is_none() && is_shouted(scheme) {
                    return Ok(Reference::Colon { name: scheme, default: rest });
                }
                return location.map(Reference::Elsewhere).ok_or_else(|| refuse_scheme(scheme, content));
            }
            _ => content,
        };
        let (name, default) = match content.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (content, None),
        };
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok(Reference::Variable { name, default });
        }
        Err(format!(
            "environment variable \"{name}\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$; \
                     write $${{ for a literal \"${{\""
        ))
    }
}

/// Whether `name` is written like variables are and schemes are not.
fn is_shouted(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn refuse_scheme(scheme: &str, content: &str) -> String {
    let meant = content.replacen(':', ":-", 1);
    format!("scheme \"{scheme}\" is not supported for uri \"{content}\"; write ${{env:{meant}}} for a default")
}

/// References to files and pages in one configuration.
const MAX_FOLLOWED: usize = 200;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;
    use std::io;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    struct Variables(HashMap<&'static str, String>);

    impl Environment for Variables {
        fn var(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }
        fn exists(&self, _: &Path) -> bool {
            false
        }
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let found = path.to_str().and_then(|path| path.strip_prefix("/f/")).and_then(|name| self.0.get(name));
            found.map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    fn variables() -> Variables {
        let pairs = [
            ("A", "alpha"),
            ("N", "5"),
            ("EMPTY", ""),
            ("WHICH", "A"),
            ("PASS", "p$$a${A}ss"),
            ("Z", "0123"),
            ("token", "t$$k\r\n"),
            ("map", "a: 1\n"),
            ("DIR", "/f"),
        ];
        Variables(pairs.map(|(name, value)| (name, value.to_owned())).into())
    }

    #[track_caller]
    fn check(text: &str, expected: &str, extent: Extent) {
        let expansion = expand_text(text, &mut Sources::new(&variables()));
        assert_eq!((expansion.text.as_str(), expansion.extent), (expected, extent), "{text}");
        assert_eq!(expansion.faults, Vec::<String>::new(), "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        let faults = expand_text(text, &mut Sources::new(&variables())).faults;
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{text}: {faults:?}");
    }

    #[test]
    fn references_follow_the_collectors_rules() {
        check("${A}", "alpha", Extent::Whole);
        check("${env:A}", "alpha", Extent::Whole);
        check("${env:NONE:-d}", "d", Extent::Whole);
        check("${NONE:-d}", "d", Extent::Whole);
        check("${NONE:./d.json}", "./d.json", Extent::Whole);
        check("${A:d}", "alpha", Extent::Whole);
        check("${env:NONE:-}", "", Extent::Whole);
        check("${env:EMPTY:-d}", "", Extent::Whole);
        check("http://${A}:${N}", "http://alpha:5", Extent::Part);
        check("${A}${A}", "alphaalpha", Extent::Part);
        check("$A and 5$", "$A and 5$", Extent::Nothing);
        check("$${A} then ${A}", "${A} then alpha", Extent::Part);
        check("$$${A}", "$alpha", Extent::Part);
        check("$$$${A}", "$${A}", Extent::Nothing);
        check("${env:${WHICH}}", "alpha", Extent::Whole);
        check("${env:NONE:-${env:A}}", "alpha", Extent::Whole);
        check("a}b", "a}b", Extent::Nothing);
        check("${A", "${A", Extent::Nothing);
        check("${x${A}", "${xalpha", Extent::Nothing);
    }

    #[test]
    fn the_value_of_a_variable_is_never_expanded_again() {
        check("${PASS}", "p$$a${A}ss", Extent::Whole);
        check("x${PASS}", "xp$$a${A}ss", Extent::Part);
    }

    #[test]
    fn a_file_is_put_in_without_its_last_line_break_and_never_expanded_again() {
        check("${file:/f/token}", "t$$k", Extent::Whole);
        check("Bearer ${file:${DIR}/token}!", "Bearer t$$k!", Extent::Part);
        check("${yaml:[a, ${N}]}", "[a, 5]", Extent::Whole);
    }

    #[test]
    fn bad_references_say_what_is_wrong() {
        check_fault("${1A}", "environment variable \"1A\" has invalid name");
        check_fault("${file:/x}", "unable to read the file /x: ");
        check_fault("a ${file:/f/map}", "/f/map holds a map or a list, which cannot be part of a text");
        check_fault("${vault:x}", "scheme \"vault\" is not supported for uri \"vault:x\"");
    }

    proptest! {
        #[test]
        fn text_without_references_is_only_unescaped(text in "[a-z{}:\\- ]{0,20}") {
            prop_assert_eq!(expand_text(&text, &mut Sources::new(&variables())).text, text.clone());
            let escaped = format!("$${text}");
            prop_assert_eq!(expand_text(&escaped, &mut Sources::new(&variables())).text, format!("${text}"));
        }

        #[test]
        fn any_value_arrives_as_it_is(value in "\\PC{0,40}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let env = Variables(HashMap::from([("V", value.clone())]));
            let text = format!("{before}${{env:V}}{after}");
            prop_assert_eq!(expand_text(&text, &mut Sources::new(&env)).text, format!("{before}{value}{after}"));
        }

        #[test]
        fn no_text_panics(text in "[${}:\\-eénvA]{0,40}") {
            let _ = expand_text(&text, &mut Sources::new(&variables()));
        }
    }
}
