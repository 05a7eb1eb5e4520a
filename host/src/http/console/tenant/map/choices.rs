//! How a person wants a file to be read, and what becomes of its rows.

use crate::domain::{Operation, WriteMode};
use crate::http::console::form::Form;
use crate::http::problem::Problem;
use crate::import::{CsvOptions, delimiter};

/// The charset that is tried for a file that is not UTF-8: that of Windows in Western Europe and America.
pub(super) const USUAL_CHARSET: &str = "windows-1252";
/// What a file can be written in, by the names that people know.
pub(super) const CHARSETS: [(&str, &str); 6] = [
    ("", "Unicode (UTF-8, UTF-16)"),
    (USUAL_CHARSET, "Western (Windows-1252, Latin-1)"),
    ("windows-1250", "Central European (Windows-1250)"),
    ("windows-1251", "Cyrillic (Windows-1251)"),
    ("macintosh", "Western (Mac Roman)"),
    ("shift_jis", "Japanese (Shift JIS)"),
];
/// What can separate cells.
pub(super) const DELIMITERS: [(&str, &str); 5] =
    [("", "found in the file"), ("comma", "comma ,"), ("semicolon", "semicolon ;"), ("tab", "tab"), ("pipe", "bar |")];
/// The choice to change contacts by their ids.
pub(super) const EDIT: &str = "edit";
/// What becomes of the rows.
pub(super) const MODES: [(&str, &str); 4] = [
    ("upsert", "Create new contacts and update those that exist"),
    ("create", "Create new contacts only; refuse rows of those that exist"),
    ("update", "Update contacts only; refuse rows of those that do not exist"),
    (EDIT, "Change contacts by their id, which a column has"),
];

/// The fields of the form that say how the file is read.
pub(super) const READING: [&str; 5] = ["charset", "delimiter", "no-header", "blank-clears", "mode"];
/// How a person wants a file to be read.
#[derive(Debug)]
pub(super) struct ReadingChoices {
    pub(super) charset: Option<String>,
    pub(super) options: CsvOptions,
    pub(super) mode: &'static str,
}

impl ReadingChoices {
    /// Reads the choices in a form.
    ///
    /// # Errors
    /// 400 if one is none that the page offers.
    pub(super) fn of_form(form: &Form) -> Result<Self, Problem> {
        let known = |list: &[(&'static str, &str)], value: &str| {
            list.iter().map(|(known, _)| *known).find(|known| *known == value).ok_or_else(|| {
                Problem::bad_request("The form has a choice that its page does not offer. Load the page again.")
            })
        };
        let charset = known(&CHARSETS, form.text("charset").unwrap_or_default())?;
        let sign = known(&DELIMITERS, form.text("delimiter").unwrap_or_default())?;
        let options = CsvOptions {
            delimiter: delimiter(sign),
            has_no_header: form.is_on("no-header"),
            mapping: None,
            blank_clears: form.is_on("blank-clears"),
        };
        let mode = known(&MODES, form.text("mode").unwrap_or("upsert"))?;
        Ok(Self { charset: Some(charset).filter(|it| !it.is_empty()).map(str::to_owned), options, mode })
    }

    /// Returns what is done with the rows, and with which contacts.
    pub(super) fn operation(&self) -> (Operation, WriteMode) {
        match WriteMode::parse(self.mode) {
            Some(mode) => (Operation::Create, mode),
            None => (Operation::Update, WriteMode::Upsert),
        }
    }
}
