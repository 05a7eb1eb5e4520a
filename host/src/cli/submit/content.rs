//! What a file has: JSON, a table or JSON lines. Each becomes requests of its own kind, so that the server reads them as if the
//! file had been sent whole.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use bulkhead::import::{CsvOptions, CutTable, ImportError, decode, json_lines};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::Value;

use super::answer::one_line;
use super::error::SubmitError;
use crate::cli::contact_file::{self, Contacts, Entry};

/// Characters that are shown of a key, an e-mail address, a row or a line.
const MAX_SHOWN_CHARS: usize = 80;
/// What the names of compressed files end in.
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table whose first row names its columns.
    Csv,
    /// A contact as a JSON object on each line.
    Ndjson,
    /// A list of contacts, or an object of contacts under your own keys.
    Json,
}

impl Format {
    /// Returns the format that a file's name tells, and what separates the cells if the name tells that. Other names, and standard
    /// input, are JSON.
    pub(super) fn of_name(file: &Path) -> (Self, Option<u8>) {
        let extension = |file: &Path| file.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
        let last = extension(file).unwrap_or_default();
        let inner = COMPRESSED.contains(&last.as_str()).then(|| file.file_stem().map(Path::new).and_then(extension));
        match inner.map_or(last, Option::unwrap_or_default).as_str() {
            "csv" => (Self::Csv, None),
            "tsv" | "tab" => (Self::Csv, Some(b'\t')),
            "ndjson" | "jsonl" => (Self::Ndjson, None),
            _ => (Self::Json, None),
        }
    }
}

/// The contacts of a file.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Json(Contacts<'a>),
    Table(CutTable<'a>),
    Lines(Vec<&'a str>),
}

/// Reads the text of a file. `charset` is for tables and JSON lines.
pub(super) fn text(file: &Path, format: Format, charset: Option<&str>) -> Result<String, SubmitError> {
    if format == Format::Json {
        return Ok(contact_file::read(file)?);
    }
    let bytes = contact_file::read_bytes(file)?;
    decode(&bytes, charset).map(Cow::into_owned).map_err(|error| unreadable(file, error))
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
            Format::Csv => Self::Table(CutTable::cut(text, table).map_err(unreadable)?),
            Format::Ndjson => Self::Lines(json_lines(text).collect::<Result<_, _>>().map_err(unreadable)?),
        })
    }

    /// Returns the number of contacts.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(contacts) => contacts.len(),
            Self::Table(table) => table.rows.len(),
            Self::Lines(lines) => lines.len(),
        }
    }

    /// Returns the most bytes that a contact can take in a request, and as JSON.
    pub(super) fn bytes(&self, index: usize) -> usize {
        let text = |rows: &[&str]| rows.get(index).map_or(0, |row| row.len() + 1);
        match self {
            Self::Json(contacts) => contacts.entries.get(index).map_or(0, Entry::bytes),
            Self::Table(table) => table.growth + text(&table.rows),
            Self::Lines(lines) => text(lines),
        }
    }

    /// Returns the body of a request: of the file's format.
    pub(super) fn body(&self, request: Range<usize>) -> Vec<u8> {
        match self {
            Self::Json(contacts) => contacts.body(contacts.entries.get(request).unwrap_or_default()),
            Self::Table(table) => table.part(table.rows.get(request).unwrap_or_default()).into_bytes(),
            Self::Lines(lines) => {
                lines.get(request).unwrap_or_default().iter().flat_map(|line| [*line, "\n"]).collect::<String>().into()
            }
        }
    }

    /// Returns the value of `Content-Type` for the body of a request.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Table(_) => "text/csv; charset=utf-8",
            Self::Lines(_) => "application/x-ndjson",
        }
    }

    /// Returns the value of `Accept` with which the contacts that failed come as they were sent.
    pub(super) fn failures_type(&self) -> &'static str {
        match self {
            Self::Table(_) => "text/csv",
            Self::Json(_) | Self::Lines(_) => "application/x-ndjson",
        }
    }

    /// Says which contact has an index, for people: its key and e-mail address, or the beginning of its row or line.
    pub(super) fn shown(&self, index: usize) -> Option<String> {
        let begin = |rows: &[&str]| rows.get(index).map(|row| format!(" {}", one_line(row, MAX_SHOWN_CHARS)));
        match self {
            Self::Json(contacts) => contacts.entries.get(index).map(shown),
            Self::Table(table) => begin(&table.rows),
            Self::Lines(lines) => begin(lines),
        }
    }
}

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

    use super::{Content, Format};

    #[test]
    fn a_files_name_tells_its_format() {
        for (name, expected) in [
            ("a.csv", (Format::Csv, None)),
            ("a.CSV.gz", (Format::Csv, None)),
            ("x/a.b.tsv.zst", (Format::Csv, Some(b'\t'))),
            ("a.jsonl", (Format::Ndjson, None)),
            ("a.ndjson.gz", (Format::Ndjson, None)),
            ("a.json", (Format::Json, None)),
            ("a.json.gz", (Format::Json, None)),
            ("csv", (Format::Json, None)),
            ("a.gz", (Format::Json, None)),
            ("-", (Format::Json, None)),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_contact_is_shown_by_what_people_know_of_it() {
        let long = format!("a\n\"\u{1b}{}\"", "x".repeat(100));
        for (format, text, expected) in [
            (Format::Json, r#"{"k":{"email":"a@b.co"}}"#, " key k a@b.co".to_owned()),
            (Format::Json, "[7]", String::new()),
            (Format::Csv, "a;b\n1;2", " 1;2".to_owned()),
            (Format::Csv, &long, format!(" \"\u{fffd}{}…", "x".repeat(78))),
            (Format::Ndjson, "{\"a\":1}\n", " {\"a\":1}".to_owned()),
        ] {
            let content = Content::parse(Path::new("-"), text, format, &CsvOptions::default()).unwrap();
            assert_eq!(content.shown(0), Some(expected), "{text}");
            assert_eq!(content.shown(1), None);
        }
    }
}
