//! Checks that quotation marks in a table stand where RFC 4180 has them, and finds the lines in which records begin. The
//! `csv-core` crate reads any text: a mark without its other half would silently take all rows that follow into one cell.

use std::ops::Range;

use super::ImportError;

/// Where the reading of a record is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first character of a record.
    RecordBegin,
    /// Before the first character of a cell.
    CellBegin,
    /// In a cell without quotation marks.
    Cell,
    /// In a cell with quotation marks, which began in this line.
    Quoted(usize),
    /// Behind a quotation mark in such a cell: it closes the cell, unless another follows.
    Closed(usize),
    /// In the blanks behind a quoted cell, which are trimmed with it.
    Trailing,
}

/// Checks the quotation marks of a table.
///
/// # Errors
/// If a quoted cell has no end, or text follows its end.
pub(super) fn check(text: &str, delimiter: u8) -> Result<(), ImportError> {
    if text.contains('"') { record_lines(text, delimiter).map(drop) } else { Ok(()) }
}

/// Returns the line in which a record of a table begins, from 1. Records are counted from 0.
pub(super) fn line_of(text: &str, delimiter: u8, record: usize) -> usize {
    record_lines(text, delimiter).ok().and_then(|lines| lines.get(record).copied()).unwrap_or_default()
}

/// Returns the lines in which the records of a table begin, from 1. Empty lines are no records.
fn record_lines(text: &str, delimiter: u8) -> Result<Vec<usize>, ImportError> {
    let mut lines = Vec::new();
    each_record(text, delimiter, |line, _| lines.push(line))?;
    Ok(lines)
}

/// Returns where the records of a table are in its text, without the ends of their lines.
///
/// # Errors
/// If a quoted cell has no end, or text follows its end.
pub(super) fn record_ranges(text: &str, delimiter: u8) -> Result<Vec<Range<usize>>, ImportError> {
    let mut ranges = Vec::new();
    each_record(text, delimiter, |_, range| ranges.push(range))?;
    Ok(ranges)
}

/// Calls `found` with the line in which each record begins, and where the record is in the text.
fn each_record(text: &str, delimiter: u8, mut found: impl FnMut(usize, Range<usize>)) -> Result<(), ImportError> {
    let bytes = text.as_bytes();
    let (mut first_line, mut begin) = (1, 0);
    let (mut line, mut state) = (1, State::RecordBegin);
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        // Most bytes are in the middle of a cell, where few mean something.
        let skipped = match state {
            State::Cell => plain_bytes(bytes.get(place..).unwrap_or_default(), delimiter),
            State::Quoted(_) => plain_bytes(bytes.get(place..).unwrap_or_default(), b'"'),
            _ => 0,
        };
        if skipped > 0 {
            place += skipped;
            continue;
        }
        let ends_line = byte == b'\n' || (byte == b'\r' && bytes.get(place + 1) != Some(&b'\n'));
        if state == State::RecordBegin && byte != b'\n' && byte != b'\r' {
            (first_line, begin) = (line, place);
            state = State::CellBegin;
        }
        let was_in_record = state != State::RecordBegin;
        state = match (state, byte) {
            (State::RecordBegin, _) => State::RecordBegin,
            (State::Quoted(begin), b'"') => State::Closed(begin),
            (State::Quoted(begin), _) => State::Quoted(begin),
            (State::Closed(begin), b'"') => State::Quoted(begin),
            (State::CellBegin, b'"') => State::Quoted(line),
            (State::CellBegin | State::Cell | State::Closed(_) | State::Trailing, b'\n' | b'\r') => State::RecordBegin,
            (State::CellBegin | State::Cell | State::Closed(_) | State::Trailing, byte) if byte == delimiter => {
                State::CellBegin
            }
            (State::Closed(_) | State::Trailing, b' ' | b'\t') => State::Trailing,
            (State::Closed(_) | State::Trailing, _) => return Err(ImportError::AfterQuote(line)),
            (State::CellBegin | State::Cell, _) => State::Cell,
        };
        if was_in_record && state == State::RecordBegin {
            found(first_line, begin..place);
        }
        line += usize::from(ends_line);
        place += 1;
    }
    match state {
        State::Quoted(begin) => Err(ImportError::OpenQuote(begin)),
        State::RecordBegin => Ok(()),
        _ => {
            found(first_line, begin..bytes.len());
            Ok(())
        }
    }
}

/// Returns how many bytes stand before the next end of a line or `mark`.
fn plain_bytes(bytes: &[u8], mark: u8) -> usize {
    memchr::memchr3(b'\n', b'\r', mark, bytes).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::records::Records;
    use super::super::table_text::TableText;
    use super::{ImportError, record_lines};

    #[test]
    fn records_begin_where_the_ones_before_end() {
        for (text, expected) in [
            ("a,b\n1,2\n", Ok(vec![1, 2])),
            ("a,b\r\n1,2\r\n\r\n3,4", Ok(vec![1, 2, 4])),
            ("a\rb\r\rc", Ok(vec![1, 2, 4])),
            ("a,\"b\nc\"\nd,\"e\"\"f\"", Ok(vec![1, 3])),
            ("a,\"b\r\nc\" ,d\ne", Ok(vec![1, 3])),
            ("a,b\"c\nd", Ok(vec![1, 2])),
            ("a\n\"b\nc", Err(ImportError::OpenQuote(2))),
            ("a,\"b\"c\n", Err(ImportError::AfterQuote(1))),
        ] {
            assert_eq!(record_lines(text, b','), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_parser_finds_the_same_records(text in "[ab,\"\r\n ]{0,40}") {
            if let (Ok(lines), Ok(table)) = (record_lines(&text, b','), TableText::find(&text, Some(b','))) {
                let mut records = Records::new(table);
                let mut found = Vec::new();
                while records.advance().unwrap() {
                    found.push(records.line());
                }
                prop_assert_eq!(found, lines);
            }
        }
    }
}
