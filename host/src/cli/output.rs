//! What commands print.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints a line.
///
/// # Errors
/// If nobody reads it, or it cannot be written.
pub(super) fn print_line(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Whether a command ended because nobody reads what it prints any more, as `head` does after some lines. That is no failure.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
