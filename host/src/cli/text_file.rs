//! The files that arguments name: reads texts, and says why a file cannot be used.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use bulkhead::operations::OperationError;
use bulkhead::plain_words::io_error;
use bulkhead::private_files::open_ordinary;

/// Reads a file whose text is in UTF-8.
///
/// # Errors
/// If the file cannot be read; the error names the file.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => format!("{}: this is not a text in UTF-8", path.display()),
        _ => file_error(path, &error),
    })
}

/// Names the file in an error about what is in it: a tenant's profile or limits.
pub(super) fn in_file(error: OperationError, profile: Option<&Path>, limits: Option<&Path>) -> Box<dyn Error> {
    match (&error, profile, limits) {
        (OperationError::Profile(_), Some(file), _) | (OperationError::Limits(_), _, Some(file)) => {
            format!("{}: {error}", file.display()).into()
        }
        _ => error.into(),
    }
}

/// Opens an ordinary file for reading. Does not wait: opening a pipe would, for whoever writes to it.
///
/// # Errors
/// If the file cannot be opened, or is no ordinary one; the error names it.
pub(super) fn open_file(path: &Path) -> Result<File, String> {
    open_ordinary(path).map_err(|error| file_error(path, &error))
}

/// Says why a file or folder cannot be used.
pub(super) fn file_error(path: &Path, error: &io::Error) -> String {
    format!("{}: {}", path.display(), io_error(error))
}
