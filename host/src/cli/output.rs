//! Printing to standard output.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints a line.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_line(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Returns whether a command ended because the reader of its output, such as `head`, has closed it. That is no failure.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
