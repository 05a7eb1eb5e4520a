//! Writes tables: RFC 4180, in UTF-8.

/// What Excel, LibreOffice and others take for the beginning of a formula.
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes the cells of a table.
#[derive(Debug, Clone, Copy)]
pub struct CsvCells {
    delimiter: char,
    /// Whether the table is for Excel: with a byte order mark, and with an apostrophe before what Excel would take for a formula.
    /// Never otherwise, since a phone number begins with `+` and must come back as it was.
    excel: bool,
}

impl CsvCells {
    /// Prepares to write cells that `delimiter` separates.
    pub fn new(delimiter: char, excel: bool) -> Self {
        Self { delimiter, excel }
    }

    /// Returns the first row.
    pub fn first_row<'a>(self, cells: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let mut row = if self.excel { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
        self.row(&mut row, cells);
        row
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
        let apostrophe = if self.excel && cell.starts_with(FORMULA_SIGNS) { "'" } else { "" };
        let is_plain = !cell.contains(['"', '\r', '\n', self.delimiter])
            && !cell.starts_with(char::is_whitespace)
            && !cell.ends_with(char::is_whitespace);
        if is_plain {
            line.push_str(apostrophe);
            line.push_str(cell);
        } else {
            line.push('"');
            line.push_str(apostrophe);
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CsvCells;

    fn row(excel: bool, cells: &[&str]) -> String {
        let mut table = Vec::new();
        CsvCells::new(';', excel).row(&mut table, cells.iter().copied());
        String::from_utf8(table).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (cells, expected) in [
            (&["a", "b,c", ""][..], "a;b,c;\r\n"),
            (&["a;b", "say \"hi\"", "two\nlines"], "\"a;b\";\"say \"\"hi\"\"\";\"two\nlines\"\r\n"),
            (&[" a", "b "], "\" a\";\"b \"\r\n"),
            (&[""], "\"\"\r\n"),
            (&["+49 30", "=1+1"], "+49 30;=1+1\r\n"),
        ] {
            assert_eq!(row(false, cells), expected);
        }
    }

    #[test]
    fn excel_takes_no_cell_for_a_formula() {
        assert_eq!(row(true, &["+49", "=1;2", "a=b", "@x"]), "'+49;\"'=1;2\";a=b;'@x\r\n");
        assert!(CsvCells::new(',', true).first_row(["a"]).starts_with(b"\xef\xbb\xbf"));
    }
}
