//! The one place that bounds log lines. Whatever a guest, a client or a file does, a line has at most [`MAX_LINE_BYTES`], and
//! no character that a terminal obeys.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::printable::{Printable, escape_json};

/// Bytes of a line of the log. A line that would be longer is cut, and says so.
pub(super) const MAX_LINE_BYTES: usize = 16 << 10;
/// Bytes that the mark of a cut line takes at most.
const MARK_BYTES: usize = 64;
/// Bytes to which the texts of a JSON line are cut, until the line fits.
const TEXT_BYTES: [usize; 5] = [4 << 10, 1 << 10, 256, 64, 16];

/// Writes each line to standard error.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lines {
    /// Text, in which the formatter colours words if `coloured`.
    Text {
        /// Whether there are colours.
        coloured: bool,
    },
    /// JSON.
    Json,
}

impl Lines {
    /// Returns what is written for a line of the formatter.
    fn bounded(self, line: &str) -> String {
        let line = line.strip_suffix('\n').unwrap_or(line);
        match self {
            Self::Text { coloured } => bounded_text(line, coloured),
            Self::Json => bounded_json(line),
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Lines {
    /// Writes a line. The formatter passes each line whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut text = self.bounded(&String::from_utf8_lossy(line));
        text.push('\n');
        io::stderr().lock().write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn bounded_text(line: &str, coloured: bool) -> String {
    // Escaping makes a line longer, so it need not be done for what is cut in any case.
    let (start, rest) = line.split_at(line.floor_char_boundary(MAX_LINE_BYTES));
    let mut text = if coloured { with_colours(start) } else { Printable::log_entry(start).to_string() };
    if rest.is_empty() && text.len() <= MAX_LINE_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(MAX_LINE_BYTES - MARK_BYTES);
    let dropped = text.split_off(end).len() + rest.len();
    let no_colour = if coloured { "\u{1b}[0m" } else { "" };
    text.push_str(&format!("{no_colour}… ({dropped} bytes cut)"));
    text
}

/// Escapes a line, except for the colours of the formatter, which itself escapes those in what it formats.
fn with_colours(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(place) = rest.find("\u{1b}[") {
        let (before, from_escape) = rest.split_at(place);
        text.push_str(&Printable::log_entry(before).to_string());
        let parameters = |letter: char| letter.is_ascii_digit() || letter == ';';
        let end = from_escape.char_indices().skip(2).find(|(_, letter)| !parameters(*letter));
        let length = match end {
            Some((end, 'm')) => end + 1,
            _ => 0,
        };
        let (colour, after) = from_escape.split_at(length);
        text.push_str(colour);
        let (escape, after) = after.split_at(if length == 0 { 1 } else { 0 });
        text.push_str(&Printable::log_entry(escape).to_string());
        rest = after;
    }
    text.push_str(&Printable::log_entry(rest).to_string());
    text
}

fn bounded_json(line: &str) -> String {
    let escaped = escape_json(line.to_owned());
    if escaped.len() <= MAX_LINE_BYTES {
        return escaped;
    }
    let whole: Value = serde_json::from_str(line).unwrap_or_default();
    let cut = TEXT_BYTES.iter().find_map(|limit| {
        let mut entry = shortened(&whole, *limit);
        entry.as_object_mut()?.insert(String::from("cut"), json!(line.len()));
        Some(escape_json(entry.to_string())).filter(|text| text.len() <= MAX_LINE_BYTES)
    });
    cut.unwrap_or_else(|| barest(&whole, line.len()))
}

/// Returns a value with each text cut to `limit` bytes.
fn shortened(value: &Value, limit: usize) -> Value {
    match value {
        Value::String(text) if text.len() > limit => {
            let (start, _) = text.split_at(text.floor_char_boundary(limit));
            Value::String(format!("{start}…"))
        }
        Value::Array(values) => values.iter().map(|value| shortened(value, limit)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), shortened(value, limit))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Returns a line that says what was logged, without its fields: so many fields that they do not fit are a fault of this
/// program or of a library.
fn barest(entry: &Value, length: usize) -> String {
    let text = |path: &str| entry.pointer(path).map_or(Value::Null, |value| shortened(value, 256));
    let [timestamp, level, target, event] = ["/timestamp", "/level", "/target", "/fields/event"].map(text);
    json!({"timestamp": timestamp, "level": level, "fields": {"event": event}, "target": target, "cut": length})
        .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Lines, MAX_LINE_BYTES};

    const TEXT: Lines = Lines::Text { coloured: false };
    const COLOURED: Lines = Lines::Text { coloured: true };

    #[test]
    fn short_lines_are_written_as_they_are() {
        for lines in [TEXT, COLOURED, Lines::Json] {
            assert_eq!(lines.bounded("{\"level\":\"INFO\",\"fields\":{}}\n"), "{\"level\":\"INFO\",\"fields\":{}}");
        }
        let coloured = "\u{1b}[2m12:00\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m text";
        assert_eq!(COLOURED.bounded(coloured), coloured);
    }

    #[test]
    fn no_text_of_others_reaches_the_terminal_raw() {
        let forged = "said a\n12:00 ERROR forged\u{1b}]0;x\u{7}\u{9b}31m";
        let shown = "said a\n    | 12:00 ERROR forged\\u{1b}]0;x\\u{7}\\u{9b}31m";
        assert_eq!(TEXT.bounded(forged), shown);
        assert_eq!(COLOURED.bounded(forged), shown);
        assert_eq!(COLOURED.bounded("\u{1b}[2J\u{1b}[1mbold\u{1b}["), "\\u{1b}[2J\u{1b}[1mbold\\u{1b}[");
        assert_eq!(Lines::Json.bounded("{\"a\":\"\u{9b}\u{202e}\"}"), r#"{"a":"\u009b\u202e"}"#);
    }

    #[test]
    fn long_lines_are_cut_and_say_so() {
        for length in [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 8 << 20] {
            for letter in ["x", "ä", "\u{1b}", "\n"] {
                let line = letter.repeat(length / letter.len());
                for lines in [TEXT, COLOURED] {
                    let shown = lines.bounded(&line);
                    assert!(shown.len() <= MAX_LINE_BYTES, "{}", shown.len());
                    assert!(shown.len() == line.len() || shown.ends_with("bytes cut)"), "{length} {letter:?}");
                }
            }
        }
    }

    #[test]
    fn a_cut_json_line_is_json_with_its_fields() {
        let many: Vec<String> = (0..2_000).map(|number| format!("field {number}")).collect();
        for (detail, keeps) in [
            (json!("x".repeat(8 << 20)), true),
            (json!("\u{1}".repeat(20_000)), true),
            (json!({"deep": ["\u{9b}".repeat(20_000), 5]}), true),
            (json!(many), false),
        ] {
            let fields = json!({"event": "component_failed", "detail": detail, "tenant": "acme"});
            let entry = json!({"timestamp": "now", "level": "WARN", "fields": fields, "target": "t"});
            let shown = Lines::Json.bounded(&format!("{entry}\n"));
            assert!(shown.len() <= MAX_LINE_BYTES, "{}", shown.len());
            let read: Value = serde_json::from_str(&shown).unwrap();
            assert_eq!((&read["level"], &read["fields"]["event"]), (&json!("WARN"), &json!("component_failed")));
            assert_eq!(read["cut"], entry.to_string().len());
            assert_eq!(read["fields"]["tenant"] == "acme", keeps, "{shown:.300}");
        }
    }
}
