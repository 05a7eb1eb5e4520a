//! Why a file is refused, in words for whoever sent it: what is wrong, where, and what to do.

use super::other_kind::OtherKind;
use crate::plain_words::counted;

/// Characters that are shown of a text that a client sent.
const MAX_SHOWN_CHARS: usize = 60;

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The file has no bytes but blanks.
    #[error("The file is empty. Send a file with at least one contact.")]
    Empty,
    /// A table has a header, and no row with text.
    #[error(
        "The file has a header and no rows with text. Send a file with at least one contact. If you sent it with curl, use --data-binary, because -d leaves out the line breaks. If the first row is a contact, send header=absent and a mapping by numbers."
    )]
    NoRows,
    /// The file is no text, or no table.
    #[error("The file is {}. {}", .0.noun(), .0.cure())]
    NotText(OtherKind),
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
    /// A charset of single bytes was named for a file whose letters beyond ASCII are all UTF-8.
    #[error(
        "The file is UTF-8, as its letters beyond ASCII show, and not {0}: read as that, 'é' would become 'Ã©'. Leave the charset out."
    )]
    IsUtf8(&'static str),
    /// Bytes are not of the charset that was named.
    #[error("The file is not {0}. Name the charset that it is written in, or save it as UTF-8.")]
    NotOfCharset(&'static str),
    /// A table has a character that no text has.
    #[error("Line {0} has a NUL character, which no text has. Save the file again as UTF-8, or delete the character.")]
    Nul(usize),
    /// The first line names a separator that cannot be one.
    #[error(
        "The first line, 'sep=…', names '{0}' as the separator, and '{0}' cannot be one. Write one sign such as , ; or | there, or delete the line."
    )]
    Separator(String),
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
        "The row in line {line} has {}, and the first row has {columns}. Check the delimiter, and whether cells with '{delimiter}' are in quotation marks.",
        counted(*.cells, "cell")
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
    /// A row has text in a column without a name.
    #[error("Column {column} has no name in the header, and text in line {line}. Name it, or delete the column.")]
    UnnamedColumn {
        /// The column, from 1.
        column: usize,
        /// The line in which the row begins, from 1.
        line: usize,
    },
    /// A row has more bytes than are read.
    #[error(
        "The row in line {line} has more than {bytes} bytes, which no contact has. Check whether the file has line ends, and whether a quotation mark is closed."
    )]
    LargeRow {
        /// The line in which the row begins, from 1.
        line: usize,
        /// Bytes that a row may have.
        bytes: usize,
    },
    /// A row has more cells than are read.
    #[error("The row in line {line} has more than {cells} cells. Delete the columns that are no fields.")]
    WideRow {
        /// The line in which the row begins, from 1.
        line: usize,
        /// Cells that a row may have.
        cells: usize,
    },
    /// The column of whole contacts has something else.
    #[error(
        "What the row in line {line} has in the column 'bulkhead:item' is not JSON: {why}. Correct it, or write the contact into the other columns."
    )]
    ItemNotJson {
        /// The line in which the row begins, from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A row has a whole contact and cells of one.
    #[error(
        "The row in line {0} has text in the column 'bulkhead:item' and in others, and only one of the two can be the contact. Empty the other."
    )]
    ItemAndCells(usize),
    /// Two columns have one name.
    #[error("The header has the column '{0}' twice. Rename one, or delete it.")]
    RepeatedColumn(String),
    /// Two columns mean one field.
    #[error(
        "The columns '{0}' and '{1}' both mean the field '{2}'. Send a mapping such as {3}, which names one of them and each other column that is to become a field; or delete one."
    )]
    SameTarget(String, String, String, String),
    /// The file has too many columns.
    #[error("The file has {0} columns; at most {1} are taken. Delete those that are no fields.")]
    TooManyColumns(usize, usize),
    /// The name of a column is too long.
    #[error("Column {column} has a name of {bytes} bytes; at most {limit} are taken. Shorten it.")]
    LongName {
        /// The column, from 1.
        column: usize,
        /// Bytes of its name.
        bytes: usize,
        /// Bytes that a name may have.
        limit: usize,
    },
    /// The names of all columns are too long.
    #[error("The names of the columns have {bytes} bytes in all; at most {limit} are taken. Shorten them.")]
    LongNames {
        /// Bytes of the names.
        bytes: usize,
        /// Bytes that they may have.
        limit: usize,
    },
    /// Two signs may separate the cells.
    #[error(
        "The header has both '{0}' and '{1}', and either may separate the cells. Say which by delimiter={0} or delimiter={1}, or put the names that have the other in quotation marks."
    )]
    UnclearDelimiter(char, char),
    /// No column means a field. Shows the columns, and a mapping of one.
    #[error(
        "No column of the file means a field of contacts: {0}. Send a mapping such as {1}, or check the delimiter. GET /api/contacts/list/fields lists the fields."
    )]
    NoColumnKnown(String, String),
    /// The names of columns are the values of a contact.
    #[error(
        "The first row has '{0}', so it seems to be a contact, and the file to have no header. Send header=absent and a mapping by numbers, such as {{\"1\":\"email\"}}; or write the names of the columns above it."
    )]
    HeaderIsContact(String),
    /// A table of edits has no column of ids.
    #[error(
        "An edit finds each contact by its id, and no column of the file means 'id': {0}. Add such a column, or name it in the mapping. To find contacts by their addresses instead, send the file to POST /api/contacts/bulk/new?mode=update ('bulkhead submit FILE --mode update'), which makes no new contacts."
    )]
    NoIds(String),
    /// The mapping is no JSON object of texts.
    #[error("The mapping must be a JSON object such as {{\"Your column\":\"email\"}}: {0}.")]
    UnreadableMapping(String),
    /// The mapping is too large.
    #[error("The mapping has {count} {what}; at most {limit} are taken. Name the columns in the file as their fields.")]
    LargeMapping {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The mapping names a column that the file does not have.
    #[error("The mapping names the column '{0}', which the file does not have: it has {1}.")]
    UnknownColumn(String, String),
    /// The mapping names a field that the tenant does not have.
    #[error(
        "The mapping names the field '{1}' for the column '{0}', and there is no such field. GET /api/contacts/list/fields lists the fields."
    )]
    UnknownTarget(String, String),
    /// The mapping names two fields for one column.
    #[error("The mapping makes two fields of the column '{0}', '{1}' and '{2}'. Name one of them.")]
    TwoTargets(String, String, String),
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
    /// Several objects stand in the only line.
    #[error(
        "Line 1 is not JSON: {0}. Each line must be one contact, as a JSON object. If you sent the file with curl, use --data-binary, because -d leaves out the line breaks."
    )]
    JoinedLines(String),
    /// The file has too many rows.
    #[error(
        "The file has more than {0} rows. Nothing was stored. Send it in parts, or with split=1, which makes a group of jobs."
    )]
    TooManyRows(usize),
    /// The file is too large as UTF-8.
    #[error("The file comes to more than {0} bytes as UTF-8. Nothing was stored. Send it in parts.")]
    LargeText(usize),
    /// The rows come to too many bytes.
    #[error(
        "The rows come to more than {0} bytes as JSON. Nothing was stored. Send the file in parts, or shorten the names of its columns."
    )]
    TooLarge(usize),
}

impl ImportError {
    /// Returns whether the file is too large, rather than wrong.
    pub fn is_size(&self) -> bool {
        matches!(self, Self::TooManyRows(_) | Self::TooLarge(_) | Self::LargeText(_))
    }
}

/// Returns the beginning of a text that a client sent.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
