//! The records of a table, one after another. The `csv-core` crate finds their cells.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Bytes and cells for which there is room at the beginning. Larger records get more.
const TYPICAL_BYTES: usize = 1 << 10;
const TYPICAL_CELLS: usize = 64;

/// Reads the records of a table.
pub(super) struct Records<'a> {
    reader: Reader,
    rest: &'a [u8],
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Cells of the record that was read last.
    cells: usize,
}

impl<'a> Records<'a> {
    /// Begins to read a table whose quotation marks were checked.
    pub(super) fn new(text: &'a str, delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            rest: text.as_bytes(),
            bytes: vec![0; TYPICAL_BYTES],
            ends: vec![0; TYPICAL_CELLS],
            cells: 0,
        }
    }

    /// Reads the next record. Returns `false` if there is none. Empty lines are none.
    pub(super) fn advance(&mut self) -> bool {
        let (mut bytes, mut cells) = (0, 0);
        loop {
            let (Some(output), Some(ends)) = (self.bytes.get_mut(bytes..), self.ends.get_mut(cells..)) else {
                return false;
            };
            let (result, read, written, ended) = self.reader.read_record(self.rest, output, ends);
            self.rest = self.rest.get(read..).unwrap_or_default();
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.cells = cells;
                    return true;
                }
                ReadRecordResult::End => return false,
            }
        }
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
        self.bytes.get(begin..end).and_then(|cell| std::str::from_utf8(cell).ok()).unwrap_or_default().trim()
    }

    /// Returns all cells of the record.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.cells).map(|place| self.cell(place))
    }
}

#[cfg(test)]
mod tests {
    use super::Records;

    #[test]
    fn records_of_any_size_are_read() {
        let (long, wide) = ("ü".repeat(5_000), vec!["x"; 500].join(";"));
        let text = format!("a;b\r\n\r\n\"{long}\";\n{wide}\rlast");
        let mut records = Records::new(&text, b';');
        let mut sizes = Vec::new();
        while records.advance() {
            assert_eq!(records.cells().count(), records.len());
            sizes.push((records.len(), records.cell(0).len(), records.cell(9_999).len()));
        }
        assert_eq!(sizes, [(2, 1, 0), (2, long.len(), 0), (500, 1, 0), (1, 4, 0)]);
    }
}
