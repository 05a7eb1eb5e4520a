//! A table of failed items as they were sent, to be corrected and sent again. What no cell can hold is in a column of its own, as
//! JSON, so that nothing is lost.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::value::RawValue;

use super::cell::{cell, one_line};
use super::row_fit::{Members, fit_cells, members};
use crate::domain::{Job, Source, SourceColumn};
use crate::import::{ERRORS_MEMBER, ITEM_MEMBER, MAX_COLUMNS, MAX_NAME_BYTES, MAX_NAMES_BYTES, STATUS_MEMBER, is_own};
use crate::store::StoredRow;

/// What the errors of a row say besides.
const WHOLE: &str = " (This contact fits no row of a table: it is in the column 'bulkhead:item', as JSON.)";
const NO_FIELD: &str = " (No column that is a field has text in this row.)";

/// How a failed item is written.
enum ItemForm<'a> {
    /// Each member as a cell.
    Cells(Members<'a>),
    /// As the cells of a row in which no field had text.
    NoField(Option<Members<'a>>),
    /// As JSON.
    Whole,
}

/// The columns of a table of failed items.
#[derive(Debug)]
pub(super) struct FailedTable {
    /// For each column, its name and the member of the items that has its cells.
    columns: Vec<(String, String)>,
    /// The members that have columns.
    members: HashSet<String>,
    /// The members whose cells no field takes.
    others: HashSet<String>,
    /// Whether the table has a column of whole items.
    has_items: bool,
    /// Whether the items were rows of a table, each of which can be a row again.
    were_rows: bool,
    /// The names of the columns that became fields with other names, by field.
    renamed: HashMap<String, String>,
}

impl FailedTable {
    /// Returns the table of a job that came as a table: its columns are the same.
    pub(super) fn of_source(source: &Source) -> Self {
        let is_item = |column: &&SourceColumn| column.column == ITEM_MEMBER;
        let has_items = source.columns.iter().any(|column| is_item(&column));
        let read = source.columns.iter().filter(|column| !is_item(column));
        let columns: Vec<(String, String)> =
            read.clone().map(|column| (column.column.clone(), column.member().to_owned())).collect();
        let others = read.filter(|column| column.field.is_none()).map(|column| column.member().to_owned()).collect();
        let members = columns.iter().map(|(_, member)| member.clone()).collect();
        let field = |column: &SourceColumn| Some((column.field.clone()?, column.column.clone()));
        let renamed = source.columns.iter().filter_map(field).filter(|(field, column)| field != column).collect();
        Self { columns, members, others, has_items, were_rows: !has_items, renamed }
    }

    /// Returns the table of a job that came as JSON: it has a column for each member that a failed item has, in the order in which
    /// they first occur, as far as there is room for columns. `rows` returns the first rows of a range, and none if it has none.
    ///
    /// # Errors
    /// If `rows` fails.
    pub(super) fn of_items<E>(
        job: &Job,
        mut rows: impl FnMut(Range<u64>) -> Result<Vec<StoredRow>, E>,
    ) -> Result<Self, E> {
        let mut names = Names::default();
        let mut has_items = false;
        let mut range = 0..u64::from(job.total);
        while !range.is_empty() {
            let found = rows(range.clone())?;
            let Some(last) = found.last() else { break };
            range.start = u64::from(last.index) + 1;
            for item in found.iter().filter_map(|row| row.item.as_deref()) {
                let fits = members(item).is_some_and(|members| fit_cells(&members) && names.take(&members));
                has_items |= !fits;
            }
        }
        let columns = names.list.iter().map(|name| (name.clone(), name.clone())).collect();
        let members = names.list.into_iter().collect();
        Ok(Self { columns, members, others: HashSet::new(), has_items, were_rows: false, renamed: HashMap::new() })
    }

    /// Returns what a field is called in the table, if its column has another name: `E-Mail (email)`.
    pub(super) fn column_of(&self, field: &str) -> Option<String> {
        self.renamed.get(field).map(|column| format!("{column} ({field})"))
    }

    /// Returns the names of the columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.has_items.then_some(ITEM_MEMBER).into_iter().chain([STATUS_MEMBER, ERRORS_MEMBER]);
        self.columns.iter().map(|(name, _)| name.as_str()).chain(own)
    }

    /// Returns the cells of a failed item.
    pub(super) fn row(&self, item: Option<&RawValue>, status: String, mut errors: String) -> Vec<String> {
        let (members, whole) = match item.map(|item| (item, self.form(item))) {
            None => (None, None),
            Some((_, ItemForm::Cells(members))) => (Some(members), None),
            Some((_, ItemForm::NoField(members))) => {
                errors.push_str(NO_FIELD);
                (members, None)
            }
            Some((item, ItemForm::Whole)) => {
                errors.push_str(WHOLE);
                (None, Some(one_line(item.get())))
            }
        };
        let cell = |(_, member): &(String, String)| {
            members.as_ref().and_then(|members| members.get(member)).map(|value| cell(value)).unwrap_or_default()
        };
        let mut cells: Vec<String> = self.columns.iter().map(cell).collect();
        if self.has_items {
            cells.push(whole.unwrap_or_default());
        }
        cells.extend([status, errors]);
        cells
    }

    fn form<'a>(&self, item: &'a RawValue) -> ItemForm<'a> {
        if let Some(members) = self.row_without_field(item) {
            return ItemForm::NoField(Some(members));
        }
        let has_columns =
            |members: &Members<'_>| members.keys().all(|name| is_own(name) || self.members.contains(name));
        match members(item) {
            Some(members) if self.were_rows || (fit_cells(&members) && has_columns(&members)) => {
                ItemForm::Cells(members)
            }
            _ if self.has_items => ItemForm::Whole,
            _ => ItemForm::NoField(None),
        }
    }

    /// Returns the cells of a row in which no field had text: it became a list of an object.
    fn row_without_field<'a>(&self, item: &'a RawValue) -> Option<Members<'a>> {
        if self.others.is_empty() || !item.get().starts_with('[') {
            return None;
        }
        let list: Vec<&RawValue> = serde_json::from_str(item.get()).ok()?;
        let [object] = list.as_slice() else { return None };
        members(object).filter(|members| members.keys().all(|name| self.others.contains(name)))
    }
}

/// The names of columns so far.
#[derive(Default)]
struct Names {
    list: indexmap::IndexSet<String>,
    bytes: usize,
}

impl Names {
    /// Takes the names of an item's members. Returns `false`, and takes none, if one of them cannot be the name of a column or there is
    /// no room for them.
    fn take(&mut self, members: &Members<'_>) -> bool {
        let is_new = |name: &&String| !is_own(name) && !self.list.contains(*name);
        let new: Vec<&String> = members.keys().filter(is_new).collect();
        let bytes = self.bytes + new.iter().map(|name| name.len()).sum::<usize>();
        let is_name = |name: &&String| {
            (1..=MAX_NAME_BYTES).contains(&name.len()) && name.trim() == name.as_str() && !name.contains('\0')
        };
        if self.list.len() + new.len() > MAX_COLUMNS || bytes > MAX_NAMES_BYTES || !new.iter().all(is_name) {
            return false;
        }
        self.bytes = bytes;
        self.list.extend(new.into_iter().cloned());
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{FailedTable, Names, members};
    use crate::domain::{Source, SourceColumn, SourceFormat};

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn columns_are_bounded() {
        let mut names = Names::default();
        let take = |names: &mut Names, list: &[String]| {
            let item: serde_json::Map<_, _> = list.iter().map(|name| (name.clone(), true.into())).collect();
            names.take(&members(&raw(&serde_json::Value::from(item).to_string())).unwrap())
        };
        let many = |count: usize, length: usize| -> Vec<String> {
            (0..count).map(|number| format!("{number:0>length$}")).collect()
        };
        assert!(take(&mut names, &many(900, 3)));
        assert!(!take(&mut names, &many(1_001, 4)), "too many");
        assert!(!take(&mut names, &many(64, 1_000)), "too many bytes");
        assert!(!take(&mut names, &many(1, 1_001)), "too long");
        for name in ["", " a", "a\u{a0}", "\0"] {
            assert!(!take(&mut names, &[name.to_owned()]), "{name:?}");
        }
        assert!(take(&mut names, &many(900, 3)), "they are there");
        assert_eq!(names.list.len(), 900);
    }

    #[test]
    fn a_row_is_what_was_sent() {
        let column = |name: &str, field: Option<&str>| SourceColumn {
            column: name.to_owned(),
            field: field.map(str::to_owned),
            member: None,
            similar: None,
        };
        let mut columns = vec![column("E-Mail", Some("email")), column("Colour", None)];
        let source = |columns: &[SourceColumn]| Source { columns: columns.to_vec(), ..Source::json_lines() };
        let row = |table: &FailedTable, item: &str| {
            table.row(Some(&raw(item)), "400".to_owned(), "No.".to_owned()).join("; ")
        };
        let table = FailedTable::of_source(&Source { format: SourceFormat::Csv, ..source(&columns) });
        for (item, expected) in [
            (r#"{"email":"x","Colour":"red"}"#, "x; red; 400; No."),
            (r#"{"email":"x","Colour":"[1]","overwriteWithBlank":true}"#, "x; [1]; 400; No."),
            (r#"[{"Colour":"red"}]"#, "; red; 400; No. (No column that is a field has text in this row.)"),
            ("null", "; ; 400; No. (No column that is a field has text in this row.)"),
        ] {
            assert_eq!(row(&table, item), expected);
        }
        columns.push(column("bulkhead:item", None));
        let table = FailedTable::of_source(&source(&columns));
        assert_eq!(table.names().collect::<Vec<_>>()[1..3], ["Colour", "bulkhead:item"]);
        for (item, expected) in [
            (r#"{"email":"x","Colour":"red"}"#, "x; red; ; 400; No."),
            (r#"[{"Colour":"red"}]"#, "; red; ; 400; No. (No column"),
            ("{\"email\":\n{}}", "; ; {\"email\": {}}; 400; No. (This contact fits"),
            (r#"{"email":"x","other":"y"}"#, "; ; {\"email\":\"x\",\"other\":\"y\"}; 400; No. (This contact fits"),
            (r#"[{"email":"x"}]"#, "; ; [{\"email\":\"x\"}]; 400; No. (This contact fits"),
            ("{}", "; ; {}; 400; No. (This contact fits"),
            ("null", "; ; null; 400; No. (This contact fits"),
        ] {
            assert!(row(&table, item).starts_with(expected), "{item}: {}", row(&table, item));
        }
        assert_eq!(table.row(None, "400".to_owned(), "No.".to_owned()), ["", "", "", "400", "No."]);
    }
}
