//! Reads the text files that arguments name.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Reads a file whose text is in UTF-8.
///
/// # Errors
/// If the file cannot be read; the error names the file.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => format!("{}: this is not a text in UTF-8", path.display()),
        _ => format!("{}: {error}", path.display()),
    })
}
