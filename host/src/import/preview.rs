//! The beginning of a table as a person sees it before it is sent: its columns, what each could become, and its first rows.

use super::ImportError;
use super::columns::check_header;
use super::csv_rows::CsvOptions;
use super::header::Header;
use super::records::Records;
use super::table_text::TableText;
use super::targets::{TargetField, Targets};

/// The beginning of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePreview {
    /// What separates cells: what was said, or what was found.
    pub delimiter: char,
    /// Whether Bulkhead wrote the table, so that it has columns that are passed over.
    pub is_own: bool,
    /// The columns that are read, in order.
    pub columns: Vec<PreviewColumn>,
    /// Rows with text, without the header.
    pub rows: usize,
    /// Rows that bring a whole contact as JSON, in a column of Bulkhead's own.
    pub whole_rows: usize,
    /// Why the table cannot be read whole, if it cannot. The columns are those of the first row all the same.
    pub fault: Option<ImportError>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewColumn {
    /// Its name in the header, or its number.
    pub name: String,
    /// The alias of the field that its name means, if no other column means the same field better.
    pub field: Option<String>,
    /// Its cells in the first rows.
    pub samples: Vec<String>,
}

impl TablePreview {
    /// Reads a table, with the cells of the first `samples` rows.
    ///
    /// # Errors
    /// If no column can be told: the table is empty, its separator is not clear, or its first row cannot be one.
    pub fn read(text: &str, options: &CsvOptions, fields: &[TargetField], samples: usize) -> Result<Self, ImportError> {
        let table = TableText::find(text, options.delimiter)?;
        let mut records = Records::new(table);
        if !records.advance()? {
            return Err(ImportError::Empty);
        }
        let header = Header::read(&records, options.has_no_header)?;
        let targets = Targets::new(fields);
        let names: Vec<&str> = header.names().collect();
        if !header.is_own && !header.is_row {
            check_header(names.iter().copied().filter(|name| targets.exact(name).is_none()))?;
        }
        // Two columns may mean one field, which the person decides.
        let (found, _) = targets.find_best(&names);
        let mut columns: Vec<PreviewColumn> = names
            .iter()
            .zip(found)
            .map(|(name, field)| PreviewColumn {
                name: (*name).to_owned(),
                field: field.map(str::to_owned),
                samples: Vec::new(),
            })
            .collect();
        let mut preview = Self {
            delimiter: char::from(table.delimiter),
            is_own: header.is_own,
            columns: Vec::new(),
            rows: 0,
            whole_rows: 0,
            fault: None,
        };
        let is_row = header.is_row;
        let mut add = |records: &Records<'_>| {
            if records.cells().all(|cell| cell.trim().is_empty()) {
                return;
            }
            preview.rows += 1;
            preview.whole_rows += usize::from(header.item.is_some_and(|place| !records.cell(place).is_empty()));
            if preview.rows <= samples {
                for ((place, _), column) in header.columns.iter().zip(&mut columns) {
                    column.samples.push(records.cell(*place).to_owned());
                }
            }
        };
        if is_row {
            add(&records);
        }
        let fault = loop {
            match records.advance() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
            if let Err(error) = header.check_row(&records, table.delimiter) {
                break Some(error);
            }
            add(&records);
        };
        let fault = fault.or((preview.rows == 0).then_some(ImportError::NoRows));
        Ok(Self { columns, fault, ..preview })
    }
}

#[cfg(test)]
mod tests {
    use super::{CsvOptions, TablePreview, TargetField};
    use crate::import::ColumnMapping;

    fn read(text: &str, options: &CsvOptions) -> TablePreview {
        let field = |(alias, label): (&str, &str)| TargetField {
            alias: alias.to_owned(),
            label: label.to_owned(),
            takes_several: false,
        };
        let fields = [("email", "Email"), ("firstname", "First Name"), ("mobile", "Mobile")].map(field);
        TablePreview::read(text, options, &fields, 2).unwrap()
    }

    #[test]
    fn columns_are_told_with_samples_and_guesses() {
        let preview =
            read("E-Mail;First name;Shoe\na@b.co;Ada;38\n;;\nb@b.co;Bob;\nc@b.co;Cy;1\n", &CsvOptions::default());
        assert_eq!((preview.delimiter, preview.rows, preview.fault.as_ref()), (';', 3, None));
        let told: Vec<(&str, Option<&str>, Vec<&str>)> = preview
            .columns
            .iter()
            .map(|it| (it.name.as_str(), it.field.as_deref(), it.samples.iter().map(String::as_str).collect()))
            .collect();
        let expected = [
            ("E-Mail", Some("email"), vec!["a@b.co", "b@b.co"]),
            ("First name", Some("firstname"), vec!["Ada", "Bob"]),
            ("Shoe", None, vec!["38", ""]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_be_guessed_is_left_to_the_person() {
        let fields = |text: &str| -> Vec<Option<String>> {
            read(text, &CsvOptions::default()).columns.into_iter().map(|column| column.field).collect()
        };
        assert_eq!(fields("email,E-Mail\na@b.co,b@b.co\n"), [Some(String::from("email")), None]);
        assert_eq!(fields("Mail,email,E-Mail\na@b.co,b@b.co,c@b.co\n"), [None, Some(String::from("email")), None]);
        assert_eq!(fields("x,y\n1,2\n"), [None, None]);
        let mapping = Some(ColumnMapping::parse(r#"{"1":"email"}"#).unwrap());
        let options = CsvOptions { has_no_header: true, mapping, ..CsvOptions::default() };
        let preview = read("a@b.co,Ada\nb@b.co,Bob\n", &options);
        assert_eq!((preview.rows, preview.columns.len()), (2, 2));
    }

    #[test]
    fn a_fault_further_down_is_told_beside_the_columns() {
        let preview = read("email,firstname\na@b.co,Ada\nb@b.co\n", &CsvOptions::default());
        assert_eq!((preview.columns.len(), preview.rows), (2, 1));
        assert!(preview.fault.is_some_and(|fault| fault.to_string().contains("line 3 has 1 cell")));
    }
}
