//! A table cut into its rows as text, for whoever sends it in parts: each part is a table of its own.

use std::borrow::Cow;

use super::columns::check_header;
use super::csv_rows::first_row;
use super::quoting::record_ranges;
use super::records::Records;
use super::table_text::TableText;
use super::{CsvOptions, ImportError};

/// The rows of a table, as they are written in it.
#[derive(Debug, PartialEq, Eq)]
pub struct CutTable<'a> {
    /// The first record, unless the table has no header.
    header: Option<&'a str>,
    /// The other records without the ends of their lines. Those without any text are left out, as they are no rows.
    pub rows: Vec<&'a str>,
    /// What separates cells.
    pub delimiter: u8,
    /// The names of the columns that are read; their numbers in a table without a header.
    pub columns: Vec<String>,
    /// The places of columns that Bulkhead added.
    own: Vec<usize>,
    /// Whether a mapping or numbers say what the columns are.
    is_mapped: bool,
    /// Bytes by which a row grows at most when it becomes JSON, apart from what must be escaped.
    pub growth: usize,
}

/// Bytes that a column adds to a row as JSON besides its name: quotation marks, and what the field's name can be longer.
const BYTES_PER_COLUMN: usize = 64;

impl<'a> CutTable<'a> {
    /// Cuts a table. Which fields its columns become is left to whoever reads the parts.
    ///
    /// # Errors
    /// If the table cannot be read whole.
    pub fn cut(text: &'a str, options: &CsvOptions) -> Result<Self, ImportError> {
        let table = TableText::find(text, options.delimiter)?;
        let (text, delimiter) = (table.text, table.delimiter);
        let ranges = record_ranges(text, delimiter)?;
        let (mut header, mut rows) = (None, Vec::with_capacity(ranges.len()));
        let mut ranges = ranges.into_iter();
        let mut record = || ranges.next().and_then(|range| text.get(range)).unwrap_or_default();
        let is_blank = |records: &Records<'_>| records.cells().all(str::is_empty);
        let mut records = Records::new(table);
        if !records.advance()? {
            return Err(ImportError::Empty);
        }
        let first = first_row(&records, options)?;
        let growth = first.names().map(|name| name.len() + BYTES_PER_COLUMN).sum();
        let record_of_first = record();
        if !first.is_row {
            header = Some(record_of_first);
        } else if !is_blank(&records) {
            rows.push(record_of_first);
        }
        while records.advance()? {
            first.check_row(&records, delimiter)?;
            let record = record();
            if !is_blank(&records) {
                rows.push(record);
            }
        }
        let columns = first.names().map(str::to_owned).collect();
        let is_mapped = first.is_row || first.is_own || options.mapping.is_some();
        Ok(Self { header, rows, delimiter, columns, own: first.own, is_mapped, growth })
    }

    /// Refuses a table without rows whose header is a contact by all appearances.
    ///
    /// # Errors
    /// If a column has the name of an address, and nothing says what the columns are.
    pub fn check_header(&self) -> Result<(), ImportError> {
        if self.is_mapped { Ok(()) } else { check_header(self.columns.iter().map(String::as_str)) }
    }

    /// Returns a row without the cells that Bulkhead added to it when it failed before.
    pub fn as_it_was_sent<'r>(&self, row: &'r str) -> Cow<'r, str> {
        if self.own.is_empty() {
            return Cow::Borrowed(row);
        }
        let mut records = Records::new(TableText::of_rows(row, self.delimiter));
        if !matches!(records.advance(), Ok(true)) {
            return Cow::Borrowed(row);
        }
        let delimiter = char::from(self.delimiter);
        let cells = records.cells().enumerate().filter(|(place, _)| !self.own.contains(place));
        let written = cells.map(|(_, cell)| {
            if cell.contains([delimiter, '"', '\r', '\n']) {
                Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
            } else {
                Cow::Borrowed(cell)
            }
        });
        Cow::Owned(written.collect::<Vec<_>>().join(&delimiter.to_string()))
    }

    /// Returns a table of some of the rows. It says itself what separates its cells.
    pub fn part(&self, rows: &[&str]) -> String {
        let header = self.header.unwrap_or_default();
        let bytes = header.len() + rows.iter().map(|row| row.len() + 1).sum::<usize>();
        let mut part = String::with_capacity(bytes + "sep=,\n\n".len());
        part.push_str("sep=");
        part.push(char::from(self.delimiter));
        part.push('\n');
        for line in self.header.iter().chain(rows) {
            part.push_str(line);
            part.push('\n');
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ColumnMapping, CsvOptions, ImportError, ImportLimits, TargetField, read_csv};
    use super::CutTable;

    const LIMITS: ImportLimits = ImportLimits { rows: 100, bytes: 10_000 };

    fn parts(text: &str, options: &CsvOptions) -> Result<Vec<String>, ImportError> {
        let table = CutTable::cut(text, options)?;
        Ok(table.rows.chunks(1).map(|rows| table.part(rows)).collect())
    }

    #[test]
    fn rows_are_shown_without_what_a_file_of_failures_added() {
        for (table, expected) in [
            ("a;b\n1;\"x;y\"\n", "1;\"x;y\""),
            ("a;b;bulkhead:status;bulkhead:errors\n1;\"x;\"\"y\";400;\"E: no; no\"\n", "1;\"x;\"\"y\""),
            ("bulkhead:errors,a\nno,1\n", "1"),
            ("a,bulkhead:item\n1,{}\n", "1,{}"),
        ] {
            let table = CutTable::cut(table, &CsvOptions::default()).unwrap();
            assert_eq!(table.as_it_was_sent(table.rows[0]), expected);
        }
    }

    #[test]
    fn each_part_is_a_table() {
        let no_header = CsvOptions {
            has_no_header: true,
            mapping: Some(ColumnMapping::parse(r#"{"1":"email"}"#).unwrap()),
            ..CsvOptions::default()
        };
        let plain = CsvOptions::default();
        for (text, options, expected) in [
            ("a,b\r\n1,2\r\n\r\n,\r\n3,\"4\r\n5\"", &plain, vec!["sep=,\na,b\n1,2\n", "sep=,\na,b\n3,\"4\r\n5\"\n"]),
            ("sep=;\r\na,b;c\n1;2\r", &plain, vec!["sep=;\na,b;c\n1;2\n"]),
            ("a\tb\n1\t2\n", &plain, vec!["sep=\t\na\tb\n1\t2\n"]),
            ("a@b.co\nb@b.co", &no_header, vec!["sep=,\na@b.co\n", "sep=,\nb@b.co\n"]),
            ("a,b\n", &plain, vec![]),
            ("a,,b,\n1,,2,\n", &plain, vec!["sep=,\na,,b,\n1,,2,\n"]),
            ("1,bulkhead:status\na@b.co,400\n", &no_header, vec!["sep=,\n1,bulkhead:status\na@b.co,400\n"]),
        ] {
            assert_eq!(parts(text, options).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn tables_that_cannot_be_read_whole_are_not_cut() {
        let no_header = CsvOptions { has_no_header: true, ..CsvOptions::default() };
        let plain = CsvOptions::default();
        for (text, options, part) in [
            ("a,b\n1,2\n\n1\n", &plain, "The row in line 4 has 1 cell"),
            ("a,b\n1,\"2\n", &plain, "line 2 begins with a quotation mark"),
            ("a,\n1,2\n", &plain, "Column 2"),
            ("sep=x\na\n", &plain, "'x' cannot"),
            ("a,a\n1,2\n", &plain, "twice"),
            ("\n\n", &plain, "empty"),
            ("a,b\n", &no_header, "needs a mapping"),
        ] {
            let error = parts(text, options).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    proptest! {
        /// The parts of a table have the rows of the whole, in order.
        #[test]
        fn parts_come_to_the_whole(table in "([a\"][a;\"\n\r ]{0,3};?){0,20}") {
            let text = format!("email;b\n{table}");
            let field =
                TargetField { alias: "email".to_owned(), label: "Email".to_owned(), takes_several: false };
            let plain = CsvOptions::default();
            let read = |text: &str| read_csv(text, &plain, std::slice::from_ref(&field), LIMITS).map(|import| import.items);
            let whole = match read(&text) {
                // A table without rows is cut into no parts.
                Err(ImportError::NoRows) => Ok(Vec::new()),
                whole => whole,
            };
            let cut = parts(&text, &plain).map(|parts| {
                parts.iter().flat_map(|part| read(part).unwrap()).collect::<Vec<_>>()
            });
            prop_assert_eq!(cut, whole);
        }
    }
}
