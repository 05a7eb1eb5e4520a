//! The rows of a table that a processor made of contacts, checked. All their texts are in one, so that a row costs no allocation.

use std::fmt;

use bulkhead_bounds::MAX_PRESENTED_BYTES;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::error_text::of_limit;
use crate::plain_words::counted;

/// Rows of a table. Each has as many cells as the table has columns.
#[derive(Debug, PartialEq, Eq)]
pub struct CellTable {
    columns: usize,
    text: String,
    /// Where each cell ends in the text, row by row.
    ends: Vec<usize>,
}

impl CellTable {
    /// Reads a reply to `cells` about `count` contacts.
    ///
    /// # Errors
    /// Why the reply breaks the contract.
    pub(super) fn parse(count: usize, columns: usize, reply: &[String]) -> Result<Self, String> {
        if reply.len() != count {
            return Err(format!("cells: {} rows for {count} contacts", reply.len()));
        }
        let bytes = reply.iter().map(String::len).sum();
        let mut table = Self {
            columns,
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(count.saturating_mul(columns)),
        };
        for (index, row) in reply.iter().enumerate() {
            table.add(row).map_err(|why| format!("cells: contact {index}: {why}"))?;
        }
        Ok(table)
    }

    /// Returns the cells of each row.
    pub fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        let mut begin = 0;
        self.ends.chunks(self.columns.max(1)).map(move |ends| {
            let row_begin = begin;
            begin = ends.last().copied().unwrap_or(begin);
            let mut cell_begin = row_begin;
            ends.iter().map(move |end| {
                let cell = self.text.get(cell_begin..*end).unwrap_or_default();
                cell_begin = *end;
                cell
            })
        })
    }

    fn add(&mut self, row: &str) -> Result<(), String> {
        if row.len() > MAX_PRESENTED_BYTES {
            return Err(format!("the row has {}", of_limit(row.len(), MAX_PRESENTED_BYTES, "bytes")));
        }
        let before = self.ends.len();
        let mut deserializer = serde_json::Deserializer::from_str(row);
        let read = deserializer.deserialize_seq(Cells(self)).and_then(|()| deserializer.end());
        read.map_err(|error| format!("a row that is not a JSON list of texts: {error}"))?;
        let cells = self.ends.len() - before;
        if cells != self.columns {
            return Err(format!("{} for {}", counted(cells, "cell"), counted(self.columns, "column")));
        }
        Ok(())
    }
}

/// Reads the cells of a row.
struct Cells<'t>(&'t mut CellTable);

impl<'de> Visitor<'de> for Cells<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        while cells.next_element_seed(Cell(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads one cell.
struct Cell<'t>(&'t mut CellTable);

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Cell<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text.push_str(text);
        self.0.ends.push(self.0.text.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CellTable;

    fn parse(columns: usize, rows: &[&str]) -> Result<Vec<Vec<String>>, String> {
        let reply: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        let table = CellTable::parse(rows.len(), columns, &reply)?;
        Ok(table.rows().map(|row| row.map(str::to_owned).collect()).collect())
    }

    #[test]
    fn rows_are_read_cell_by_cell() {
        let rows = parse(3, &[r#"["a","","b\"\n\u00fc"]"#, r#"[ "", "", "" ]"#, r#"["c|d","e","[\"f\"]"]"#]).unwrap();
        assert_eq!(rows, [["a", "", "b\"\nü"], ["", "", ""], ["c|d", "e", "[\"f\"]"]]);
        assert!(parse(2, &[]).unwrap().is_empty());
    }

    #[test]
    fn other_rows_break_the_contract() {
        for (row, part) in [
            (r#"["a"]"#, "1 cell for 2 columns"),
            (r#"["a","b","c"]"#, "3 cells for 2 columns"),
            (r#"["a",1]"#, "not a JSON list of texts"),
            (r#"["a",null]"#, "not a JSON list of texts"),
            (r#"["a","b"] "c""#, "not a JSON list of texts"),
            (r#"["a","b""#, "not a JSON list of texts"),
            (r#"{"a":"b"}"#, "not a JSON list of texts"),
            ("", "not a JSON list of texts"),
        ] {
            let error = parse(2, &[r#"["x","y"]"#, row]).unwrap_err();
            assert!(error.starts_with("cells: contact 1: ") && error.contains(part), "{row}: {error}");
        }
        let large = format!(r#"["{}",""]"#, "x".repeat(1 << 20));
        assert!(parse(2, &[&large]).unwrap_err().contains("1,048,576"), "the bound is named");
        assert!(CellTable::parse(2, 1, &[String::from(r#"["a"]"#)]).unwrap_err().contains("1 rows for 2 contacts"));
    }
}
