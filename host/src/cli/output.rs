//! Printing to standard output and standard error, without control characters of others.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

use super::printable::{Printable, is_unprintable, json, pretty_json};

/// Prints a line.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_line(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", Printable::line(line))
}

/// Prints a value as one line of JSON.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", json(value)?)
}

/// Prints a value as JSON that people can read.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_pretty_json(value: &impl Serialize) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", pretty_json(value)?)
}

/// Prints a text of others that is the whole output, with its lines.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_text(text: &str) -> io::Result<()> {
    write!(io::stdout().lock(), "{}", Printable::lines(text))
}

/// Prints an error to standard error. Its further lines are indented, since it may quote a text of others.
pub(super) fn print_error(error: impl Display) {
    eprintln!("bulkhead: {}", Printable::indented(error));
}

/// Ends the process with what the parser of arguments says: an error, which quotes arguments, or help.
pub(super) fn exit_with(said: &clap::Error) -> ! {
    let is_plain = |argument: OsString| !argument.to_string_lossy().contains(is_unprintable);
    if std::env::args_os().all(is_plain) {
        said.exit();
    }
    eprintln!("{}", Printable::indented(said.to_string().trim_end()));
    std::process::exit(said.exit_code())
}

/// Returns whether a command ended because the reader of its output, such as `head`, has closed it. That is no failure.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
