//! Rows of a table as items: a cell becomes the text of a member, and a blank cell is as if it were not there.

use serde_json::value::RawValue;

use super::formula::without_mark;
use super::header::Header;
use super::list_cell::{is_json_list, is_list_member, push_list, push_one_line, push_text};
use super::records::{Records, trimmed};
use super::targets::Targets;
use super::{ImportError, ImportLimits};
use crate::domain::SourceColumn;
use crate::plain_words::json_flaw;

/// The rows of a table so far, as items.
pub(super) struct RowItems {
    columns: Vec<Column>,
    /// The place of the column that has whole items.
    item: Option<usize>,
    /// Whether Bulkhead put apostrophes before formulas.
    has_marks: bool,
    blank_clears: bool,
    limits: ImportLimits,
    pub(super) items: Vec<String>,
    bytes: usize,
    pub(super) blank_rows: u64,
}

/// A column that is read.
struct Column {
    /// Its place in a row.
    place: usize,
    /// Its member as JSON.
    member: String,
    cells: Cells,
}

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cells {
    /// As texts of a field.
    Field,
    /// As texts of a field, or as JSON lists.
    Several,
    /// As lists.
    List,
    /// As texts that no field takes.
    Other,
}

impl RowItems {
    /// Begins without a row. `columns` are what the columns of the header become.
    pub(super) fn new(
        header: &Header,
        columns: &[SourceColumn],
        targets: &Targets<'_>,
        blank_clears: bool,
        limits: ImportLimits,
    ) -> Self {
        let column = |((place, _), column): (&(usize, String), &SourceColumn)| {
            let cells = match column.field.as_deref() {
                None => Cells::Other,
                Some(field) if is_list_member(field) => Cells::List,
                Some(field) if targets.takes_several(field) => Cells::Several,
                Some(_) => Cells::Field,
            };
            let mut member = String::new();
            push_text(&mut member, column.member());
            Column { place: *place, member, cells }
        };
        Self {
            columns: header.columns.iter().zip(columns).map(column).collect(),
            item: header.item,
            has_marks: header.is_own,
            blank_clears,
            limits,
            items: Vec::new(),
            bytes: 0,
            blank_rows: 0,
        }
    }

    /// Adds a row. One in which no field has text becomes an item that is refused: an object would make a contact of nothing.
    ///
    /// # Errors
    /// If there are too many rows, or the row cannot be read.
    pub(super) fn add(&mut self, row: &Records<'_>) -> Result<(), ImportError> {
        if row.cells().all(str::is_empty) {
            self.blank_rows += 1;
            return Ok(());
        }
        if self.items.len() >= self.limits.rows {
            return Err(ImportError::TooManyRows(self.limits.rows));
        }
        let item = match self.whole_item(row)? {
            Some(item) => item,
            None => self.item_of_cells(row),
        };
        self.bytes += item.len();
        if self.bytes > self.limits.bytes {
            return Err(ImportError::TooLarge(self.limits.bytes));
        }
        self.items.push(item);
        Ok(())
    }

    /// Returns a cell as it was before Bulkhead wrote it.
    fn cell<'r>(&self, row: &'r Records<'_>, place: usize) -> &'r str {
        let cell = row.cell(place);
        if self.has_marks { trimmed(without_mark(cell)) } else { cell }
    }

    /// Returns the item that a row has as JSON, if it has one.
    fn whole_item(&self, row: &Records<'_>) -> Result<Option<String>, ImportError> {
        let json = self.item.map_or("", |place| self.cell(row, place));
        if json.is_empty() {
            return Ok(None);
        }
        if let Err(error) = serde_json::from_str::<&RawValue>(json) {
            return Err(ImportError::ItemNotJson { line: row.line(), why: json_flaw(&error) });
        }
        if self.columns.iter().any(|column| !self.cell(row, column.place).is_empty()) {
            return Err(ImportError::ItemAndCells(row.line()));
        }
        let mut item = String::with_capacity(json.len());
        push_one_line(&mut item, json);
        Ok(Some(item))
    }

    fn item_of_cells(&self, row: &Records<'_>) -> String {
        let mut item = String::with_capacity(self.items.last().map_or(0, String::len) + 32);
        let (mut has_field, mut has_other, mut has_blank) = (false, false, false);
        item.push('{');
        for Column { place, member, cells } in &self.columns {
            let cell = self.cell(row, *place);
            let is_cleared = cell.is_empty() && self.blank_clears && matches!(cells, Cells::Field | Cells::Several);
            if cell.is_empty() && !is_cleared {
                continue;
            }
            has_blank |= is_cleared;
            push_member(&mut item, member);
            match cells {
                Cells::List => push_list(&mut item, cell),
                Cells::Several if is_json_list(cell) => push_one_line(&mut item, cell),
                Cells::Field | Cells::Several | Cells::Other => push_text(&mut item, cell),
            }
            has_other |= *cells == Cells::Other;
            // A list without values sets nothing.
            has_field |= *cells != Cells::Other && !is_cleared && !(*cells == Cells::List && item.ends_with("[]"));
        }
        if !has_field {
            return if has_other { self.other_cells(row) } else { String::from("null") };
        }
        if has_blank {
            item.push_str(",\"overwriteWithBlank\":true");
        }
        item.push('}');
        item
    }

    /// Returns the cells that no field takes, as an item that is refused and can be written as a row again: a list of an object.
    fn other_cells(&self, row: &Records<'_>) -> String {
        let mut item = String::from("[{");
        for Column { place, member, .. } in self.columns.iter().filter(|column| column.cells == Cells::Other) {
            let cell = self.cell(row, *place);
            if !cell.is_empty() {
                push_member(&mut item, member);
                push_text(&mut item, cell);
            }
        }
        item.push_str("}]");
        item
    }
}

/// Appends the name of a member.
fn push_member(item: &mut String, member: &str) {
    if !item.ends_with('{') {
        item.push(',');
    }
    item.push_str(member);
    item.push(':');
}
