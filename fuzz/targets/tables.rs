//! Reads any bytes as a table. The first byte says how: see [`options`]. No row may be lost, each item must be an object in one line,
//! and the table that is written from the items must be read as the same items.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[path = "../../host/src/domain"]
#[expect(unreachable_pub, reason = "the server is a library, too")]
mod domain {
    mod source;

    pub(crate) use source::{Source, SourceColumn, SourceFormat};
}

#[path = "../../host/src"]
mod host {
    #[expect(dead_code, unreachable_pub, unused_imports, reason = "the server uses more of it")]
    pub(crate) mod import;
}

#[path = "../../host/src/export/csv_cells.rs"]
#[expect(dead_code, unreachable_pub, reason = "the server uses more of it")]
mod csv_cells;

use csv_cells::CsvCells;
use host::import::{ColumnMapping, CsvOptions, Import, ImportLimits, TargetField, decode, read_csv};

const LIMITS: ImportLimits = ImportLimits { rows: 200, bytes: 20_000 };
/// Bytes of an error at most: it may name ten columns.
const MAX_ERROR_BYTES: usize = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let charset = [None, None, Some("utf-8"), Some("windows-1252")][usize::from(choice >> 6)];
    let Ok(text) = decode(bytes, charset) else { return };
    let options = options(*choice);
    match read_csv(&text, &options, &fields(), LIMITS) {
        Ok(import) => {
            check(&import);
            write_and_read(&import, &options);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() <= MAX_ERROR_BYTES, "{text}");
        }
    }
});

/// Returns how a table is read, by the bits of a number.
fn options(bits: u8) -> CsvOptions {
    let is_set = |bit: u8| bits & (1 << bit) != 0;
    let has_no_header = is_set(0);
    let mapping = if has_no_header { r#"{"1":"email","2":"tags"}"# } else { r#"{"a":"email","tags":"b"}"# };
    let mapping = (has_no_header || is_set(1)).then(|| ColumnMapping::parse(mapping).expect("it is a mapping"));
    let delimiter = is_set(2).then_some(if is_set(3) { b';' } else { b'\t' });
    CsvOptions { delimiter, has_no_header, mapping, blank_clears: is_set(4) }
}

fn fields() -> Vec<TargetField> {
    let field = |(alias, label): (&str, &str)| TargetField { alias: alias.to_owned(), label: label.to_owned() };
    [("email", "Email"), ("firstname", "First Name"), ("phone", "Phone")].map(field).into()
}

fn check(import: &Import) {
    let columns = &import.source.columns;
    let fields: Vec<_> = columns.iter().filter_map(|column| column.field.as_ref()).collect();
    let members: Vec<_> = columns.iter().map(|column| column.member()).collect();
    for (kind, mut names) in [("field", fields.iter().map(|field| field.as_str()).collect()), ("member", members)] {
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "two columns became one {kind}");
    }
    assert!(import.items.len() <= LIMITS.rows && import.items.iter().map(String::len).sum::<usize>() <= LIMITS.bytes);
    for item in &import.items {
        assert!(!item.contains(['\n', '\r']), "an item of several lines: {item}");
        assert!(
            object(item)
                .keys()
                .all(|name| { name == "overwriteWithBlank" || columns.iter().any(|column| column.member() == name) })
        );
    }
}

/// Writes the items as a table of the same columns, and reads it again.
fn write_and_read(import: &Import, options: &CsvOptions) {
    let columns = &import.source.columns;
    let items: Vec<_> = import.items.iter().map(|item| object(item)).collect();
    // A cell of separators alone is a list without values, which is written as a blank cell.
    let has_empty_list = items.iter().flat_map(|item| item.values()).any(|value| value == &Value::Array(Vec::new()));
    let delimiter = import.source.delimiter.expect("a table has one");
    if has_empty_list {
        return;
    }
    let cells = CsvCells::new(delimiter, false);
    let mut table = Vec::new();
    if !options.has_no_header {
        cells.row(&mut table, columns.iter().map(|column| column.column.as_str()));
    }
    for item in &items {
        let texts: Vec<String> = columns.iter().map(|column| cell(item.get(column.member()))).collect();
        cells.row(&mut table, texts.iter().map(String::as_str));
    }
    let table = String::from_utf8(table).expect("cells are texts");
    let again = CsvOptions { delimiter: u8::try_from(delimiter).ok(), ..options.clone() };
    // Without a row there is nothing to read.
    if !table.trim().is_empty() {
        let read = read_csv(&table, &again, &fields(), LIMITS).map(|again| again.items);
        assert_eq!(read.as_ref(), Ok(&import.items), "{table}");
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        _ => String::new(),
    }
}

fn object(item: &str) -> serde_json::Map<String, Value> {
    serde_json::from_str(item).expect("an item is an object")
}
