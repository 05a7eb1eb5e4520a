//! Writes tables: RFC 4180, in UTF-8.

use std::borrow::Cow;

use crate::import::{is_formula, is_marked_formula};

/// What separates the cells of some table. Cells with one of these are in quotation marks, also where another separates the cells, so
/// that a program that guesses it is not misled.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// What a cell must not begin with in the first line, where it would say what separates cells.
const SEPARATOR_LINE: &str = "sep=";
/// What is taken off where a file begins.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// What files of other kinds than tables begin with.
const OTHER_BEGINNINGS: [char; 3] = ['<', '%', BYTE_ORDER_MARK];

/// How a table is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStyle {
    /// What separates the cells; `None` for the sign that the client's own table had, or else for a comma.
    pub delimiter: Option<char>,
    /// Whether the table is for Excel.
    pub excel: bool,
}

/// Writes the cells of a table.
#[derive(Debug, Clone, Copy)]
pub struct CsvCells {
    delimiter: char,
    /// Whether the table is for Excel: with a byte order mark, and with an apostrophe before what Excel would take for a formula.
    /// Never otherwise, since a phone number begins with `+` and must come back as it was.
    excel: bool,
    /// Whether one apostrophe before a formula is taken off when the table comes back.
    loses_marks: bool,
}

impl CsvCells {
    /// Prepares to write cells that `delimiter` separates.
    pub fn new(delimiter: char, excel: bool) -> Self {
        Self { delimiter, excel, loses_marks: false }
    }

    /// Prepares to write a table with columns of Bulkhead's own, which comes back as it was.
    pub fn with_own_columns(self) -> Self {
        Self { loses_marks: true, ..self }
    }

    /// Returns the first row. Before it stands a line that names the delimiter, if nobody would guess it.
    pub fn first_row<'a>(self, cells: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let mark = if self.excel { BYTE_ORDER_MARK.to_string() } else { String::new() };
        let mut row = mark.into_bytes();
        if !DELIMITERS.contains(&self.delimiter) {
            row.extend_from_slice(format!("{SEPARATOR_LINE}{}\r\n", self.delimiter).as_bytes());
        }
        self.row(&mut row, cells);
        row
    }

    /// Returns whether a cell has nothing that may need quotation marks or an apostrophe, as most cells have.
    fn is_plain(self, cell: &str) -> bool {
        let is_harmless =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'.' | b'@' | b'-' | b'_' | b':' | b'+');
        let has_plain_ends = [cell.bytes().next(), cell.bytes().next_back()]
            .into_iter()
            .all(|end| end.is_none_or(|byte| byte.is_ascii_alphanumeric()));
        has_plain_ends && cell.bytes().all(|byte| is_harmless(byte) && char::from(byte) != self.delimiter)
    }

    /// Appends a row.
    pub fn row<'a>(self, table: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
        let mut line = String::new();
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                line.push(self.delimiter);
            }
            self.cell(&mut line, cell);
        }
        // A row of one empty cell would be an empty line, which is no row.
        if line.is_empty() {
            line.push_str("\"\"");
        }
        line.push_str("\r\n");
        table.extend_from_slice(line.as_bytes());
    }

    fn cell(self, line: &mut String, cell: &str) {
        if self.is_plain(cell) {
            line.push_str(cell);
            return;
        }
        let is_marked = (self.excel && is_formula(cell)) || (self.loses_marks && is_marked_formula(cell));
        let cell: Cow<'_, str> = if is_marked { format!("'{cell}").into() } else { cell.into() };
        let begin = cell.get(..SEPARATOR_LINE.len()).unwrap_or_default();
        let must_be_quoted = cell.contains(['"', self.delimiter])
            || cell.contains(DELIMITERS)
            || cell.contains(char::is_control)
            || begin.eq_ignore_ascii_case(SEPARATOR_LINE)
            || cell.starts_with(OTHER_BEGINNINGS)
            || cell.starts_with(char::is_whitespace)
            || cell.ends_with(char::is_whitespace);
        if must_be_quoted {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CsvCells;

    fn row(cells: CsvCells, texts: &[&str]) -> String {
        let mut table = Vec::new();
        cells.row(&mut table, texts.iter().copied());
        String::from_utf8(table).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (cells, expected) in [
            (&["a", "b,c", ""][..], "a;\"b,c\";\r\n"),
            (&["a;b", "say \"hi\"", "two\nlines"], "\"a;b\";\"say \"\"hi\"\"\";\"two\nlines\"\r\n"),
            (&["a\tb", "x|y", "a^b"], "\"a\tb\";\"x|y\";a^b\r\n"),
            (&["sep=,", "Sep=x", "separate", "ü"], "\"sep=,\";\"Sep=x\";separate;ü\r\n"),
            (&["\u{feff}a", "\u{a0}", "<a", "%P"], "\"\u{feff}a\";\"\u{a0}\";\"<a\";\"%P\"\r\n"),
            (&[" a", "b "], "\" a\";\"b \"\r\n"),
            (&[""], "\"\"\r\n"),
            (&["+49 30", "=1+1"], "+49 30;=1+1\r\n"),
        ] {
            assert_eq!(row(CsvCells::new(';', false), cells), expected);
        }
        assert_eq!(row(CsvCells::new('^', false), &["a^b", "c"]), "\"a^b\"^c\r\n");
    }

    #[test]
    fn excel_takes_no_cell_for_a_formula() {
        let texts = ["+49", "=1;2", "a=b", "@x", " =1", "＝1", "'=1", "'s"];
        let excel = CsvCells::new(';', true);
        assert_eq!(row(excel, &texts), "'+49;\"'=1;2\";a=b;'@x;' =1;'＝1;'=1;'s\r\n");
        assert_eq!(row(excel.with_own_columns(), &texts), "'+49;\"'=1;2\";a=b;'@x;' =1;'＝1;''=1;'s\r\n");
        let plain = CsvCells::new(';', false).with_own_columns();
        assert_eq!(row(plain, &texts), "+49;\"=1;2\";a=b;@x;\" =1\";＝1;''=1;'s\r\n");
        assert_eq!(row(CsvCells::new('\'', true), &["=1", "s"]), "\"'=1\"'s\r\n");
        assert!(excel.first_row(["a"]).starts_with(b"\xef\xbb\xbf"));
    }

    #[test]
    fn a_delimiter_that_nobody_would_guess_is_named() {
        for (delimiter, expected) in [('^', "sep=^\r\na^b\r\n"), (':', "sep=:\r\na:b\r\n"), (';', "a;b\r\n")] {
            assert_eq!(CsvCells::new(delimiter, false).first_row(["a", "b"]), expected.as_bytes(), "{delimiter}");
        }
    }
}
