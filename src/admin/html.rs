//! Writes HTML that cannot be broken out of: text and attribute values are escaped by whoever writes them, here.
//!
//! A crate for it would be a procedural macro; the pages need elements, attributes and text.

use std::fmt::{Display, Write};

/// A piece of a page as it grows.
#[derive(Debug, Default)]
pub(super) struct Html(String);

/// The attributes of an element: names are the program's own, values may be anybody's.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// The element `name` around what `inside` writes.
    pub(super) fn element(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Html)) {
        self.open(name, attributes);
        inside(self);
        self.raw("</").raw(name).raw(">");
    }

    /// The element `name` around `text`.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: impl Display) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// An element that has no end, such as `meta`.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
    }

    /// Text, whatever is in it.
    pub(super) fn text(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// Style, script or the doctype: the program's own text, written as it is.
    pub(super) fn raw(&mut self, text: &'static str) -> &mut Html {
        self.0.push_str(text);
        self
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.raw("<").raw(name);
        for (name, value) in attributes {
            self.raw(" ").raw(name).raw("=\"");
            self.text(value);
            self.raw("\"");
        }
        self.raw(">");
    }
}

/// Replaces every character that means something in text or in a quoted attribute.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Those that change the direction of what follows, or are no characters of a page.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.push('\u{fffd}'),
                control if control.is_control() && !control.is_whitespace() => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_text_or_attributes() {
        let mut html = Html::default();
        html.leaf("p", &[("title", "\"><script>alert(1)</script>")], "<img src=x onerror='alert(1)'> & \u{202e}\0");
        assert_eq!(
            html.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\
             &lt;img src=x onerror=&#39;alert(1)&#39;&gt; &amp; \u{fffd}\u{fffd}</p>"
        );
    }
}
