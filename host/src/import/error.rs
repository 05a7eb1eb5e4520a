//! Why a file is refused, in words for whoever sent it: what is wrong, where, and what to do.

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The file has no bytes but blanks.
    #[error("The file is empty. Send a table with a header and at least one row.")]
    Empty,
    /// The file is no text.
    #[error("The file is {0}, not a table of text. Save it as CSV, and send that.")]
    NotText(&'static str),
    /// The charset's name is unknown.
    #[error(
        "'{0}' is no charset that this server knows. Send the file as UTF-8, or name its charset, such as windows-1252."
    )]
    UnknownCharset(String),
    /// Bytes are not of the charset.
    #[error(
        "The byte 0x{byte:02X} in line {line} is not UTF-8. Save the file as UTF-8, or name its charset: Excel on Windows mostly writes charset=windows-1252."
    )]
    NotUtf8 {
        /// The first byte that is wrong.
        byte: u8,
        /// Its line, from 1.
        line: usize,
    },
    /// Bytes are not of the charset that was named.
    #[error("The file is not {0}. Name the charset that it is written in, or save it as UTF-8.")]
    NotOfCharset(&'static str),
    /// A cell that begins with a quotation mark has no end.
    #[error(
        "The cell in line {0} begins with a quotation mark and has no end. Close it, or write a quotation mark inside a cell twice."
    )]
    OpenQuote(usize),
    /// Something follows a quoted cell.
    #[error(
        "In line {0}, text follows the quotation mark that closes a cell. Write a quotation mark inside a cell twice."
    )]
    AfterQuote(usize),
    /// A row has another number of cells than the header.
    #[error(
        "The row in line {line} has {cells} cells, and the first row has {columns}. Check the delimiter, and whether cells with '{delimiter}' are in quotation marks."
    )]
    Ragged {
        /// The line in which the row begins, from 1.
        line: usize,
        /// Cells of the row.
        cells: usize,
        /// Cells of the first row.
        columns: usize,
        /// What separates cells.
        delimiter: char,
    },
    /// The header has a cell without text.
    #[error("Column {0} of the header has no name. Name it, or delete the column.")]
    UnnamedColumn(usize),
    /// Two columns have one name.
    #[error("The header has the column '{0}' twice. Rename one, or delete it.")]
    RepeatedColumn(String),
    /// Two columns mean one field.
    #[error(
        "The columns '{0}' and '{1}' both mean the field '{2}'. Send a mapping that names one of them, or delete one."
    )]
    SameTarget(String, String, String),
    /// The file has too many columns.
    #[error("The file has {0} columns; at most {1} are taken. Delete those that are no fields.")]
    TooManyColumns(usize, usize),
    /// No column means a field.
    #[error(
        "No column of the file means a field of contacts: {0}. Send a mapping such as {{\"Your column\":\"email\"}}, or check the delimiter. GET /api/contacts/list/fields lists the fields."
    )]
    NoColumnKnown(String),
    /// The mapping is no JSON object of texts.
    #[error("The mapping must be a JSON object such as {{\"Your column\":\"email\"}}.")]
    UnreadableMapping,
    /// The mapping names neither a column nor a field.
    #[error(
        "The mapping has '{0}': '{1}', but the file has no column '{0}' that could become the field '{1}', nor the other way round."
    )]
    UnknownMapping(String, String),
    /// The file has no header, and no mapping says what its columns are.
    #[error("A file without a header needs a mapping by numbers, such as {{\"1\":\"email\",\"2\":\"firstname\"}}.")]
    NoHeader,
    /// A line is no JSON.
    #[error("Line {line} is not JSON: {why}. Each line must be one contact, as a JSON object.")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The file has too many rows.
    #[error(
        "The file has more than {0} rows. Nothing was stored. Send it in parts, or with split=1, which makes a group of jobs."
    )]
    TooManyRows(usize),
    /// The rows come to too many bytes.
    #[error(
        "The rows come to more than {0} bytes as JSON. Nothing was stored. Send the file in parts, or shorten the names of its columns."
    )]
    TooLarge(usize),
}

impl ImportError {
    /// Returns whether the file is too large, rather than wrong.
    pub fn is_size(&self) -> bool {
        matches!(self, Self::TooManyRows(_) | Self::TooLarge(_))
    }
}
