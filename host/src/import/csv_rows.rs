//! Reads tables.

use super::columns::columns;
use super::header::Header;
use super::mapping::ColumnMapping;
use super::records::Records;
use super::row_items::RowItems;
use super::table_text::TableText;
use super::targets::{TargetField, Targets};
use super::{Import, ImportError, ImportLimits};
use crate::domain::{Source, SourceFormat};

/// How a table is read.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// What separates cells. Without it, what the header has: a comma, a semicolon, a tab or a bar.
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
/// If it cannot be read whole, is too large, or has no row with text.
pub fn read_csv(
    text: &str,
    options: &CsvOptions,
    fields: &[TargetField],
    limits: ImportLimits,
) -> Result<Import, ImportError> {
    let table = TableText::find(text, options.delimiter)?;
    let mut records = Records::new(table);
    if !records.advance()? {
        return Err(ImportError::Empty);
    }
    let header = first_row(&records, options)?;
    let targets = Targets::new(fields);
    let columns = match columns(&header, options.mapping.as_ref(), &targets) {
        // A table that lost its line breaks has nonsense for a header; that it has no rows says more.
        Err(_) if !header.is_row && matches!(records.advance(), Ok(false)) => return Err(ImportError::NoRows),
        columns => columns?,
    };
    let mut rows = RowItems::new(&header, &columns, &targets, options.blank_clears, limits);
    if header.is_row {
        rows.add(&records)?;
    }
    while records.advance()? {
        header.check_row(&records, table.delimiter)?;
        rows.add(&records)?;
    }
    let RowItems { items, blank_rows, .. } = rows;
    if items.is_empty() {
        return Err(ImportError::NoRows);
    }
    let delimiter = Some(char::from(table.delimiter));
    Ok(Import {
        items,
        source: Source { format: SourceFormat::Csv, delimiter, columns, excel: header.is_excel, blank_rows },
    })
}

/// Reads the first row of a table.
///
/// # Errors
/// If its columns cannot be told apart, or nothing says what they are.
pub(super) fn first_row(first: &Records<'_>, options: &CsvOptions) -> Result<Header, ImportError> {
    let header = Header::read(first, options.has_no_header)?;
    if options.has_no_header && options.mapping.is_none() {
        return Err(ImportError::NoHeader);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ColumnMapping, ImportError, ImportLimits, TargetField};
    use super::{CsvOptions, read_csv};

    const LIMITS: ImportLimits = ImportLimits { rows: 5, bytes: 2_000 };

    fn fields() -> Vec<TargetField> {
        let field = |alias: &str| TargetField {
            alias: alias.to_owned(),
            label: alias.to_uppercase(),
            takes_several: alias == "sizes",
        };
        ["email", "firstname", "phone", "sizes"].map(field).into()
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
            ("email,,firstname,\na@b.co,,A,\n,,,\n", &plain, vec![r#"{"email":"a@b.co","firstname":"A"}"#]),
            (
                "email,tags,sizes\na@b.co,\"[\"\"a|b\"\",\n\"\"c\"\"]\",\"[\"\"x\"\"]\"\nb@b.co,[a],s|m\n",
                &plain,
                vec![
                    r#"{"email":"a@b.co","tags":["a|b", "c"],"sizes":["x"]}"#,
                    r#"{"email":"b@b.co","tags":["[a]"],"sizes":"s|m"}"#,
                ],
            ),
        ] {
            assert_eq!(read(text, options).unwrap(), expected, "{text:?}");
        }
    }

    /// Cells as in the corpus `csv-spectrum`, with other texts.
    #[test]
    fn cells_of_every_kind_are_read() {
        for (text, expected) in [
            (
                "firstname,phone,email\nAda,1,\"London, Paris\"\n",
                &[r#"{"firstname":"Ada","phone":"1","email":"London, Paris"}"#][..],
            ),
            ("email,phone\na,\"\"\n\"\",2\n", &[r#"{"email":"a"}"#, r#"{"phone":"2"}"#]),
            ("email,phone\r\na,\"\"\r\n\"\",2\r\n", &[r#"{"email":"a"}"#, r#"{"phone":"2"}"#]),
            (
                "email,phone\n1,\"he said \"\"no\"\"\"\n2,\"\"\"\"\n",
                &[r#"{"email":"1","phone":"he said \"no\""}"#, r#"{"email":"2","phone":"\""}"#],
            ),
            (
                "email,phone\n1,\"{\"\"kind\"\": \"\"Point\"\", \"\"at\"\": [1.5, 2]}\"\n",
                &[r#"{"email":"1","phone":"{\"kind\": \"Point\", \"at\": [1.5, 2]}"}"#],
            ),
            ("email,phone\n1,52.5200,13.4050\n", &[]),
            ("email,phone\n1,\"52.5200,13.4050\"\n", &[r#"{"email":"1","phone":"52.5200,13.4050"}"#]),
            (
                "email,phone\n\"one\ntwo\",2\n3,\"four\n\n\"\n",
                &[r#"{"email":"one\ntwo","phone":"2"}"#, r#"{"email":"3","phone":"four"}"#],
            ),
            ("email,phone\r\n\"one\r\ntwo\",2\r\n", &[r#"{"email":"one\r\ntwo","phone":"2"}"#]),
            ("email,phone\n1,\"two \n\"\"three\"\"\n four\"\n", &[r#"{"email":"1","phone":"two \n\"three\"\n four"}"#]),
            ("email,phone\na,1", &[r#"{"email":"a","phone":"1"}"#]),
            ("email,phone\r\na,1\r\n", &[r#"{"email":"a","phone":"1"}"#]),
            (
                "\"email\",phone\nʤ,ﷺ\n\"🏴\u{e0067}\",한국\n",
                &[r#"{"email":"ʤ","phone":"ﷺ"}"#, "{\"email\":\"🏴\u{e0067}\",\"phone\":\"한국\"}"],
            ),
        ] {
            let read = read(text, &CsvOptions::default());
            if expected.is_empty() {
                assert!(read.is_err_and(|error| error.contains("line 2 has 3 cells")), "{text:?}");
            } else {
                assert_eq!(read.unwrap(), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn a_row_without_a_field_is_no_contact() {
        let clearing = CsvOptions { blank_clears: true, ..CsvOptions::default() };
        let plain = CsvOptions::default();
        for (text, options, expected) in [
            ("email,Colour,Size\n,red,\n", &plain, r#"[{"Colour":"red"}]"#),
            ("email,Colour,Size\n,red,L\n", &clearing, r#"[{"Colour":"red","Size":"L"}]"#),
            ("email,bulkhead:status\n,400\n", &clearing, "null"),
            ("bulkhead:status\n400\n", &plain, "null"),
            ("tags,Colour\n|,red\n", &plain, r#"[{"Colour":"red"}]"#),
        ] {
            assert_eq!(read(text, options).unwrap(), [expected], "{text:?}");
        }
    }

    #[test]
    fn a_file_that_bulkhead_wrote_is_read_as_it_was_sent() {
        let no_header = CsvOptions {
            has_no_header: true,
            mapping: Some(ColumnMapping::parse(r#"{"2":"email"}"#).unwrap()),
            ..CsvOptions::default()
        };
        let plain = CsvOptions::default();
        for (text, options, expected) in [
            ("email,'=x,bulkhead:status\n'+49,''-1,400\n", &plain, r#"{"email":"+49","=x":"'-1"}"#),
            ("email,'=x\n'+49,''-1\n", &plain, r#"{"email":"'+49","'=x":"''-1"}"#),
            ("tags,bulkhead:status\n'-old|new,400\n", &plain, r#"{"tags":["-old","new"]}"#),
            ("1,2,bulkhead:status\nx,a@b.co,400\n", &no_header, r#"{"1":"x","email":"a@b.co"}"#),
            ("email,bulkhead:item\n,\"{\"\"a\"\":\n[1]}\"\n", &plain, r#"{"a": [1]}"#),
            ("email,bulkhead:item\n,'-5\n", &plain, "-5"),
            ("bulkhead:item,bulkhead:status\nnull,400\n", &plain, "null"),
            ("email,bulkhead:item\na@b.co,\n", &plain, r#"{"email":"a@b.co"}"#),
        ] {
            assert_eq!(read(text, options).unwrap(), [expected], "{text:?}");
        }
    }

    #[test]
    fn tables_that_cannot_be_read_whole_are_refused() {
        let plain = CsvOptions::default();
        let long = format!("email,{}\n{}", "x".repeat(500), "a@b.co,y\n".repeat(5));
        for (text, part) in [
            ("email,phone\na@b.co\n", "The row in line 2 has 1 cell, and the first row has 2"),
            ("email,phone\n\"a\nb\",1\na@b.co,1,2\n", "line 4 has 3 cells"),
            ("email,phone\na@b.co,\"1\n", "line 2 begins with a quotation mark"),
            ("email\n1\n2\n3\n4\n5\n6\n", "more than 5 rows"),
            (long.as_str(), "more than 2000 bytes"),
            ("a@b.co,c@d.co\n1,2\n", "Send header=absent"),
            ("colour,shape\n1,2\n", "No column"),
            ("a@b.co,c@d.co\n", "a header and no rows with text"),
            ("email,phone\n,\n", "a header and no rows with text"),
            ("sep=\"\nemail\n", "and '\"' cannot"),
            ("sep=;\nemail;phone\na\n", "line 3 has 1 cell"),
            ("email,\na@b.co,\nb@b.co,x\n", "Column 2 has no name in the header, and text in line 3"),
            ("email\na\0@b.co\n", "Line 2 has a NUL character"),
            ("email,bulkhead:item\n,{}\na@b.co,{}\n", "line 3 has text in the column 'bulkhead:item' and in others"),
            (
                "email,bulkhead:item\n,{\n",
                "line 2 has in the column 'bulkhead:item' is not JSON: the text ends too early",
            ),
        ] {
            let error = read(text, &plain).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert_eq!(read_csv("\n\n", &plain, &fields(), LIMITS), Err(ImportError::Empty));
    }

    proptest! {
        #[test]
        fn cells_come_back_as_they_were(rows in prop::collection::vec(("[^\\s\\x00]{1,9}", "[^\\s\\x00][^\\x00]{0,5}[^\\s\\x00]"), 1..5)) {
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
