//! Rows of a table as items: a cell becomes the text of a member, and a blank cell is as if it were not there.

use super::columns::{ColumnMapping, TargetField, columns};
use super::own_members::OWN_PREFIX;
use super::quoting::{check, line_of};
use super::records::Records;
use super::{Import, ImportError, ImportLimits};
use crate::domain::{Source, SourceColumn, SourceFormat};

/// Members that are lists: their cells have several values, separated by `|`.
const LISTS: [&str; 3] = ["tags", "companies", "doNotContact"];
/// What separates the values of a cell.
const VALUES: char = '|';
/// What can separate cells, in the order in which they are looked for.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// How a table is read.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// What separates cells. Without it, what the header has: a comma, else a semicolon, a tab or a bar.
    pub delimiter: Option<u8>,
    /// Whether the first row is a row like the others.
    pub has_no_header: bool,
    /// Which column becomes which field. Without it, the columns' names decide.
    pub mapping: Option<ColumnMapping>,
    /// Whether a blank cell clears the field, instead of leaving it alone.
    pub blank_clears: bool,
}

/// Reads a table.
///
/// # Errors
/// If it cannot be read whole, or is too large.
pub fn read_csv(
    text: &str,
    options: &CsvOptions,
    fields: &[TargetField],
    limits: ImportLimits,
) -> Result<Import, ImportError> {
    let (text, named) = without_separator_line(text);
    let delimiter = options.delimiter.or(named).unwrap_or_else(|| delimiter_of(text));
    check(text, delimiter)?;
    let mut records = Records::new(text, delimiter);
    if !records.advance() {
        return Err(ImportError::Empty);
    }
    let first: Vec<String> = records.cells().map(str::to_owned).collect();
    let kept = kept_columns(&first, options.has_no_header);
    let header: Vec<String> = kept.iter().filter_map(|place| first.get(*place)).cloned().collect();
    let columns = columns(&header, !options.has_no_header, options.mapping.as_ref(), fields)?;
    let mut rows = Rows::new(&columns, &kept, options.blank_clears, limits);
    if options.has_no_header {
        rows.add(&records)?;
    }
    let mut record = 0;
    while records.advance() {
        record += 1;
        if records.len() != first.len() {
            let (cells, columns) = (records.len(), first.len());
            let line = line_of(text, delimiter, record);
            return Err(ImportError::Ragged { line, cells, columns, delimiter: char::from(delimiter) });
        }
        rows.add(&records)?;
    }
    let Rows { items, blank_rows, .. } = rows;
    let delimiter = Some(char::from(delimiter));
    Ok(Import { items, source: Source { format: SourceFormat::Csv, delimiter, columns, blank_rows } })
}

/// Returns the places of the columns that are read. Those of a file of failures are passed over when it comes back.
pub(super) fn kept_columns(first: &[String], has_no_header: bool) -> Vec<usize> {
    let is_own = |name: &String| !has_no_header && name.starts_with(OWN_PREFIX);
    (0..first.len()).filter(|place| !first.get(*place).is_some_and(is_own)).collect()
}

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

/// Returns a table without the line by which Excel says what separates cells, and what that line says.
pub(super) fn without_separator_line(text: &str) -> (&str, Option<u8>) {
    let (line, rest) = text.split_once(['\r', '\n']).unwrap_or((text, ""));
    match line.trim().to_ascii_lowercase().strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter]) => (rest, Some(*delimiter)),
        // The separator may be a tab, which was trimmed.
        Some([]) => (rest, Some(b'\t')),
        _ => (text, None),
    }
}

/// Returns what separates the cells of the first line: the first of the usual signs that the line has outside of quotation marks.
pub(super) fn delimiter_of(text: &str) -> u8 {
    let mut is_quoted = false;
    let mut seen = [false; DELIMITERS.len()];
    for byte in text.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\r' | b'\n' if !is_quoted => break,
            _ if is_quoted => {}
            byte => {
                for (seen, delimiter) in seen.iter_mut().zip(DELIMITERS) {
                    *seen |= byte == delimiter;
                }
            }
        }
    }
    seen.iter().zip(DELIMITERS).find_map(|(seen, delimiter)| seen.then_some(delimiter)).unwrap_or(b',')
}

/// The rows of a table so far, as items.
struct Rows {
    /// For each column, its place in the row, its member as JSON, and how its cells are written.
    columns: Vec<(usize, String, Cells)>,
    blank_clears: bool,
    limits: ImportLimits,
    items: Vec<String>,
    bytes: usize,
    blank_rows: u64,
}

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cells {
    /// As texts of a field.
    Field,
    /// As lists of texts.
    List,
    /// As texts that no field takes.
    Other,
}

impl Rows {
    fn new(columns: &[SourceColumn], places: &[usize], blank_clears: bool, limits: ImportLimits) -> Self {
        let column = |(column, place): (&SourceColumn, &usize)| {
            let cells = match &column.field {
                None => Cells::Other,
                Some(field) if LISTS.contains(&field.as_str()) => Cells::List,
                Some(_) => Cells::Field,
            };
            let mut member = String::new();
            push_json_text(&mut member, column.member());
            (*place, member, cells)
        };
        let columns = columns.iter().zip(places).map(column).collect();
        Self { columns, blank_clears, limits, items: Vec::new(), bytes: 0, blank_rows: 0 }
    }

    fn add(&mut self, record: &Records<'_>) -> Result<(), ImportError> {
        if record.cells().all(str::is_empty) {
            self.blank_rows += 1;
            return Ok(());
        }
        if self.items.len() >= self.limits.rows {
            return Err(ImportError::TooManyRows(self.limits.rows));
        }
        let mut item = String::with_capacity(self.items.last().map_or(0, String::len) + 32);
        item.push('{');
        let mut has_blank = false;
        for (place, member, cells) in &self.columns {
            let cell = record.cell(*place);
            let is_cleared = cell.is_empty() && self.blank_clears && *cells == Cells::Field;
            if cell.is_empty() && !is_cleared {
                continue;
            }
            has_blank |= is_cleared;
            if item.len() > 1 {
                item.push(',');
            }
            item.push_str(member);
            item.push(':');
            match cells {
                Cells::Field | Cells::Other => push_json_text(&mut item, cell),
                Cells::List => {
                    item.push('[');
                    for (place, value) in
                        cell.split(VALUES).map(str::trim).filter(|value| !value.is_empty()).enumerate()
                    {
                        if place > 0 {
                            item.push(',');
                        }
                        push_json_text(&mut item, value);
                    }
                    item.push(']');
                }
            }
        }
        if has_blank {
            item.push_str(",\"overwriteWithBlank\":true");
        }
        item.push('}');
        self.bytes += item.len();
        if self.bytes > self.limits.bytes {
            return Err(ImportError::TooLarge(self.limits.bytes));
        }
        self.items.push(item);
        Ok(())
    }
}

/// Appends a text as JSON. Most texts have nothing to escape.
fn push_json_text(json: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ColumnMapping, ImportError, ImportLimits, TargetField};
    use super::{CsvOptions, read_csv};

    const LIMITS: ImportLimits = ImportLimits { rows: 5, bytes: 2_000 };

    fn fields() -> Vec<TargetField> {
        let field = |alias: &str| TargetField { alias: alias.to_owned(), label: alias.to_uppercase() };
        ["email", "firstname", "phone"].map(field).into()
    }

    fn read(text: &str, options: &CsvOptions) -> Result<Vec<String>, String> {
        read_csv(text, options, &fields(), LIMITS).map(|import| import.items).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_become_items() {
        let no_header = CsvOptions {
            has_no_header: true,
            mapping: Some(ColumnMapping::parse(r#"{"2":"email"}"#).unwrap()),
            ..CsvOptions::default()
        };
        let clearing = CsvOptions { blank_clears: true, ..CsvOptions::default() };
        let plain = CsvOptions::default();
        for (text, options, expected) in [
            ("email,firstname\na@b.co,Ada\n", &plain, vec![r#"{"email":"a@b.co","firstname":"Ada"}"#]),
            ("email;phone\r\na@b.co;00491\r\n", &plain, vec![r#"{"email":"a@b.co","phone":"00491"}"#]),
            ("email\tphone\ra@b.co\t\r", &plain, vec![r#"{"email":"a@b.co"}"#]),
            ("sep=;\r\nemail;phone\r\na@b.co;1,5\r\n", &plain, vec![r#"{"email":"a@b.co","phone":"1,5"}"#]),
            (
                "email,tags\na@b.co, x | y |\nb@b.co,\n",
                &plain,
                vec![r#"{"email":"a@b.co","tags":["x","y"]}"#, r#"{"email":"b@b.co"}"#],
            ),
            (
                "email,firstname\na@b.co,\"A\"\"d\na\"\n,\n ,\t\nb@b.co,B",
                &plain,
                vec![r#"{"email":"a@b.co","firstname":"A\"d\na"}"#, r#"{"email":"b@b.co","firstname":"B"}"#],
            ),
            ("email,Colour,bulkhead:status\na@b.co,red,400\n", &plain, vec![r#"{"email":"a@b.co","Colour":"red"}"#]),
            (
                "email,firstname,Colour\na@b.co,,\n",
                &clearing,
                vec![r#"{"email":"a@b.co","firstname":"","overwriteWithBlank":true}"#],
            ),
            (
                "1,a@b.co\n2,b@b.co\n",
                &no_header,
                vec![r#"{"1":"1","email":"a@b.co"}"#, r#"{"1":"2","email":"b@b.co"}"#],
            ),
            ("email\n", &plain, vec![]),
        ] {
            assert_eq!(read(text, options).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn tables_that_cannot_be_read_whole_are_refused() {
        let plain = CsvOptions::default();
        let long = format!("email,{}\n{}", "x".repeat(500), "a@b.co,y\n".repeat(5));
        for (text, part) in [
            ("email,phone\na@b.co\n", "The row in line 2 has 1 cells, and the first row has 2"),
            ("email,phone\n\"a\nb\",1\na@b.co,1,2\n", "line 4 has 3 cells"),
            ("email,phone\na@b.co,\"1\n", "line 2 begins with a quotation mark"),
            ("email\n1\n2\n3\n4\n5\n6\n", "more than 5 rows"),
            (long.as_str(), "more than 2000 bytes"),
            ("a@b.co,c@d.co\n", "No column"),
        ] {
            let error = read(text, &plain).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert_eq!(read_csv("\n\n", &plain, &fields(), LIMITS), Err(ImportError::Empty));
    }

    proptest! {
        #[test]
        fn cells_come_back_as_they_were(rows in prop::collection::vec(("[^ \\s]{1,9}", "[^ \\s](.|\n){0,5}[^ \\s]"), 0..5)) {
            let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
            let row = |(email, name): &(String, String)| format!("{},{}\r\n", quoted(email), quoted(name));
            let text = format!("email,firstname\r\n{}", rows.iter().map(row).collect::<String>());
            let expected: Vec<serde_json::Value> = rows
                .iter()
                .filter(|(email, name)| !email.trim().is_empty() && !name.trim().is_empty())
                .map(|(email, name)| serde_json::json!({"email": email.trim(), "firstname": name.trim()}))
                .collect();
            prop_assume!(expected.len() == rows.len());
            let read = read_csv(&text, &CsvOptions::default(), &fields(), ImportLimits { rows: 9, bytes: 9_999 }).unwrap();
            let items: Vec<serde_json::Value> = read.items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn any_text_gives_an_answer(text in ".{0,80}", table in "[a,;\"\n|=e]{0,60}") {
            for text in [text, format!("email,phone\n{table}")] {
                drop(read_csv(&text, &CsvOptions::default(), &fields(), LIMITS));
            }
        }
    }
}
