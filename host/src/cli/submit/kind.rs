//! How a file is written: what the option says, else its name, else what it begins with. What can be none of these is for the
//! user to say.

use std::path::Path;

use bulkhead::import::OtherKind;
use clap::ValueEnum;
use serde::de::IgnoredAny;

use super::error::SubmitError;
use crate::cli::contact_file;

/// What the names of compressed files end in.
const COMPRESSED: [&str; 2] = ["gz", "zst"];
/// Bytes before the text of a file: marks of its encoding, zeros of UTF-16 and blanks.
const BEFORE_TEXT: &[u8] = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A table.
    Csv,
    /// A contact as a JSON object on each line.
    Ndjson,
    /// A list of contacts, or an object of contacts under their sender's keys.
    Json,
}

impl Format {
    /// Returns how messages call files of this format.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Csv => "a table",
            Self::Ndjson => "JSON lines",
            Self::Json => "JSON",
        }
    }
}

/// How a file is written, as the option says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatOption {
    /// A table whose first row names its columns.
    Csv,
    /// A table whose cells are separated by tabs.
    Tsv,
    /// A contact as a JSON object on each line.
    Ndjson,
    /// A list of contacts, or an object of contacts under your own keys.
    Json,
}

/// How a file is written, and what separates the cells of a table if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) format: Format,
    pub(super) delimiter: Option<u8>,
}

impl From<Format> for Kind {
    fn from(format: Format) -> Self {
        Self { format, delimiter: None }
    }
}

impl From<FormatOption> for Kind {
    fn from(option: FormatOption) -> Self {
        match option {
            FormatOption::Csv => Format::Csv.into(),
            FormatOption::Tsv => Self { format: Format::Csv, delimiter: Some(b'\t') },
            FormatOption::Ndjson => Format::Ndjson.into(),
            FormatOption::Json => Format::Json.into(),
        }
    }
}

impl Kind {
    /// Returns how a file is written that has these bytes, inflated.
    ///
    /// # Errors
    /// If it is no text, or nothing says how it is written.
    pub(super) fn find(option: Option<FormatOption>, file: &Path, bytes: &[u8]) -> Result<Self, SubmitError> {
        if let Some(kind) = other_kind(file, bytes, option.is_none()) {
            return Err(SubmitError::NotText { file: contact_file::name(file), kind });
        }
        let said = option.map(Self::from).or_else(|| Self::of_name(file)).or_else(|| of_content(bytes).map(Self::from));
        said.ok_or_else(|| SubmitError::UnknownFormat(contact_file::name(file)))
    }

    /// Returns what the name of a file tells, also if the name says that the file is compressed.
    pub(super) fn of_name(file: &Path) -> Option<Self> {
        let last = extension(file)?;
        if COMPRESSED.contains(&last.as_str()) {
            return Self::of_extension(&extension(Path::new(file.file_stem()?))?);
        }
        Self::of_extension(&last)
    }

    /// Returns what an extension tells, in small letters.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "csv" => Format::Csv.into(),
            "tsv" | "tab" => FormatOption::Tsv.into(),
            "ndjson" | "jsonl" => Format::Ndjson.into(),
            "json" => Format::Json.into(),
            _ => return None,
        })
    }
}

/// Returns the extension of a file's name, in small letters.
pub(super) fn extension(file: &Path) -> Option<String> {
    file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
}

/// Returns what the beginning of a file tells: JSON begins with a bracket or a brace. Any other text may be a table, and what
/// separates its cells would be guessed.
fn of_content(bytes: &[u8]) -> Option<Format> {
    let begin = bytes.iter().position(|byte| !BEFORE_TEXT.contains(byte));
    // Of an empty file, the reader of JSON says that it is empty.
    let Some(text) = begin.and_then(|begin| bytes.get(begin..)) else { return Some(Format::Json) };
    match text.first() {
        Some(b'[') => Some(Format::Json),
        Some(b'{') => Some(if has_objects_by_line(text) { Format::Ndjson } else { Format::Json }),
        _ => None,
    }
}

/// Returns whether a text has a whole value in its first line, and more lines. As one JSON text, that could not be read.
fn has_objects_by_line(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    text.split_at_checked(end).is_some_and(|(first, rest)| {
        !rest.trim_ascii().is_empty() && serde_json::from_slice::<IgnoredAny>(first).is_ok()
    })
}

/// Returns what a file is if it is no text: by its bytes, and then by its name, if the name may decide.
fn other_kind(file: &Path, bytes: &[u8], name_counts: bool) -> Option<OtherKind> {
    let of_name = || extension(file).as_deref().and_then(OtherKind::of_extension);
    match OtherKind::of_bytes(bytes) {
        Some(OtherKind::Zip) => of_name().or(Some(OtherKind::Zip)),
        None if name_counts => of_name(),
        of_bytes => of_bytes,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bulkhead::import::OtherKind;

    use super::{Format, FormatOption, Kind, other_kind};

    #[test]
    fn a_files_name_tells_its_format() {
        let tabs = Kind { format: Format::Csv, delimiter: Some(b'\t') };
        for (name, expected) in [
            ("a.csv", Some(Format::Csv.into())),
            ("a.CSV.gz", Some(Format::Csv.into())),
            ("x/a.b.tsv.zst", Some(tabs)),
            ("a.jsonl", Some(Format::Ndjson.into())),
            ("a.ndjson.gz", Some(Format::Ndjson.into())),
            ("a.json", Some(Format::Json.into())),
            ("a.json.gz", Some(Format::Json.into())),
            ("csv", None),
            ("a.gz", None),
            ("a.txt", None),
            ("-", None),
        ] {
            assert_eq!(Kind::of_name(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_text_is_named_by_its_bytes_and_then_by_its_name() {
        for (name, bytes, expected) in [
            ("a.csv", &b"%PDF-1.7"[..], Some(OtherKind::Pdf)),
            ("a.csv", b"PK\x03\x04 xl/workbook.xml", Some(OtherKind::Xlsx)),
            ("a.csv", b"PK\x03\x04", Some(OtherKind::Zip)),
            ("a.NUMBERS", b"PK\x03\x04", Some(OtherKind::Numbers)),
            ("a.xls", b"email\ta\n", Some(OtherKind::Xls)),
            ("a.pdf", b"", Some(OtherKind::Pdf)),
            ("a.csv", b"PK,email\n", None),
            ("a.json", b"[]", None),
        ] {
            assert_eq!(other_kind(Path::new(name), bytes, true), expected, "{name}");
        }
        // Who says how a file is written knows better than its name, but not than its bytes.
        assert_eq!(other_kind(Path::new("a.xls"), b"email\ta\n", false), None);
        assert_eq!(other_kind(Path::new("a.xls"), b"%PDF-", false), Some(OtherKind::Pdf));
    }

    #[test]
    fn the_option_counts_before_the_name_and_the_name_before_the_content() {
        for (option, name, bytes, expected) in [
            (Some(FormatOption::Csv), "a.json", &b"[]"[..], Some(Format::Csv)),
            (None, "a.csv", b"[1]", Some(Format::Csv)),
            (None, "-", b"\xef\xbb\xbf [1]", Some(Format::Json)),
            (None, "-", b"\xff\xfe[\0]\0", Some(Format::Json)),
            (None, "-", b"{\"a\":{}}", Some(Format::Json)),
            (None, "-", b"{\"a\":\n{}}", Some(Format::Json)),
            (None, "-", b"{\"a\":1}\r\n\r\n", Some(Format::Json)),
            (None, "-", b"\n{\"a\":1}\r\n{\"a\":2}", Some(Format::Ndjson)),
            (None, "list.txt", b"{\"a\":1}\n{\"a", Some(Format::Ndjson)),
            (None, "-", b" \n", Some(Format::Json)),
            (None, "-", b"", Some(Format::Json)),
            (None, "-", b"email\na@b.co\n", None),
            (None, "list.txt", b"7", None),
        ] {
            let found = Kind::find(option, Path::new(name), bytes).ok().map(|kind| kind.format);
            assert_eq!(found, expected, "{name} {}", String::from_utf8_lossy(bytes));
        }
        let said = Kind::find(None, Path::new("list.txt"), b"email\n").unwrap_err().to_string();
        assert!(said.starts_with("list.txt ") && said.contains("--format csv"), "{said}");
    }
}
