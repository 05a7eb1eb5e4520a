//! Reads any bytes as a table. The first byte says how: see [`options`]. No row may be lost, each item must be JSON in one line, and the
//! table that is written from the items, as a table of failures is, must be read as the same items.

#![no_main]

use indexmap::IndexMap;
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

#[path = "../../host/src/operator_json.rs"]
#[expect(dead_code, unreachable_pub, reason = "the server uses more of it")]
mod operator_json;

#[path = "../../host/src/plain_words.rs"]
#[expect(dead_code, unreachable_pub, reason = "the server uses more of it")]
mod plain_words;

#[path = "../../host/src/export"]
mod export {
    pub(crate) mod cell;
    #[expect(dead_code, unreachable_pub, reason = "the server uses more of it")]
    pub(crate) mod csv_cells;
}

use export::cell::cell;
use export::csv_cells::CsvCells;
use host::import;
use import::{
    ColumnMapping, CsvOptions, ITEM_MEMBER, Import, ImportLimits, STATUS_MEMBER, TargetField, decode, read_csv,
};
use serde_json::value::RawValue;

const LIMITS: ImportLimits = ImportLimits { rows: 200, bytes: 20_000 };
/// Bytes of an error at most: it may name ten columns.
const MAX_ERROR_BYTES: usize = 4_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let charset = [None, None, Some("utf-8"), Some("windows-1252")][usize::from(choice >> 6)];
    let Ok(text) = decode(bytes, charset) else { return };
    let options = options(*choice);
    match read_csv(&text, &options, &fields(), LIMITS) {
        Ok(import) => {
            check(&import);
            write_and_read(&import, &options, choice & (1 << 5) != 0);
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
    let field = |(alias, label): (&str, &str)| TargetField {
        alias: alias.to_owned(),
        label: label.to_owned(),
        takes_several: false,
    };
    [("email", "Email"), ("firstname", "First Name"), ("phone", "Phone")].map(field).into()
}

fn check(import: &Import) {
    let columns = &import.source.columns;
    let fields: Vec<_> = columns.iter().filter_map(|column| column.field.as_ref()).collect();
    let of_columns: Vec<_> = columns.iter().map(|column| column.member()).collect();
    for (kind, mut names) in [("field", fields.iter().map(|field| field.as_str()).collect()), ("member", of_columns)] {
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "two columns became one {kind}");
    }
    assert!(import.items.len() <= LIMITS.rows && import.items.iter().map(String::len).sum::<usize>() <= LIMITS.bytes);
    let has_items = has_items(import);
    for item in &import.items {
        assert!(!item.contains(['\n', '\r']), "an item of several lines: {item}");
        if has_items {
            assert!(serde_json::from_str::<&RawValue>(item).is_ok(), "no JSON: {item}");
            continue;
        }
        let is_known = |name: &String| columns.iter().any(|column| column.member() == name);
        match members(item) {
            Some(members) if item.starts_with('{') => {
                assert!(members.keys().all(|name| name == "overwriteWithBlank" || is_known(name)), "{item}");
            }
            Some(members) => assert!(!members.is_empty() && members.keys().all(is_known), "{item}"),
            None => assert_eq!(item, "null"),
        }
    }
}

/// Returns whether a table has a column of whole items.
fn has_items(import: &Import) -> bool {
    import.source.columns.iter().any(|column| column.column == ITEM_MEMBER)
}

/// Writes the items as a table of the same columns, and reads it again.
fn write_and_read(import: &Import, options: &CsvOptions, excel: bool) {
    let columns: Vec<_> = import.source.columns.iter().filter(|column| column.column != ITEM_MEMBER).collect();
    let has_items = has_items(import);
    let delimiter = import.source.delimiter.expect("a table has one");
    let cells = CsvCells::new(delimiter, excel).with_own_columns();
    let own = has_items.then_some(ITEM_MEMBER).into_iter().chain([STATUS_MEMBER]);
    let mut table = cells.first_row(columns.iter().map(|column| column.column.as_str()).chain(own));
    for item in &import.items {
        let members = members(item).filter(|_| !has_items).unwrap_or_default();
        let text = |member: &str| members.get(member).map(|value| cell(value)).unwrap_or_default();
        let mut texts: Vec<String> = columns.iter().map(|column| text(column.member())).collect();
        texts.extend(has_items.then(|| item.clone()).into_iter().chain([String::from("400")]));
        cells.row(&mut table, texts.iter().map(String::as_str));
    }
    let again = CsvOptions { delimiter: u8::try_from(delimiter).ok(), ..options.clone() };
    let text = decode(&table, None).expect("it is text");
    let values = |items: &[String]| items.iter().map(|item| value(item)).collect::<Vec<_>>();
    let read = read_csv(&text, &again, &fields(), LIMITS).map(|again| values(&again.items));
    assert_eq!(read, Ok(values(&import.items)), "{text}");
}

/// Returns the members of an item: of an object, or of a row in which no field had text.
fn members(item: &str) -> Option<IndexMap<String, &RawValue>> {
    let object = item.strip_prefix('[').and_then(|item| item.strip_suffix(']')).unwrap_or(item);
    serde_json::from_str(object).ok()
}

/// Returns an item in a form in which blanks between its parts are no difference. What no value can hold stays a text.
fn value(item: &str) -> Value {
    serde_json::from_str(item).unwrap_or_else(|_| item.into())
}
