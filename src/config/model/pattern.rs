//! A regular expression of the configuration, in RE2's syntax, which is linear in the text that it is matched with.

use regex::Regex;

/// A regular expression that is known to be one.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    /// One that may match anywhere in a text.
    ///
    /// # Errors
    /// What is wrong with it, on one line.
    pub fn part(text: &str) -> Result<Pattern, String> {
        match Regex::new(text) {
            Ok(regex) => Ok(Pattern(regex)),
            Err(error) => {
                // The last line says what is wrong; those before it draw where.
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default().trim();
                Err(last.trim_start_matches("error: ").to_owned())
            }
        }
    }

    /// One that has to match all of a text, as Prometheus has it.
    ///
    /// # Errors
    /// What is wrong with it, on one line.
    pub fn whole(text: &str) -> Result<Pattern, String> {
        // By itself it may be no expression where it is one between parentheses.
        Pattern::part(text)?;
        Pattern::part(&format!("^(?s:{text})$"))
    }

    /// Whether it matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// `template` with what its groups match of `text`; nothing where it does not match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let captures = self.0.captures(text)?;
        let mut expanded = String::new();
        captures.expand(template, &mut expanded);
        Some(expanded)
    }

    /// The names of its groups, none for those without one. The first is the whole.
    pub fn groups(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.capture_names()
    }

    /// What each named group matches of `text`; nothing where it does not match.
    pub fn named<'t>(&self, text: &'t str) -> Option<Vec<(&str, &'t str)>> {
        let captures = self.0.captures(text)?;
        let named = self.0.capture_names().flatten();
        Some(named.map(|name| (name, captures.name(name).map_or("", |group| group.as_str()))).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_mistake_is_told_on_one_line() {
        let told = Pattern::part("a(b").unwrap_err();
        assert!(told.contains("unclosed group") && !told.contains('\n'), "{told}");
        assert!(Pattern::whole("a)|(b").is_err());
    }

    #[test]
    fn groups_are_told_by_name() {
        let pattern = Pattern::part("^/api/(?P<version>v[0-9]+)/(?P<rest>.*)$").unwrap();
        assert_eq!(pattern.named("/api/v1/x"), Some(vec![("version", "v1"), ("rest", "x")]));
        assert_eq!(pattern.named("/"), None);
        assert_eq!(pattern.groups().collect::<Vec<_>>(), [None, Some("version"), Some("rest")]);
    }
}
