//! Where the file of the contacts that failed will be. What cannot be meant is refused before anything is sent.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bulkhead::import::STATUS_MEMBER;
use bulkhead::plain_words::io_error;
use bulkhead::private_files::create_private_file;
use rustix::fs::{Access, access};

use super::content::Content;
use super::error::SubmitError;
use super::kind::{Format, Kind, extension};
use crate::cli::contact_file::is_standard_input;

/// Bytes of a file that tell whether it has failures: more than a header, or an item that the server keeps, can have.
const MAX_BEGINNING_BYTES: u64 = 1 << 20;

/// The name of a file, and the one under which it grows.
#[derive(Debug)]
pub(super) struct FailuresPlace {
    pub(super) place: PathBuf,
    pub(super) partial: PathBuf,
}

/// What tells one file from all others: its device and its number there.
type Identity = (u64, u64);

impl FailuresPlace {
    /// Checks that a file of the failures of `sent`, whose contacts are `content`, can be made at `place`. If the submission is
    /// resumed, an unfinished file of it may be there.
    ///
    /// # Errors
    /// If it cannot; nothing was made.
    pub(super) fn check(
        place: &Path,
        sent: &Path,
        content: &Content<'_>,
        is_resumed: bool,
    ) -> Result<Self, SubmitError> {
        check_name(place, content)?;
        let mut partial = place.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let input = identity_of_input(sent);
        if check_place(place, input)? && !has_failures(place).map_err(|error| refused(place, &io_error(&error)))? {
            return Err(refused(
                place,
                "there is a file that is none of failures. Give another name, or delete the file",
            ));
        }
        if check_place(&partial, input)? && !is_resumed {
            return Err(refused(
                &partial,
                "a submission that goes on or was interrupted has left it there. Go on with that submission by --resume, delete the file, or give another name",
            ));
        }
        check_folder(place)?;
        Ok(Self { place: place.to_owned(), partial })
    }

    /// Creates the file that grows, in the place of an unfinished one, which `check` allowed.
    pub(super) fn create(&self, is_resumed: bool) -> io::Result<File> {
        if is_resumed && fs::symlink_metadata(&self.partial).is_ok_and(|found| found.is_file()) {
            fs::remove_file(&self.partial)?;
        }
        create_private_file(&self.partial)
    }
}

/// Checks that the name of a file says what will be in it, so that the file can be submitted as it is.
fn check_name(place: &Path, content: &Content<'_>) -> Result<(), SubmitError> {
    let kind = extension(place).and_then(|extension| Kind::of_extension(&extension));
    let format = kind.map(|kind| kind.format);
    match content {
        Content::Table(table, _) if format == Some(Format::Csv) => {
            match kind.and_then(|kind| kind.delimiter).filter(|named| *named != table.delimiter) {
                None => Ok(()),
                Some(_) => {
                    let why = format!(
                        "its name means cells that tabs separate, and '{}' separates those of the table. Give a name that ends in .csv",
                        char::from(table.delimiter)
                    );
                    Err(refused(place, &why))
                }
            }
        }
        Content::Table(..) => {
            Err(refused(place, "a table is written to it. Give a name that ends in .csv, or in .tsv for tabs"))
        }
        Content::Json(_) | Content::Lines(..) if format == Some(Format::Ndjson) => Ok(()),
        Content::Json(_) | Content::Lines(..) => {
            Err(refused(place, "a JSON object on each line is written to it. Give a name that ends in .ndjson"))
        }
    }
}

/// Checks that a path is an ordinary file that is not sent, or nothing. Returns whether there is a file.
fn check_place(path: &Path, input: Option<Identity>) -> Result<bool, SubmitError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(refused(path, &io_error(&error))),
    };
    if found.is_symlink() {
        return Err(refused(path, "this is a link. Give the name of a file itself"));
    }
    if found.is_dir() {
        return Err(refused(path, "this is a folder. Give the name of a file in it"));
    }
    if !found.is_file() {
        return Err(refused(path, "this is a device or a pipe. Give the name of a file"));
    }
    if input == Some(identity(&found)) {
        return Err(SubmitError::Setting(format!(
            "--failures names the file that is sent, {}. Nothing was sent. Give another file.",
            path.display()
        )));
    }
    Ok(true)
}

/// Returns whether a file is empty or has the failures of an earlier submission, which another one replaces.
fn has_failures(place: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(place)?.take(MAX_BEGINNING_BYTES).read_to_end(&mut beginning)?;
    Ok(beginning.is_empty() || memchr::memmem::find(&beginning, STATUS_MEMBER.as_bytes()).is_some())
}

/// Checks that files can be made in the folder of a file.
fn check_folder(place: &Path) -> Result<(), SubmitError> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let usable = fs::metadata(folder).and_then(|found| {
        if !found.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
    });
    usable.map_err(|error| refused(place, &format!("its folder cannot be used: {}", io_error(&error))))
}

fn refused(path: &Path, why: &str) -> SubmitError {
    SubmitError::Setting(format!("--failures: {} cannot be written: {why}. Nothing was sent.", path.display()))
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}

/// Returns the identity of the file that is sent, also if it is standard input.
fn identity_of_input(sent: &Path) -> Option<Identity> {
    if is_standard_input(sent) {
        let input = io::stdin().as_fd().try_clone_to_owned().ok()?;
        return File::from(input).metadata().ok().as_ref().map(identity);
    }
    fs::metadata(sent).ok().as_ref().map(identity)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::path::Path;

    use bulkhead::import::CsvOptions;

    use super::super::content::Content;
    use super::super::kind::Format::{self, Csv, Json, Ndjson};
    use super::FailuresPlace;

    fn content(format: Format, text: &str) -> Content<'_> {
        Content::parse(Path::new("-"), text, format, &CsvOptions::default()).unwrap()
    }

    #[test]
    fn the_name_fits_what_will_be_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, format, text, refused) in [
            ("f.csv", Csv, "a;b\n1;2", ""),
            ("f.CSV", Csv, "a\n1", ""),
            ("f.tsv", Csv, "a\tb\n1\t2", ""),
            ("f.tsv", Csv, "a;b\n1;2", "';' separates"),
            ("f.csv.gz", Csv, "a\n1", "ends in .csv"),
            ("f", Csv, "a\n1", "ends in .csv"),
            ("f.ndjson", Csv, "a\n1", "ends in .csv"),
            ("f.ndjson", Json, "[]", ""),
            ("f.jsonl", Ndjson, "{}", ""),
            ("f.json", Json, "[]", "ends in .ndjson"),
            ("f.csv", Ndjson, "{}", "ends in .ndjson"),
        ] {
            let checked =
                FailuresPlace::check(&folder.path().join(name), Path::new("-"), &content(format, text), false);
            match checked {
                Ok(_) => assert_eq!(refused, "", "{name}"),
                Err(error) => assert!(!refused.is_empty() && error.to_string().contains(refused), "{name}: {error}"),
            }
        }
    }

    #[test]
    fn only_a_new_file_or_one_of_an_earlier_submission_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for name in ["sent.csv", "old.csv", "begun.csv.partial", "plain"] {
            fs::write(place(name), "email\nx\n").unwrap();
        }
        fs::write(place("failed.csv"), "email,bulkhead:status,bulkhead:errors\nx,400,No.\n").unwrap();
        fs::write(place("empty.csv"), "").unwrap();
        fs::create_dir(place("folder.csv")).unwrap();
        for (link, name) in [("old.csv", "link.csv"), ("nowhere", "dangling.csv"), ("old.csv", "linked.csv.partial")] {
            symlink(place(link), place(name)).unwrap();
        }
        for name in ["same.csv", "twin.csv.partial"] {
            fs::hard_link(place("sent.csv"), place(name)).unwrap();
        }
        let table = content(Csv, "email\nx\n");
        for (name, is_resumed, refused) in [
            ("new.csv", false, ""),
            ("failed.csv", false, ""),
            ("empty.csv", false, ""),
            ("old.csv", false, "none of failures"),
            ("link.csv", false, "this is a link"),
            ("dangling.csv", false, "this is a link"),
            ("linked.csv", true, "this is a link"),
            ("folder.csv", false, "this is a folder"),
            ("sent.csv", false, "names the file that is sent"),
            ("same.csv", false, "names the file that is sent"),
            ("twin.csv", true, "names the file that is sent"),
            ("begun.csv", false, "--resume"),
            ("begun.csv", true, ""),
            ("missing/new.csv", false, "there is no such file or folder"),
            ("plain/new.csv", false, "not a folder"),
        ] {
            match FailuresPlace::check(&place(name), &place("sent.csv"), &table, is_resumed) {
                Ok(checked) => {
                    assert_eq!(refused, "", "{name}");
                    let made = checked.create(is_resumed).unwrap().metadata().unwrap();
                    assert_eq!((made.mode() & 0o777, made.len()), (0o600, 0), "{name}");
                    fs::remove_file(&checked.partial).unwrap();
                }
                Err(error) => assert!(!refused.is_empty() && error.to_string().contains(refused), "{name}: {error}"),
            }
        }
        let device = FailuresPlace::check(Path::new("/dev/null"), Path::new("-"), &table, false).unwrap_err();
        assert!(device.to_string().contains("ends in .csv"), "{device}");
        assert_eq!(fs::read_to_string(place("sent.csv")).unwrap(), "email\nx\n");
    }
}
