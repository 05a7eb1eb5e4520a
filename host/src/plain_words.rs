//! Errors of the operating system in plain words. What they are called in programs, and their numbers, help no operator.

use std::io::{Error, ErrorKind};

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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::io_error;

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
}
