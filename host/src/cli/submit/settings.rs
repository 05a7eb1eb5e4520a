//! The options that say how a file is read. What cannot be meant is refused before anything is sent.

use std::fs;
use std::path::Path;

use bulkhead::import::{ColumnMapping, CsvOptions, delimiter};
use clap::{Args, ValueEnum};
use form_urlencoded::Serializer;

use super::Operation;
use super::error::SubmitError;
use super::kind::{Format, FormatOption, Kind};
use crate::cli::contact_file;
use crate::cli::text_file::file_error;

/// Bytes of a mapping at most: a query holds no more.
const MAX_MAPPING_BYTES: usize = 16 << 10;

/// Which contacts may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Create contacts, and refuse those that exist.
    Create,
    /// Update contacts, and refuse those that do not exist.
    Update,
    /// Create contacts, or update those that exist.
    Upsert,
}

/// What a blank cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Blank {
    /// The field keeps its value.
    Keep,
    /// The field is cleared.
    Clear,
}

/// Whether a table has a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Header {
    /// The first row has the names of the columns.
    Present,
    /// The first row is a contact; --mapping names the columns by their numbers.
    Absent,
}

/// How a file is read.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// How the file is written. Without it, its name says so: .csv, .tsv, .ndjson, .jsonl or .json, with .gz or .zst behind it if
    /// it is compressed; else it must begin like JSON or JSON lines.
    #[arg(long, value_enum)]
    format: Option<FormatOption>,
    /// Which contacts may be written: with `create`, none that exist; with `update`, none that do not. Default: upsert.
    #[arg(long, value_enum)]
    pub(super) mode: Option<Mode>,
    /// Which column of a table becomes which field, as a JSON object such as {"Your column":"email"}, or @FILE with one. Without
    /// it, the columns' names decide.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(super) mapping: Option<String>,
    /// What separates the cells of a table: a sign, or comma, semicolon, tab or pipe. Without it, what the header has.
    #[arg(long, value_name = "SIGN", value_parser = sign)]
    delimiter: Option<u8>,
    /// The charset of a table or of JSON lines, such as windows-1252. Without it, UTF-8, or UTF-16 with a byte order mark.
    #[arg(long, value_name = "NAME")]
    charset: Option<String>,
    /// Whether a blank cell of a table clears the field. Default: keep.
    #[arg(long, value_enum)]
    pub(super) blank: Option<Blank>,
    /// Whether the first row of a table has the names of the columns. Default: present.
    #[arg(long, value_enum)]
    header: Option<Header>,
}

fn sign(text: &str) -> Result<u8, &'static str> {
    delimiter(text).ok_or("this must be one sign such as , ; or |, or one of comma, semicolon, tab and pipe")
}

/// How one file is read, here and by the server.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) charset: Option<String>,
    pub(super) table: CsvOptions,
    /// The query of each request.
    pub(super) query: String,
}

impl Settings {
    /// Has the server store nothing, and show what would change.
    #[must_use]
    pub(super) fn for_dry_run(mut self, is_dry_run: bool, shows_changes: bool) -> Self {
        for (name, _) in [("dryRun", is_dry_run), ("diff", shows_changes)].into_iter().filter(|(_, is_on)| *is_on) {
            let joint = if self.query.is_empty() { "" } else { "&" };
            self.query.push_str(&format!("{joint}{name}=1"));
        }
        self
    }
}

impl FileArgs {
    /// Returns how a file is read that has these bytes.
    pub(super) fn settings(&self, file: &Path, bytes: &[u8], operation: Operation) -> Result<Settings, SubmitError> {
        let Kind { format, delimiter } = Kind::find(self.format, file, bytes)?;
        self.check(file, format, operation)?;
        let mapping = self.mapping.as_deref().map(mapping_text).transpose()?;
        let has_no_header = self.header == Some(Header::Absent);
        let blank_clears = self.blank == Some(Blank::Clear);
        let parsed = mapping.as_deref().map(ColumnMapping::parse).transpose();
        let mut query = Serializer::new(String::new());
        if let Some(mode) = self.mode.and_then(|mode| mode.to_possible_value()) {
            query.append_pair("mode", mode.get_name());
        }
        if let Some(mapping) = &mapping {
            query.append_pair("mapping", mapping);
        }
        if has_no_header {
            query.append_pair("header", "absent");
        }
        if blank_clears {
            query.append_pair("blank", "clear");
        }
        Ok(Settings {
            format,
            charset: self.charset.clone(),
            table: CsvOptions {
                delimiter: self.delimiter.or(delimiter),
                has_no_header,
                mapping: parsed.map_err(|error| SubmitError::Setting(format!("--mapping: {error}")))?,
                blank_clears,
            },
            query: query.finish(),
        })
    }

    /// Adds the options that say how the file is written.
    pub(super) fn add_form(&self, mut add: impl FnMut(&str, &str)) {
        if let Some(format) = self.format.and_then(|format| format.to_possible_value()) {
            add("--format", format.get_name());
        }
        if let Some(charset) = &self.charset {
            add("--charset", charset);
        }
        if let Some(delimiter) = self.delimiter {
            let sign = char::from(delimiter).to_string();
            add("--delimiter", if sign == "\t" { "tab" } else { &sign });
        }
        if let Some(header) = self.header.and_then(|header| header.to_possible_value()) {
            add("--header", header.get_name());
        }
    }

    /// Refuses options that mean nothing for a file.
    fn check(&self, file: &Path, format: Format, operation: Operation) -> Result<(), SubmitError> {
        let of_tables = [
            ("--mapping", self.mapping.is_some()),
            ("--delimiter", self.delimiter.is_some()),
            ("--blank", self.blank.is_some()),
            ("--header", self.header.is_some()),
        ];
        let name = contact_file::name(file);
        if let Some((option, _)) = of_tables.into_iter().find(|(_, is_given)| *is_given && format != Format::Csv) {
            return Err(SubmitError::Setting(format!(
                "{option} is for tables, and {name} is read as {}. Give --format csv, or leave {option} out.",
                format.noun()
            )));
        }
        if self.charset.is_some() && format == Format::Json {
            return Err(SubmitError::Setting(format!(
                "--charset is for tables and JSON lines, and {name} is read as JSON, which is UTF-8. Give --format csv or --format ndjson, or leave --charset out."
            )));
        }
        if self.mode.is_some_and(|mode| mode != Mode::Upsert) && operation != Operation::Create {
            return Err(SubmitError::Setting(
                "--mode is for new contacts: --operation replace and update name each contact by its id. Leave one of the two out."
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// Returns a mapping that was given itself, or as a file.
fn mapping_text(given: &str) -> Result<String, SubmitError> {
    let text = match given.strip_prefix('@').map(Path::new) {
        Some(file) => fs::read_to_string(file)
            .map_err(|error| SubmitError::Setting(format!("--mapping: {}", file_error(file, &error))))?,
        None => given.to_owned(),
    };
    if text.len() > MAX_MAPPING_BYTES {
        return Err(SubmitError::Setting(format!(
            "--mapping: the mapping has {} bytes; at most {MAX_MAPPING_BYTES} are taken. Name the columns in the file's header as their fields instead.",
            text.len()
        )));
    }
    // Line breaks between the parts of the object would only make the query longer.
    Ok(text.trim().to_owned())
}
