//! The text of a table, and what separates its cells: what the request says, else the table's own first line `sep=;`, else the
//! usual sign that the header has.

use super::encoding::line_after;
use super::error::{ImportError, shown};
use super::quoting::{check, line_of};
use super::records::Records;

/// What can separate cells, in the order in which they are looked for.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// Records, the first line among them, whose cells are counted to find out what separates them.
const COMPARED_RECORDS: usize = 20;
/// What the line begins with by which Excel says what separates cells.
const SEPARATOR_LINE: &str = "sep=";

/// Returns the sign that separates cells: itself, or its name. Letters, digits, quotation marks and line ends cannot.
pub fn delimiter(value: &str) -> Option<u8> {
    match value {
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "tab" | "\\t" => Some(b'\t'),
        "pipe" => Some(b'|'),
        _ => match value.as_bytes() {
            [sign] if *sign == b'\t' || (sign.is_ascii_punctuation() && *sign != b'"') => Some(*sign),
            _ => None,
        },
    }
}

/// A table whose quotation marks stand where they can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableText<'a> {
    /// The records.
    pub(super) text: &'a str,
    /// What separates cells.
    pub(super) delimiter: u8,
    /// Lines before the records.
    skipped_lines: usize,
}

impl<'a> TableText<'a> {
    /// Returns rows of a table that was read before.
    pub(super) fn of_rows(text: &'a str, delimiter: u8) -> Self {
        Self { text, delimiter, skipped_lines: 0 }
    }

    /// Finds what separates the cells of a table, unless it was said.
    ///
    /// # Errors
    /// If the table is empty, has a character that no text has, or names a separator that cannot be one, and if its quotation marks
    /// cannot be read.
    pub(super) fn find(text: &'a str, said: Option<u8>) -> Result<Self, ImportError> {
        if text.trim().is_empty() {
            return Err(ImportError::Empty);
        }
        if let Some(place) = text.find('\0') {
            return Err(ImportError::Nul(line_after(text.get(..place).unwrap_or_default().as_bytes())));
        }
        let (text, named) = without_separator_line(text)?;
        let delimiter = said.or(named).map_or_else(|| delimiter_of(text), Ok)?;
        check(text, delimiter)?;
        Ok(Self { text, delimiter, skipped_lines: usize::from(named.is_some()) })
    }

    /// Returns the line in which a record begins, from 1. Records are counted from 0.
    pub(super) fn line_of(self, record: usize) -> usize {
        self.skipped_lines + line_of(self.text, self.delimiter, record)
    }
}

/// Returns a table without the line by which Excel says what separates cells, and what that line says.
fn without_separator_line(text: &str) -> Result<(&str, Option<u8>), ImportError> {
    let (line, rest) = text.split_at(text.find(['\r', '\n']).unwrap_or(text.len()));
    let Some((begin, sign)) = line.trim_start_matches(' ').split_at_checked(SEPARATOR_LINE.len()) else {
        return Ok((text, None));
    };
    if !begin.eq_ignore_ascii_case(SEPARATOR_LINE) {
        return Ok((text, None));
    }
    // A tab is a sign, too.
    let sign = if sign.trim().is_empty() { sign.trim_matches(' ') } else { sign.trim() };
    let named = delimiter(sign).ok_or_else(|| ImportError::Separator(shown(sign)))?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n'])).unwrap_or(rest);
    Ok((rest, Some(named)))
}

/// Returns what separates the cells: the usual sign that the first line has outside of quotation marks. Of several, it is the one
/// by which the first records have as many cells as the first line, or else the one that the line has most often.
///
/// # Errors
/// If more than one sign may be meant: a wrong one would mix up the columns of every row.
fn delimiter_of(text: &str) -> Result<u8, ImportError> {
    let mut seen: Vec<(u8, usize)> =
        DELIMITERS.into_iter().zip(counts_in_first_line(text)).filter(|(_, count)| *count > 0).collect();
    if seen.len() > 1 && seen.iter().any(|(sign, _)| is_even(text, *sign)) {
        seen.retain(|(sign, _)| is_even(text, *sign));
    }
    seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    match seen.as_slice() {
        [] => Ok(b','),
        [(first, count), (second, also), ..] if count == also => {
            Err(ImportError::UnclearDelimiter(char::from(*first), char::from(*second)))
        }
        [(sign, _), ..] => Ok(*sign),
    }
}

/// Returns whether the first records have as many cells as the first line.
fn is_even(text: &str, delimiter: u8) -> bool {
    if check(text, delimiter).is_err() {
        return false;
    }
    let mut records = Records::new(TableText { text, delimiter, skipped_lines: 0 });
    let mut cells = None;
    for _ in 0..COMPARED_RECORDS {
        match records.advance() {
            Ok(true) if *cells.get_or_insert(records.len()) == records.len() => {}
            Ok(false) => break,
            Ok(true) | Err(_) => return false,
        }
    }
    true
}

/// Returns how often the first line has each of the usual signs outside of quotation marks.
fn counts_in_first_line(text: &str) -> [usize; DELIMITERS.len()] {
    let mut is_quoted = false;
    let mut seen = [0; DELIMITERS.len()];
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\r' | b'\n' if !is_quoted => break,
            _ if is_quoted => {}
            byte => {
                for (seen, delimiter) in seen.iter_mut().zip(DELIMITERS) {
                    *seen += usize::from(byte == delimiter);
                }
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::{ImportError, TableText};

    #[test]
    fn a_table_says_what_separates_its_cells() {
        for (text, said, delimiter, records) in [
            ("a,b;c,d", None, b',', "a,b;c,d"),
            ("a;b\tc;d", None, b';', "a;b\tc;d"),
            ("Mail;Name, first\na;b", None, b';', "Mail;Name, first\na;b"),
            ("Mail;Name, first;City\na;b, c;d", None, b';', "Mail;Name, first;City\na;b, c;d"),
            ("a|b,c|d,e,f\n1|2,3|4", None, b'|', "a|b,c|d,e,f\n1|2,3|4"),
            ("\r\n\na\tb", None, b'\t', "\r\n\na\tb"),
            ("\"a,\"\"b\";c", None, b';', "\"a,\"\"b\";c"),
            ("a", None, b',', "a"),
            ("a,b", Some(b'|'), b'|', "a,b"),
            ("sep=;\r\na,b;c", None, b';', "a,b;c"),
            (" SEP= ^ \na^b", None, b'^', "a^b"),
            ("sep=\t\ra", None, b'\t', "a"),
            ("sep=tab\na", None, b'\t', "a"),
            ("sep=;\na|b", Some(b'|'), b'|', "a|b"),
            ("\"sep=;\",b", None, b',', "\"sep=;\",b"),
            ("separator,b", None, b',', "separator,b"),
        ] {
            let found = TableText::find(text, said).unwrap();
            assert_eq!((found.delimiter, found.text), (delimiter, records), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_separate_cells_is_refused() {
        for (text, sign) in
            [("sep=\"\na", "\""), ("sep=a\nb", "a"), ("sep=\n1", ""), ("sep= \n1", ""), ("sep=,,\n", ",,")]
        {
            assert_eq!(TableText::find(text, None).unwrap_err(), ImportError::Separator(sign.to_owned()), "{text:?}");
        }
        for text in ["a,b;c", "Mail;Name, first\na;b, c\n", "a;b\tc"] {
            assert!(matches!(TableText::find(text, None), Err(ImportError::UnclearDelimiter(..))), "{text:?}");
        }
        assert_eq!(TableText::find(" \r\n\t", None).unwrap_err(), ImportError::Empty);
        assert_eq!(TableText::find("a\r\nb\r\n,\0", None).unwrap_err(), ImportError::Nul(3));
    }

    #[test]
    fn lines_are_counted_from_the_beginning_of_the_file() {
        for (text, line) in [("a\nb", 2), ("sep=;\na\nb", 3), ("sep=;\r\na\r\nb", 3), ("\n\na\n\nb", 5)] {
            assert_eq!(TableText::find(text, None).unwrap().line_of(1), line, "{text:?}");
        }
    }
}
