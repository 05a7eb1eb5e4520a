//! JSON lines (`application/x-ndjson`, `application/jsonl`): each line is one contact. Empty lines are none.

use serde::de::IgnoredAny;

use super::own_members::without_own_members;
use super::records::MAX_RECORD_BYTES;
use super::{Import, ImportError, ImportLimits};
use crate::domain::Source;
use crate::plain_words::json_flaw;

/// Reads JSON lines.
///
/// # Errors
/// If a line is no JSON or too large, or the file has too many.
pub fn read_json_lines(text: &str, limits: ImportLimits) -> Result<Import, ImportError> {
    let mut items = Vec::new();
    for line in json_lines(text) {
        if items.len() >= limits.rows {
            return Err(ImportError::TooManyRows(limits.rows));
        }
        items.push(without_own_members(&line?.replace('\r', " ")));
    }
    Ok(Import { items, source: Source::json_lines() })
}

/// Returns the lines of JSON in a text, without blanks around them. Empty lines are none.
///
/// # Errors
/// Instead of a line that is no JSON, or too large.
pub fn json_lines(text: &str) -> impl Iterator<Item = Result<&str, ImportError>> {
    // A carriage return inside of a line is white space between its parts, as JSON strings hold none.
    let lines = (1..).zip(text.split('\n').map(str::trim)).filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| {
        if line.len() > MAX_RECORD_BYTES {
            return Err(ImportError::LargeRow { line: number, bytes: MAX_RECORD_BYTES });
        }
        serde_json::from_str::<IgnoredAny>(line).map_err(|error| not_json(number, line, &error))?;
        Ok(line)
    })
}

fn not_json(line: usize, text: &str, error: &serde_json::Error) -> ImportError {
    // The error counts lines, of which there is one.
    let why = format!("{}, at column {}", json_flaw(error), error.column());
    // `curl -d` makes one line of a file.
    let next = error.column().checked_sub(1).and_then(|place| text.get(place..)).unwrap_or_default();
    if line == 1 && next.starts_with('{') {
        return ImportError::JoinedLines(why);
    }
    ImportError::NotJson { line, why }
}

#[cfg(test)]
mod tests {
    use super::super::{ImportError, ImportLimits};
    use super::{MAX_RECORD_BYTES, read_json_lines};

    const LIMITS: ImportLimits = ImportLimits { rows: 3, bytes: 1_000 };

    #[test]
    fn each_line_is_an_item() {
        for (text, items) in [
            ("{\"a\":1}\n{\"b\":2}", vec!["{\"a\":1}", "{\"b\":2}"]),
            ("\r\n {\"a\":\r1}\r\n\n7\n\"x\"", vec!["{\"a\": 1}", "7", "\"x\""]),
        ] {
            assert_eq!(read_json_lines(text, LIMITS).unwrap().items, items, "{text:?}");
        }
    }

    #[test]
    fn other_lines_are_refused_with_their_number() {
        for (text, part) in [
            ("{\"a\":1}\n\n{\"a\":", "Line 3 is not JSON: the text ends too early, at column 5"),
            ("[1,2\n3]", "Line 1"),
            ("{} {}", "there is more text after the end of the value, at column 4"),
            ("{\"a\":1}{\"a\":2}", "use --data-binary, because -d leaves out the line breaks"),
            ("{} 7", "Line 1 is not JSON"),
            ("{}\n{}{}", "Line 2 is not JSON"),
            ("{a:1}", "there must be the name of a member, in double quotes, at column 2"),
        ] {
            let error = read_json_lines(text, LIMITS).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert_eq!(read_json_lines("1\n2\n3\n4", LIMITS), Err(ImportError::TooManyRows(3)));
        let large = format!("1\n\"{}\"", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(read_json_lines(&large, LIMITS), Err(ImportError::LargeRow { line: 2, bytes: MAX_RECORD_BYTES }));
    }
}
