//! What a job's items were read from, if they came as a file.

use serde::{Deserialize, Serialize};

/// The file that a job was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The file's format.
    pub format: SourceFormat,
    /// What separates the cells of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The columns of a table, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SourceColumn>,
    /// Whether a table came with the column `bulkhead:excel`, and so with apostrophes before formulas.
    #[serde(default, skip_serializing_if = "is_false")]
    pub excel: bool,
    /// Rows of a table without any text, which became no items.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blank_rows: u64,
}

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// A table.
    Csv,
    /// A JSON text on each line.
    Ndjson,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// Its name in the header, or its number.
    pub column: String,
    /// The alias of the field that it became, or null if it became none.
    pub field: Option<String>,
    /// The member of the items that has the column's cells, if that is neither the field nor the column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The alias of a field that the column's name is nearly the name of, if the column became none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
}

impl SourceColumn {
    /// Returns the member of the items that has the column's cells.
    pub fn member(&self) -> &str {
        self.member.as_deref().or(self.field.as_deref()).unwrap_or(&self.column)
    }
}

impl Source {
    /// Returns the source of items that came as JSON lines.
    pub fn json_lines() -> Self {
        Self { format: SourceFormat::Ndjson, delimiter: None, columns: Vec::new(), excel: false, blank_rows: 0 }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
