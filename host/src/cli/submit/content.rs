//! What a file has: JSON, a table or JSON lines. Each becomes requests of its own kind, so that the server reads them as if the
//! file had been sent whole.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use bulkhead::harmless_text::one_line;
use bulkhead::import::{CsvOptions, CutTable, ImportError, decode, json_lines, without_own_members};
use encoding_rs::{Encoding, UTF_8};
use serde::Deserialize;
use serde_json::Value;

use super::error::SubmitError;
use super::kind::Format;
use super::lines::LineIndex;
use crate::cli::contact_file::{self, Contacts, Entry};

/// Characters that are shown of a key, an e-mail address, a row or a line.
const MAX_SHOWN_CHARS: usize = 80;

/// Columns of contacts that a server exported, which no other program makes by chance.
const EXPORTED: [&str; 3] = ["id", "dateAdded", "dateModified"];

/// The contacts of a file.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Json(Contacts<'a>),
    Table(CutTable<'a>, LineIndex<'a>),
    Lines(Vec<&'a str>, LineIndex<'a>),
}

/// Returns the text of a file that has these bytes. `charset` is for tables and JSON lines.
pub(super) fn text<'a>(
    file: &Path,
    bytes: &'a [u8],
    format: Format,
    charset: Option<&str>,
) -> Result<Cow<'a, str>, SubmitError> {
    if format == Format::Json {
        return Ok(Cow::Borrowed(contact_file::text(file, bytes)?));
    }
    decode(bytes, charset).map_err(|error| unreadable(file, error))
}

/// Returns whether Excel needs a byte order mark to read a file of failures as it read this file: the file had a mark, or was
/// written in another charset than UTF-8.
pub(super) fn wants_mark(bytes: &[u8], text: &str, charset: Option<&str>) -> bool {
    let is_utf8 = |name: &str| Encoding::for_label(name.trim().as_bytes()) == Some(UTF_8);
    bytes != text.as_bytes() || charset.is_some_and(|name| !is_utf8(name))
}

fn unreadable(file: &Path, source: ImportError) -> SubmitError {
    SubmitError::Import { file: contact_file::name(file), source }
}

#[derive(Deserialize)]
struct Addressed {
    email: Option<Value>,
}

impl<'a> Content<'a> {
    /// Finds the contacts in the text of a file. `table` says how a table is read.
    pub(super) fn parse(file: &Path, text: &'a str, format: Format, table: &CsvOptions) -> Result<Self, SubmitError> {
        let unreadable = |error| unreadable(file, error);
        Ok(match format {
            Format::Json => Self::Json(Contacts::parse(file, text)?),
            Format::Csv => Self::Table(CutTable::cut(text, table).map_err(unreadable)?, LineIndex::of_table(text)),
            Format::Ndjson => {
                let lines = json_lines(text).collect::<Result<_, _>>().map_err(unreadable)?;
                Self::Lines(lines, LineIndex::of_json_lines(text))
            }
        })
    }

    /// Returns the number of contacts.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(contacts) => contacts.len(),
            Self::Table(table, _) => table.rows.len(),
            Self::Lines(lines, _) => lines.len(),
        }
    }

    /// Returns whether the contacts are a table such as a server makes of the contacts that it has.
    pub(super) fn is_exported(&self) -> bool {
        match self {
            Self::Table(table, _) => EXPORTED.iter().all(|name| table.columns.iter().any(|column| column == name)),
            Self::Json(_) | Self::Lines(..) => false,
        }
    }

    /// Returns the most bytes that a contact can take in a request, and as JSON.
    pub(super) fn bytes(&self, index: usize) -> usize {
        let text = |rows: &[&str]| rows.get(index).map_or(0, |row| row.len() + 1);
        match self {
            Self::Json(contacts) => contacts.entries.get(index).map_or(0, Entry::bytes),
            Self::Table(table, _) => table.growth + text(&table.rows),
            Self::Lines(lines, _) => text(lines),
        }
    }

    /// Returns the body of a request: of the file's format.
    pub(super) fn body(&self, request: Range<usize>) -> Vec<u8> {
        match self {
            Self::Json(contacts) => contacts.body(contacts.entries.get(request).unwrap_or_default()),
            Self::Table(table, _) => table.part(table.rows.get(request).unwrap_or_default()).into_bytes(),
            Self::Lines(lines, _) => {
                lines.get(request).unwrap_or_default().iter().flat_map(|line| [*line, "\n"]).collect::<String>().into()
            }
        }
    }

    /// Returns the value of `Content-Type` for the body of a request.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Table(..) => "text/csv; charset=utf-8",
            Self::Lines(..) => "application/x-ndjson",
        }
    }

    /// Returns the value of `Accept` with which the contacts that failed come as they were sent.
    pub(super) fn failures_type(&self) -> &'static str {
        match self {
            Self::Table(..) => "text/csv",
            Self::Json(_) | Self::Lines(..) => "application/x-ndjson",
        }
    }

    /// Returns what separates the cells, if the contacts are a table.
    pub(super) fn delimiter(&self) -> Option<u8> {
        match self {
            Self::Table(table, _) => Some(table.delimiter),
            Self::Json(_) | Self::Lines(..) => None,
        }
    }

    /// Says which contact has an index, for people: its place, counted from 0, its key and its e-mail address; or its line in the
    /// file, and the beginning of its row, without what a file of failures says of an earlier attempt.
    pub(super) fn shown(&self, index: usize) -> Option<String> {
        let row = |row: &str, line: Option<usize>, sent: &str| {
            Some(format!("line {} {}", line?, one_line(if sent.is_empty() { row } else { sent }, MAX_SHOWN_CHARS)))
        };
        match self {
            Self::Json(contacts) => contacts.entries.get(index).map(|entry| format!("#{index}{}", shown(entry))),
            Self::Table(table, lines) => {
                let found = table.rows.get(index)?;
                row(found, lines.line_of(found), &table.as_it_was_sent(found))
            }
            Self::Lines(rows, lines) => {
                let found = rows.get(index)?;
                row(found, lines.line_of(found), &without_own_members(found))
            }
        }
    }

    /// Refuses a table without contacts whose header is one by all appearances.
    ///
    /// # Errors
    /// If a column has the name of an address.
    pub(super) fn check_header(&self, file: &Path) -> Result<(), SubmitError> {
        match self {
            Self::Table(table, _) => table.check_header().map_err(|error| unreadable(file, error)),
            Self::Json(_) | Self::Lines(..) => Ok(()),
        }
    }
}

/// Returns the key and the e-mail address of a contact, each behind a blank.
fn shown(entry: &Entry<'_>) -> String {
    let mut shown = String::new();
    if let Some(key) = &entry.key {
        shown.push_str(&format!(" key {}", one_line(key, MAX_SHOWN_CHARS)));
    }
    let sent = serde_json::from_str::<Addressed>(entry.json).ok();
    if let Some(Value::String(email)) = sent.and_then(|contact| contact.email) {
        shown.push_str(&format!(" {}", one_line(&email, MAX_SHOWN_CHARS)));
    }
    shown
}

impl Entry<'_> {
    /// Returns the most bytes that the contact can take in a request; a byte of a key takes up to six.
    fn bytes(&self) -> usize {
        self.json.len() + 1 + self.key.as_ref().map_or(0, |key| 6 * key.len() + 3)
    }
}

impl Contacts<'_> {
    /// Returns the body of a request: a list or an object, like the file.
    fn body(&self, request: &[Entry<'_>]) -> Vec<u8> {
        let mut body = String::with_capacity(2 + request.iter().map(Entry::bytes).sum::<usize>());
        body.push(if self.is_keyed { '{' } else { '[' });
        for (place, entry) in request.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            if let Some(key) = &entry.key {
                body.push_str(&Value::from(key.as_str()).to_string());
                body.push(':');
            }
            body.push_str(entry.json);
        }
        body.push(if self.is_keyed { '}' } else { ']' });
        body.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bulkhead::import::CsvOptions;

    use super::{Content, Format, text, wants_mark};

    #[test]
    fn a_contact_is_shown_by_what_people_know_of_it() {
        let long = format!("a\n\"\u{1b}{}\"", "x".repeat(100));
        for (format, text, expected) in [
            (Format::Json, r#"{"k":{"email":"a@b.co"}}"#, "#0 key k a@b.co".to_owned()),
            (Format::Json, "[7]", "#0".to_owned()),
            (Format::Csv, "a;b\n1;2", "line 2 1;2".to_owned()),
            (Format::Csv, "sep=;\r\n\r\na;\"b\nc\"\r\n;\r\n1;2", "line 6 1;2".to_owned()),
            (Format::Csv, &long, format!("line 2 \"\u{fffd}{}…", "x".repeat(78))),
            (Format::Csv, "a;b;bulkhead:errors\n1;2;\"no; no\"", "line 2 1;2".to_owned()),
            (Format::Ndjson, r#"{"a":1,"bulkhead:status":400,"bulkhead:errors":"no"}"#, r#"line 1 {"a":1}"#.to_owned()),
            (Format::Ndjson, "\r\n {\"a\":\r1}\n", "line 2 {\"a\":\u{fffd}1}".to_owned()),
        ] {
            let content = Content::parse(Path::new("-"), text, format, &CsvOptions::default()).unwrap();
            assert_eq!(content.shown(0), Some(expected), "{text}");
            assert_eq!(content.shown(1), None);
        }
    }

    #[test]
    fn a_mark_is_wanted_where_the_file_was_not_plain_utf8() {
        let utf16: Vec<u8> = "\u{feff}a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, charset, expected) in [
            ("a\nü".as_bytes(), None, false),
            ("a\nü".as_bytes(), Some(" UTF8"), false),
            ("\u{feff}a\n".as_bytes(), None, true),
            (b"a\n\xfc", Some("latin1"), true),
            (b"a\n", Some("windows-1252"), true),
            (&utf16, None, true),
        ] {
            let decoded = text(Path::new("-"), bytes, Format::Csv, charset).unwrap();
            assert_eq!(wants_mark(bytes, &decoded, charset), expected, "{bytes:?} {charset:?}");
        }
    }
}
