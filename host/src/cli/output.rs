//! Printing to standard output and standard error, without control characters of others.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use bulkhead::harmless_text::is_unprintable;
use serde::Serialize;

use super::printable::{Printable, json, pretty_json};

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

/// Prints a piece of a file, which ends with a line. A terminal gets it without control characters of others, a file or a program as it
/// is.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn print_piece(piece: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        write!(out, "{}", Printable::lines(String::from_utf8_lossy(piece).replace("\r\n", "\n")))
    } else {
        out.write_all(piece)
    }
}

/// Prints an error to standard error. Its further lines are indented, since it may quote a text of others.
pub(super) fn print_error(error: impl Display) {
    eprintln!("bulkhead: {}", Printable::indented(error));
}

/// What the parser of arguments says of a number, and what is meant.
const NUMBER_WORDS: [(&str, &str); 6] = [
    ("invalid digit found in string", "this must be a whole number"),
    ("cannot parse integer from empty string", "this must be a whole number"),
    ("number too large to fit in target type", "this number is too large"),
    ("number too small to fit in target type", "this number is too small"),
    ("invalid float literal", "this must be a number"),
    ("cannot parse float from empty string", "this must be a number"),
];

/// Ends the process with what the parser of arguments says: an error, which quotes arguments, or help.
pub(super) fn exit_with(said: &clap::Error) -> ! {
    let is_plain = |argument: OsString| !argument.to_string_lossy().contains(is_unprintable);
    let text = said.to_string();
    if std::env::args_os().all(is_plain) && !NUMBER_WORDS.iter().any(|(words, _)| text.contains(words)) {
        said.exit();
    }
    eprintln!("{}", Printable::indented(in_plain_words(text.trim_end())));
    std::process::exit(said.exit_code())
}

/// Replaces what the parser of arguments says of a number, in the first line, which ends with it.
fn in_plain_words(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let found = NUMBER_WORDS.iter().find_map(|(words, plain)| Some((first.strip_suffix(words)?, plain)));
    found.map_or_else(|| text.to_owned(), |(start, plain)| format!("{start}{plain}\n{rest}"))
}

/// Returns what the parser of arguments says is wrong, without what it adds about usage.
pub(super) fn first_line(said: &clap::Error) -> String {
    let text = in_plain_words(said.to_string().trim_end());
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Replaces what the parser of arguments says of a number, where that is the whole text.
pub(super) fn number_in_plain_words(text: &str) -> String {
    NUMBER_WORDS.iter().find(|(words, _)| *words == text).map_or(text, |(_, plain)| plain).to_owned()
}

/// Returns whether a command ended because the reader of its output, such as `head`, has closed it. That is no failure.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::in_plain_words;

    #[derive(Debug, Parser)]
    struct Numbers {
        #[arg(long)]
        small: Option<u32>,
        #[arg(long)]
        large: Option<u64>,
        #[arg(long)]
        size: Option<usize>,
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=32))]
        range: Option<u16>,
    }

    #[test]
    fn numbers_are_refused_in_plain_words() {
        for option in ["--small", "--large", "--size", "--range"] {
            for value in ["x", "1.5", "", "99999999999999999999999", "-1"] {
                let refused = Numbers::try_parse_from(["x", &format!("{option}={value}")]).unwrap_err();
                let said = in_plain_words(&refused.to_string());
                for words in ["digit", "parse", "target type", "literal"] {
                    assert!(!said.contains(words), "{option}={value}: {said}");
                }
                assert!(said.contains(option) && said.contains("--help"), "{option}={value}: {said}");
            }
        }
        assert_eq!(in_plain_words("as it is\nand so on"), "as it is\nand so on");
    }
}
