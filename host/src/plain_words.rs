//! Errors of the operating system and of JSON in plain words, and numbers of things. What errors are called in programs, and their
//! numbers, help nobody.

use std::fmt;
use std::io::{Error, ErrorKind};

use serde_json::error::Category;

/// Returns a number with its noun, which gets an `s` unless the number is 1: `1 contact`, `2 contacts`.
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns a number with a comma between each three digits, as in `1,001`.
pub fn grouped<N: fmt::Display>(number: N) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Says why a file, a folder or a connection cannot be used: the end of a sentence.
pub fn io_error(error: &Error) -> String {
    if error.get_ref().is_some() {
        // Somebody wrote this text for people.
        return error.to_string();
    }
    let known = match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "this user has no right to do that",
        ErrorKind::AlreadyExists => "it is there already",
        ErrorKind::IsADirectory => "this is a folder, not a file",
        ErrorKind::NotADirectory => "a part of this path is a file, not a folder",
        ErrorKind::DirectoryNotEmpty => "the folder is not empty",
        ErrorKind::InvalidFilename => "no file can have this name",
        ErrorKind::ReadOnlyFilesystem => "this disk can only be read",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "this user's share of the disk is used up",
        ErrorKind::FileTooLarge => "the file is too large",
        ErrorKind::InvalidData => "this is not a text in UTF-8",
        ErrorKind::UnexpectedEof => "it ends too early",
        ErrorKind::WriteZero => "nothing more can be written to it",
        ErrorKind::OutOfMemory => "this machine has no memory left",
        ErrorKind::AddrInUse => "another program uses this address",
        ErrorKind::AddrNotAvailable => "this machine does not have this address",
        ErrorKind::ConnectionRefused => "nothing listens at this address",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => "the other side ended it",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => "there is no way to it",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "it does not answer in time",
        _ => return without_number(&error.to_string()).to_lowercase(),
    };
    known.to_owned()
}

/// Cuts off the number that the system gives an error, as in `Too many open files (os error 24)`.
fn without_number(text: &str) -> &str {
    text.split(" (os error ").next().unwrap_or(text)
}

/// Says what is wrong with a JSON text, and where.
pub fn json_error(error: &serde_json::Error) -> String {
    let flaw = json_flaw(error);
    match (error.line(), error.column()) {
        // The error is of a value that was read before.
        (0, _) => flaw.to_owned(),
        // The error is where a line ends.
        (line, 0) => format!("{flaw} at line {line}"),
        (line, column) => format!("{flaw} at line {line} column {column}"),
    }
}

/// Says what is wrong with a JSON text.
pub fn json_flaw(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Eof => return "the text ends too early",
        Category::Data => return "a member is missing, or is not of the kind that it must be",
        Category::Syntax | Category::Io => {}
    }
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    match said {
        "expected value" => "there must be a value",
        "expected `:`" => "there must be a colon",
        "expected `,` or `]`" => "there must be a comma or the end of the list",
        "expected `,` or `}`" => "there must be a comma or the end of the object",
        "key must be a string" => "there must be the name of a member, in double quotes",
        "trailing comma" => "there is a comma too many",
        "trailing characters" => "there is more text after the end of the value",
        "invalid number" | "number out of range" => "this is not a number",
        "recursion limit exceeded" => "this is nested too deeply",
        _ if said.starts_with("control character") => "a text has a line break or another control character in it",
        _ if said.contains("escape") || said.contains("surrogate") || said.contains("unicode") => {
            "a text has an escape that means no character"
        }
        _ => "this is not JSON",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::{counted, grouped, io_error, json_error};

    #[test]
    fn one_thing_is_no_several_things() {
        for (number, said) in [(0, "0 contacts"), (1, "1 contact"), (2, "2 contacts"), (21, "21 contacts")] {
            assert_eq!(counted::<u64>(number, "contact"), said);
        }
    }

    #[test]
    fn digits_are_in_threes() {
        for (number, said) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped::<u64>(number), said);
        }
    }

    #[test]
    fn no_error_of_the_system_has_a_number_or_a_programs_words() {
        for number in 1..=133 {
            let said = io_error(&Error::from_raw_os_error(number));
            assert!(!said.contains("os error") && !said.contains('('), "{number}: {said}");
            assert!(
                !said.is_empty() && !said.starts_with(char::is_uppercase) && !said.ends_with('.'),
                "{number}: {said}"
            );
        }
        assert_eq!(io_error(&Error::from_raw_os_error(2)), "there is no such file or folder");
        assert_eq!(io_error(&Error::from_raw_os_error(24)), "too many open files");
    }

    #[test]
    fn a_text_that_was_written_for_people_stays() {
        assert_eq!(io_error(&Error::other("This is a link")), "This is a link");
        assert_eq!(io_error(&Error::new(ErrorKind::NotFound, "no store")), "no store");
        assert_eq!(io_error(&ErrorKind::UnexpectedEof.into()), "it ends too early");
    }

    #[test]
    fn a_value_of_another_kind_is_told_in_plain_words() {
        let error = serde_json::from_str::<Vec<String>>("[\"a\",\n7]").unwrap_err();
        assert_eq!(json_error(&error), "a member is missing, or is not of the kind that it must be at line 2 column 1");
        let error = serde_json::from_value::<Vec<String>>(serde_json::json!({})).unwrap_err();
        assert_eq!(json_error(&error), "a member is missing, or is not of the kind that it must be");
    }
}
