//! The file of the contacts that failed, as they were sent, to be corrected and submitted again. It grows beside its place, so that
//! a file under its name is whole.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bulkhead::plain_words::io_error;
use bulkhead::private_files::open_private_file;
use uuid::Uuid;

use super::client::Client;
use super::error::SubmitError;
use crate::cli::contact_file::is_standard_input;

/// Bytes of the failures of one job.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes of a table's header.
const MAX_HEADER_BYTES: u64 = 4 << 20;

/// A file of failures that grows.
#[derive(Debug)]
pub(super) struct FailuresFile {
    place: PathBuf,
    partial: PathBuf,
    open: File,
    /// Bytes that are whole.
    end: u64,
    /// The header of the table, once it was written.
    header: Option<Vec<u8>>,
    submission: Uuid,
}

/// What was wrong with the failures of a job, besides the connection.
enum Wrong {
    File(io::Error),
    Header,
    Size,
}

impl FailuresFile {
    /// Begins a file beside its place.
    pub(super) fn create(place: &Path, sent: &Path, submission: Uuid) -> Result<Self, SubmitError> {
        let same = |one: &Path, other: &Path| fs::canonicalize(one).ok().zip(fs::canonicalize(other).ok());
        if !is_standard_input(sent) && same(place, sent).is_some_and(|(one, other)| one == other) {
            return Err(SubmitError::Setting(format!(
                "--failures names the file that is sent, {}. Nothing was sent. Give another file.",
                place.display()
            )));
        }
        let mut partial = place.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let opened = if place.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            open_private_file(&partial).and_then(|open| open.set_len(0).map(|()| open))
        };
        let open = opened.map_err(|error| {
            SubmitError::Setting(format!(
                "--failures: {} cannot be written: {}. Nothing was sent.",
                place.display(),
                io_error(&error)
            ))
        })?;
        Ok(Self { place: place.to_owned(), partial, open, end: 0, header: None, submission })
    }

    /// Appends the contacts of a completed job that failed or were not processed. `accept` is the type of the file.
    pub(super) fn add(&mut self, client: &Client, job: &str, accept: &str) -> Result<(), SubmitError> {
        let mut wrong = None;
        let mut end = self.end;
        let mut header = None;
        client.file(&format!("/api/contacts/job/{job}?only=failed"), accept, |body| {
            wrong = None;
            let mut body = BufReader::new(body.take(MAX_BYTES));
            header = if accept == "text/csv" { Some(read_header(&mut body)?) } else { None };
            let begin = match (&header, &self.header) {
                (Some(new), Some(known)) if new != known => {
                    wrong = Some(Wrong::Header);
                    return Ok(());
                }
                (Some(new), None) => new.as_slice(),
                _ => &[],
            };
            match append(&mut self.open, self.end, begin, &mut body)? {
                Ok(written) => end = self.end + written,
                Err(error) => wrong = Some(Wrong::File(error)),
            }
            if body.into_inner().limit() == 0 {
                wrong = Some(Wrong::Size);
            }
            Ok(())
        })?;
        match wrong {
            None => {}
            Some(Wrong::File(error)) => return Err(self.failed(error)),
            Some(Wrong::Header) => return Err(client.unexpected("the failures of two jobs have different columns")),
            Some(Wrong::Size) => return Err(client.unexpected("the failures of a job are too large")),
        }
        self.end = end;
        if self.header.is_none() {
            self.header = header;
        }
        Ok(())
    }

    /// Puts the file into its place. Returns its name, or nothing if no contact failed: then there is no file.
    pub(super) fn finish(self) -> Result<Option<String>, SubmitError> {
        if self.end == 0 {
            return Ok(None);
        }
        self.open.sync_all().map_err(|error| self.failed(error))?;
        fs::rename(&self.partial, &self.place).map_err(|error| self.failed(error))?;
        Ok(Some(self.place.display().to_string()))
    }

    fn failed(&self, source: io::Error) -> SubmitError {
        SubmitError::FailuresFile { file: self.place.display().to_string(), source, submission: self.submission }
    }
}

impl Drop for FailuresFile {
    fn drop(&mut self) {
        if self.end == 0 {
            // Nobody misses an empty file that stays.
            drop(fs::remove_file(&self.partial));
        }
    }
}

/// Reads the first row of a table, with the end of its line. Its cells can hold line breaks.
fn read_header(table: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    let mut table = table.take(MAX_HEADER_BYTES);
    loop {
        let read = table.read_until(b'\n', &mut header)?;
        if read == 0 || header.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
            return Ok(header);
        }
    }
}

/// Writes at a place of a file, and ends it there. Returns the bytes written, or why the file cannot be written.
///
/// # Errors
/// If the body cannot be read.
fn append(file: &mut File, place: u64, begin: &[u8], body: &mut impl BufRead) -> io::Result<io::Result<u64>> {
    let ready =
        file.set_len(place).and_then(|()| file.seek(SeekFrom::Start(place))).and_then(|_| file.write_all(begin));
    if let Err(error) = ready {
        return Ok(Err(error));
    }
    let mut written = begin.len() as u64;
    loop {
        let piece = body.fill_buf()?;
        if piece.is_empty() {
            return Ok(Ok(written));
        }
        if let Err(error) = file.write_all(piece) {
            return Ok(Err(error));
        }
        let bytes = piece.len();
        written += bytes as u64;
        body.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::read_header;

    #[test]
    fn a_header_ends_with_its_row() {
        for (table, expected) in [
            ("a,b\r\n1,2\r\n", "a,b\r\n"),
            ("\"a\r\n\"\"b\"\"\",c\r\n1,2\r\n", "\"a\r\n\"\"b\"\"\",c\r\n"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(read_header(&mut table.as_bytes()).unwrap(), expected.as_bytes());
        }
    }
}
