//! The first row of a table: the names of its columns, or their numbers.

use std::collections::HashSet;

use super::error::{ImportError, shown};
use super::formula::without_mark;
use super::own_members::{EXCEL_MEMBER, is_item, is_own};
use super::records::Records;

/// Columns of a table at most.
pub const MAX_COLUMNS: usize = 1_000;
/// Bytes of a column's name.
pub const MAX_NAME_BYTES: usize = 1_000;
/// Bytes of the names of all columns.
pub const MAX_NAMES_BYTES: usize = 64 << 10;

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    /// The columns that are read: the place of each in a row, and its name.
    pub(super) columns: Vec<(usize, String)>,
    /// The place of the column that has whole items.
    pub(super) item: Option<usize>,
    /// Whether Bulkhead wrote the table: it has columns of its own, which are passed over, and apostrophes before formulas.
    pub(super) is_own: bool,
    /// Whether Bulkhead wrote the table for Excel.
    pub(super) is_excel: bool,
    /// Whether the first row is a row like the others.
    pub(super) is_row: bool,
    /// The places of Bulkhead's own columns, but for whole items.
    pub(super) own: Vec<usize>,
    /// The places of columns without a name, whose cells must be blank.
    nameless: Vec<usize>,
    /// Cells of each row.
    width: usize,
}

impl Header {
    /// Reads the first row of a table.
    ///
    /// # Errors
    /// If there are too many columns or their names are too long, or if two have one name.
    pub(super) fn read(first: &Records<'_>, has_no_header: bool) -> Result<Self, ImportError> {
        let cells: Vec<&str> = first.cells().map(str::trim).collect();
        let is_row = has_no_header && !is_own_header(&cells);
        let is_table_own = !is_row && cells.iter().any(|name| is_own(name));
        let is_excel = is_table_own && cells.iter().any(|name| name.eq_ignore_ascii_case(EXCEL_MEMBER));
        let mut header = Self {
            columns: Vec::new(),
            item: None,
            is_own: is_table_own,
            is_excel,
            is_row,
            own: Vec::new(),
            nameless: Vec::new(),
            width: cells.len(),
        };
        for (place, cell) in cells.into_iter().enumerate() {
            if is_row {
                header.columns.push((place, (place + 1).to_string()));
            } else if is_item(cell) {
                if header.item.replace(place).is_some() {
                    return Err(ImportError::RepeatedColumn(shown(cell)));
                }
            } else if cell.is_empty() {
                header.nameless.push(place);
            } else if is_own(cell) {
                header.own.push(place);
            } else {
                header.columns.push((place, if is_table_own { without_mark(cell) } else { cell }.to_owned()));
            }
        }
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), ImportError> {
        let count = self.columns.len();
        if count > MAX_COLUMNS {
            return Err(ImportError::TooManyColumns(count, MAX_COLUMNS));
        }
        if let Some((place, name)) = self.columns.iter().find(|(_, name)| name.len() > MAX_NAME_BYTES) {
            return Err(ImportError::LongName { column: place + 1, bytes: name.len(), limit: MAX_NAME_BYTES });
        }
        let bytes = self.names().map(str::len).sum();
        if bytes > MAX_NAMES_BYTES {
            return Err(ImportError::LongNames { bytes, limit: MAX_NAMES_BYTES });
        }
        let mut seen = HashSet::with_capacity(count);
        match self.names().find(|name| !seen.insert(*name)) {
            Some(name) => Err(ImportError::RepeatedColumn(shown(name))),
            None => Ok(()),
        }
    }

    /// Returns the names of the columns that are read.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, name)| name.as_str())
    }

    /// Checks that a row has as many cells as the first, and none in a column without a name.
    ///
    /// # Errors
    /// If the row has more or fewer cells, or a text in a column without a name.
    pub(super) fn check_row(&self, row: &Records<'_>, delimiter: u8) -> Result<(), ImportError> {
        let (cells, columns) = (row.len(), self.width);
        if cells != columns {
            return Err(ImportError::Ragged { line: row.line(), cells, columns, delimiter: char::from(delimiter) });
        }
        match self.nameless.iter().find(|place| !row.cell(**place).is_empty()) {
            Some(place) => Err(ImportError::UnnamedColumn { column: place + 1, line: row.line() }),
            None => Ok(()),
        }
    }
}

/// Returns whether Bulkhead wrote this row above a table that came without a header: the numbers of columns, and its own columns.
fn is_own_header(cells: &[&str]) -> bool {
    let is_number = |cell: &str| cell.bytes().all(|byte| byte.is_ascii_digit());
    let (own, other): (Vec<&str>, Vec<&str>) = cells.iter().partition(|cell| is_own(cell));
    !own.is_empty() && other.into_iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::super::table_text::TableText;
    use super::{Header, ImportError, Records};

    fn read(text: &str, has_no_header: bool) -> Result<(Header, bool), ImportError> {
        let table = TableText::find(text, Some(b','))?;
        let mut records = Records::new(table);
        assert!(records.advance()?);
        let header = Header::read(&records, has_no_header)?;
        while records.advance()? {
            header.check_row(&records, b',')?;
        }
        let is_row = header.is_row;
        Ok((header, is_row))
    }

    #[test]
    fn columns_have_names_or_numbers() {
        for (text, has_no_header, expected, is_row) in [
            ("a, b \u{a0}", false, &[(0, "a"), (1, "b")][..], false),
            ("a,b", true, &[(0, "1"), (1, "2")], true),
            ("a,,b,,\n1, ,2,,\u{a0}", false, &[(0, "a"), (2, "b")], false),
            ("bulkhead:status,'=a,''-b,'c,bulkhead:item", false, &[(1, "=a"), (2, "'-b"), (3, "'c")], false),
            ("Bulkhead:Excel,'=a,BULKHEAD:ITEM", false, &[(1, "=a")], false),
            ("'=a,b", false, &[(0, "'=a"), (1, "b")], false),
            ("1,3,bulkhead:status,bulkhead:errors\na,b,400,x", true, &[(0, "1"), (1, "3")], false),
            ("1,x,bulkhead:status", true, &[(0, "1"), (1, "2"), (2, "3")], true),
        ] {
            let (header, found) = read(text, has_no_header).unwrap();
            let columns: Vec<(usize, &str)> =
                header.columns.iter().map(|(place, name)| (*place, name.as_str())).collect();
            assert_eq!((columns.as_slice(), found), (expected, is_row), "{text:?}");
        }
        assert_eq!(read("a,bulkhead:item", false).unwrap().0.item, Some(1));
    }

    #[test]
    fn columns_that_cannot_be_told_apart_or_are_too_many_are_refused() {
        let wide: String = (0..1_001).map(|number| format!("{number},")).collect();
        let long = "ü".repeat(501);
        let names: String = (0..66).map(|number| format!("{number}{},", "x".repeat(998))).collect();
        for (text, part) in [
            (wide.as_str(), "1001 columns"),
            (long.as_str(), "Column 1 has a name of 1002 bytes"),
            (names.as_str(), "bytes in all"),
            ("a,b,a", "'a' twice"),
            ("a,\n1,\n2,x", "Column 2 has no name in the header, and text in line 3"),
            ("a,b\n1", "line 2 has 1 cell"),
        ] {
            let error = read(text, false).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
