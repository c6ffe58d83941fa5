//! A place in a line of a scraped page, and what is read from there.

use super::exposition::short;

/// What is left of a line.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Cursor<'a> {
        Cursor { rest: line }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Up to the next blank.
    pub(super) fn word(&mut self) -> &'a str {
        self.until(|c| c == ' ' || c == '\t')
    }

    /// A classic name, which may be empty.
    pub(super) fn name(&mut self) -> &'a str {
        self.until(|c| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
    }

    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let (word, rest) = self.rest.split_at(self.rest.find(stop).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// Exactly `c`.
    pub(super) fn skip(&mut self, c: char) -> Result<(), String> {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(format!("expected '{c}', found {:?}", short(self.rest))),
        }
    }

    /// A text in quotes.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        self.skip('"')?;
        let (mut text, mut escaped) = (String::new(), false);
        for (at, c) in self.rest.char_indices() {
            match (escaped, c) {
                (false, '"') => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (true, 'n') => text.push('\n'),
                (true, '\\' | '"') => text.push(c),
                (true, c) => text.extend(['\\', c]),
                (false, c) => text.push(c),
            }
            escaped = false;
        }
        Err("a text has no end".to_owned())
    }

    /// Labels in braces; answers the name of the metric, where that is among them.
    pub(super) fn labels(&mut self, labels: &mut Vec<(String, String)>) -> Result<Option<String>, String> {
        let mut metric = None;
        self.skip('{')?;
        loop {
            self.blanks();
            if self.peek() == Some('}') {
                break;
            }
            let is_quoted = self.peek() == Some('"');
            let name = if is_quoted { self.quoted()? } else { self.name().to_owned() };
            self.blanks();
            if is_quoted && matches!(self.peek(), Some(',' | '}')) {
                if metric.replace(name).is_some() {
                    return Err("a second name of the metric".to_owned());
                }
            } else {
                if name.is_empty() {
                    return Err(format!("expected the name of a label, found {:?}", short(self.rest)));
                }
                self.skip('=')?;
                self.blanks();
                labels.push((name, self.quoted()?));
                self.blanks();
            }
            if self.peek() == Some(',') {
                self.skip(',')?;
            } else {
                break;
            }
        }
        self.skip('}')?;
        Ok(metric)
    }

    /// A number, behind blanks.
    pub(super) fn number(&mut self) -> Result<f64, String> {
        self.blanks();
        let word = self.word();
        // Rust takes more words for numbers than Prometheus, none of them a number in another sense.
        word.parse().map_err(|_| format!("expected a number, found {:?}", short(word)))
    }
}
