//! The records of a table, one after another. The `csv-core` crate finds their cells.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::ImportError;
use super::table_text::TableText;

/// Bytes and cells for which there is room at the beginning. Larger records get more.
const TYPICAL_BYTES: usize = 1 << 10;
const TYPICAL_CELLS: usize = 64;
/// Bytes of a record, and of a line of JSON.
pub(super) const MAX_RECORD_BYTES: usize = 8 << 20;
/// Cells of a record: more than any spreadsheet has columns. Each takes memory, also if it is blank.
const MAX_RECORD_CELLS: usize = 1 << 16;
/// What is trimmed from cells. Other blanks, such as the no-break space, may be meant.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\x0b'];

/// Reads the records of a table.
pub(super) struct Records<'a> {
    table: TableText<'a>,
    reader: Reader,
    rest: &'a [u8],
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Cells of the record that was read last.
    cells: usize,
    /// Records that were read.
    count: usize,
}

impl<'a> Records<'a> {
    /// Begins to read a table.
    pub(super) fn new(table: TableText<'a>) -> Self {
        Self {
            table,
            reader: ReaderBuilder::new().delimiter(table.delimiter).build(),
            rest: table.text.as_bytes(),
            bytes: vec![0; TYPICAL_BYTES],
            ends: vec![0; TYPICAL_CELLS],
            cells: 0,
            count: 0,
        }
    }

    /// Reads the next record. Returns `false` if there is none. Empty lines are none.
    ///
    /// # Errors
    /// If the record is too large.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        let (mut bytes, mut cells) = (0, 0);
        loop {
            let (Some(output), Some(ends)) = (self.bytes.get_mut(bytes..), self.ends.get_mut(cells..)) else {
                return Ok(false);
            };
            let (result, read, written, ended) = self.reader.read_record(self.rest, output, ends);
            self.rest = self.rest.get(read..).unwrap_or_default();
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.bytes.len() < MAX_RECORD_BYTES => {
                    self.bytes.resize(self.bytes.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_RECORD_CELLS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull => {
                    return Err(ImportError::LargeRow {
                        line: self.table.line_of(self.count),
                        bytes: MAX_RECORD_BYTES,
                    });
                }
                ReadRecordResult::OutputEndsFull => {
                    return Err(ImportError::WideRow { line: self.table.line_of(self.count), cells: MAX_RECORD_CELLS });
                }
                ReadRecordResult::Record => {
                    self.cells = cells;
                    self.count += 1;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Returns the line in which the record that was read last begins, from 1.
    pub(super) fn line(&self) -> usize {
        self.table.line_of(self.count.saturating_sub(1))
    }

    /// Returns how many cells the record has.
    pub(super) fn len(&self) -> usize {
        self.cells
    }

    /// Returns a cell of the record, without blanks around it.
    pub(super) fn cell(&self, place: usize) -> &str {
        let end = self.ends.get(..self.cells).and_then(|ends| ends.get(place)).copied().unwrap_or_default();
        let begin = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        // A part of a text that was cut at signs of ASCII is text.
        trimmed(self.bytes.get(begin..end).and_then(|cell| std::str::from_utf8(cell).ok()).unwrap_or_default())
    }

    /// Returns all cells of the record.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.cells).map(|place| self.cell(place))
    }
}

/// Returns a cell without blanks around it. A cell of nothing but blanks of any kind is blank.
pub(super) fn trimmed(cell: &str) -> &str {
    // Most cells neither begin nor end with a blank.
    if let [first, .., last] = cell.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return cell;
    }
    let cell = cell.trim_matches(BLANKS);
    // The first byte of most cells tells that they are not blank.
    if cell.as_bytes().first().is_some_and(|byte| !byte.is_ascii()) && cell.trim().is_empty() { "" } else { cell }
}

#[cfg(test)]
mod tests {
    use super::super::table_text::TableText;
    use super::{ImportError, MAX_RECORD_BYTES, MAX_RECORD_CELLS, Records, trimmed};

    #[test]
    fn records_of_any_size_are_read() {
        let (long, wide) = ("ü".repeat(5_000), vec!["x"; 500].join(";"));
        let text = format!("a;b\r\n\r\n\"{long}\";\n{wide}\rlast");
        let mut records = Records::new(TableText::find(&text, Some(b';')).unwrap());
        let (mut sizes, mut lines) = (Vec::new(), Vec::new());
        while records.advance().unwrap() {
            assert_eq!(records.cells().count(), records.len());
            sizes.push((records.len(), records.cell(0).len(), records.cell(9_999).len()));
            lines.push(records.line());
        }
        assert_eq!(sizes, [(2, 1, 0), (2, long.len(), 0), (500, 1, 0), (1, 4, 0)]);
        assert_eq!(lines, [1, 3, 4, 5]);
    }

    #[test]
    fn too_large_records_are_refused_with_their_line() {
        let (large, wide) = ("x".repeat(MAX_RECORD_BYTES + 1), ",".repeat(MAX_RECORD_CELLS));
        for (record, error) in [
            (large, ImportError::LargeRow { line: 3, bytes: MAX_RECORD_BYTES }),
            (wide, ImportError::WideRow { line: 3, cells: MAX_RECORD_CELLS }),
        ] {
            let text = format!("a\n\n{record}\n");
            let mut records = Records::new(TableText::find(&text, Some(b',')).unwrap());
            assert_eq!(records.advance(), Ok(true));
            assert_eq!(records.advance(), Err(error));
        }
    }

    #[test]
    fn blanks_around_a_cell_are_trimmed_as_those_of_a_value_are() {
        for (cell, expected) in [
            (" \t\r\na b\x0b ", "a b"),
            ("a\u{a0}", "a\u{a0}"),
            ("\u{3000}a", "\u{3000}a"),
            ("\u{a0} \u{2003}", ""),
            ("", ""),
        ] {
            assert_eq!(trimmed(cell), expected, "{cell:?}");
        }
    }
}
