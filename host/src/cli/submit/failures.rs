//! The file of the contacts that failed, as they were sent, to be corrected and submitted again. It grows beside its place, so that
//! a file under its name is whole.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::client::Client;
use super::error::SubmitError;
use super::failures_place::FailuresPlace;

/// Bytes of the failures of one job.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes of a table's header.
const MAX_HEADER_BYTES: u64 = 4 << 20;

/// The byte order mark by which Excel knows UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What a file of failures is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailuresForm {
    /// Its type, for which the server is asked.
    pub(super) content_type: &'static str,
    /// Whether the server writes it for Excel: with a byte order mark, and so that no cell is taken for a formula.
    pub(super) excel: bool,
    /// Whether a table begins with a byte order mark in any case.
    pub(super) has_mark: bool,
}

impl FailuresForm {
    fn is_table(self) -> bool {
        self.content_type == "text/csv"
    }
}

/// A file of failures that grows.
#[derive(Debug)]
pub(super) struct FailuresFile {
    at: FailuresPlace,
    form: FailuresForm,
    open: File,
    /// Bytes that are whole.
    end: u64,
    /// The header of the table, once it was written.
    header: Option<Vec<u8>>,
}

/// A file of failures that is whole.
#[derive(Debug)]
pub(super) struct WrittenFailures {
    pub(super) place: PathBuf,
    /// The header of a table, without a mark.
    pub(super) header: Vec<u8>,
}

/// What was wrong with the failures of a job, besides the connection.
enum Wrong {
    File(io::Error),
    Header,
    Size,
}

impl FailuresFile {
    /// Begins a file beside its place.
    pub(super) fn create(at: FailuresPlace, form: FailuresForm, is_resumed: bool) -> Result<Self, SubmitError> {
        match at.create(is_resumed) {
            Ok(open) => Ok(Self { at, form, open, end: 0, header: None }),
            Err(source) => Err(SubmitError::FailuresFile { file: at.partial.display().to_string(), source }),
        }
    }

    /// Appends the contacts of a completed job that failed or were not processed.
    pub(super) fn add(&mut self, client: &Client, job: &str) -> Result<(), SubmitError> {
        let form = self.form;
        let excel = if form.excel { "&excel=1" } else { "" };
        let mut wrong = None;
        let mut end = self.end;
        let mut header = None;
        client.file(&format!("/api/contacts/job/{job}?only=failed{excel}"), form.content_type, |body| {
            wrong = None;
            let mut body = BufReader::new(body.take(MAX_BYTES));
            header = if form.is_table() { Some(without_mark(read_header(&mut body)?)) } else { None };
            let begin = match (&header, &self.header) {
                (Some(new), Some(known)) if new != known => {
                    wrong = Some(Wrong::Header);
                    return Ok(());
                }
                (Some(new), None) if form.has_mark || form.excel => [MARK, new.as_slice()].concat(),
                (Some(new), None) => new.clone(),
                _ => Vec::new(),
            };
            match append(&mut self.open, self.end, &begin, &mut body)? {
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

    /// Puts the file into its place. Returns nothing if no contact failed: then there is no file.
    pub(super) fn finish(mut self) -> Result<Option<WrittenFailures>, SubmitError> {
        if self.end == 0 {
            return Ok(None);
        }
        self.open.sync_all().map_err(|error| self.failed(error))?;
        fs::rename(&self.at.partial, &self.at.place).map_err(|error| self.failed(error))?;
        Ok(Some(WrittenFailures { place: self.at.place.clone(), header: self.header.take().unwrap_or_default() }))
    }

    fn failed(&self, source: io::Error) -> SubmitError {
        SubmitError::FailuresFile { file: self.at.place.display().to_string(), source }
    }
}

impl Drop for FailuresFile {
    fn drop(&mut self) {
        if self.end == 0 {
            // Nobody misses an empty file that stays.
            drop(fs::remove_file(&self.at.partial));
        }
    }
}

/// Returns a header without the mark that a server puts before it for Excel.
fn without_mark(header: Vec<u8>) -> Vec<u8> {
    header.strip_prefix(MARK).map(<[u8]>::to_vec).unwrap_or(header)
}

/// Reads the first row of a table, with the end of its line, and the line before it that names the delimiter, if there is one. The
/// row's cells can hold line breaks.
fn read_header(table: &mut impl BufRead) -> io::Result<Vec<u8>> {
    const SEPARATOR_LINE: &[u8] = b"sep=";
    let mut header = Vec::new();
    let mut table = table.take(MAX_HEADER_BYTES);
    table.read_until(b'\n', &mut header)?;
    let mut row_begin = 0;
    if header.strip_prefix(MARK).unwrap_or(&header).starts_with(SEPARATOR_LINE) {
        row_begin = header.len();
        table.read_until(b'\n', &mut header)?;
    }
    loop {
        let row = header.get(row_begin..).unwrap_or_default();
        if row.iter().filter(|byte| **byte == b'"').count() % 2 == 0 || table.read_until(b'\n', &mut header)? == 0 {
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
            ("sep=^\r\na^b\r\n1^2\r\n", "sep=^\r\na^b\r\n"),
            ("\u{feff}sep=^\r\n\"a\nb\"^c\r\n1^2\r\n", "\u{feff}sep=^\r\n\"a\nb\"^c\r\n"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(read_header(&mut table.as_bytes()).unwrap(), expected.as_bytes());
        }
    }
}
