//! Text of others, made harmless for a terminal. Guests, clients, files and servers choose names and messages, and a terminal
//! obeys control characters in them: they change its title, hide text or forge lines.

use std::fmt::{self, Display, Write};

use bulkhead::harmless_text::is_unprintable;
use serde::Serialize;

/// What becomes of line breaks in a text of others.
#[derive(Debug, Clone, Copy)]
enum LineBreaks {
    /// They are shown like other control characters.
    Escaped,
    /// They are kept, and this follows each, so that no line can be taken for one of this program.
    FollowedBy(&'static str),
}

/// A text in which unprintable characters are shown as `\u{1b}`.
#[derive(Debug)]
pub(super) struct Printable<T>(T, LineBreaks);

impl<T: Display> Printable<T> {
    /// Makes one line of a text.
    pub(super) fn line(text: T) -> Self {
        Self(text, LineBreaks::Escaped)
    }

    /// Indents all lines of a text but the first.
    pub(super) fn indented(text: T) -> Self {
        Self(text, LineBreaks::FollowedBy("  "))
    }

    /// Marks all lines of a text but the first as belonging to a log entry.
    pub(super) fn log_entry(text: T) -> Self {
        Self(text, LineBreaks::FollowedBy("    | "))
    }

    /// Keeps the lines of a text as they are. Only for a text that is printed alone.
    pub(super) fn lines(text: T) -> Self {
        Self(text, LineBreaks::FollowedBy(""))
    }
}

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, line_breaks: self.1 }, "{}", self.0)
    }
}

struct Escaping<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    line_breaks: LineBreaks,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((place, letter)) = rest.char_indices().find(|(_, letter)| is_unprintable(*letter)) {
            let (harmless, from_letter) = rest.split_at(place);
            self.out.write_str(harmless)?;
            match self.line_breaks {
                LineBreaks::FollowedBy(prefix) if letter == '\n' => {
                    self.out.write_char('\n')?;
                    self.out.write_str(prefix)?;
                }
                _ => write!(self.out, "{}", letter.escape_unicode())?,
            }
            rest = from_letter.split_at(letter.len_utf8()).1;
        }
        self.out.write_str(rest)
    }
}

/// Returns a value as JSON in one line, in which unprintable characters of strings are written as `\u009b`. The JSON means the
/// same as without that.
///
/// # Errors
/// If the value cannot be written as JSON.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escape_json(serde_json::to_string(value)?))
}

/// Returns a value as indented JSON, otherwise as [`json`].
///
/// # Errors
/// If the value cannot be written as JSON.
pub(super) fn pretty_json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escape_json(serde_json::to_string_pretty(value)?))
}

/// Writes the unprintable characters of a JSON text as escapes. Outside of strings, JSON has none but line breaks.
pub(super) fn escape_json(json: String) -> String {
    let is_unfit = |letter: char| letter != '\n' && is_unprintable(letter);
    if !json.contains(is_unfit) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        if is_unfit(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Printable, escape_json};

    #[test]
    fn unprintable_characters_are_shown() {
        for (text, shown) in [
            ("plain ä 日本\t.", "plain ä 日本\t."),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("a\rb\u{7f}\u{9b}2J", r"a\u{d}b\u{7f}\u{9b}2J"),
            ("\u{3164}\u{2800}a\u{34f}\u{e0100}", r"\u{3164}\u{2800}a\u{34f}\u{e0100}"),
            ("\u{202e}txt\u{2066}\u{200b}\u{feff}\u{e0041}", r"\u{202e}txt\u{2066}\u{200b}\u{feff}\u{e0041}"),
        ] {
            assert_eq!(Printable::line(text).to_string(), shown, "{text:?}");
            assert_eq!(Printable::lines(text).to_string(), shown, "{text:?}");
        }
    }

    #[test]
    fn line_breaks_cannot_forge_a_line() {
        assert_eq!(Printable::line("a\nb").to_string(), r"a\u{a}b");
        assert_eq!(Printable::indented("a\nb\r\nc").to_string(), "a\n  b\\u{d}\n  c");
        assert_eq!(Printable::log_entry("a\nb").to_string(), "a\n    | b");
        assert_eq!(Printable::lines("a\nb\n").to_string(), "a\nb\n");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({"k\u{9b}": "a\u{1b}\u{7f}\u{202e}\u{e0041}\n\"\\ä"});
        let escaped = escape_json(value.to_string());
        assert_eq!(escaped, r#"{"k\u009b":"a\u001b\u007f\u202e\udb40\udc41\n\"\\ä"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
