//! The form of a file of compiled code: the code as wasmtime makes it, and a trailer with its checksum. A bit that a disk
//! flipped would otherwise be run as machine code.
//!
//! The checksum is in the file itself, so that a file and its checksum cannot be parted. It stands behind the code, because the
//! code is mapped into memory from the beginning of the file; wasmtime ignores what follows it.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// What the trailer begins with. Changes with the form of the file.
const MAGIC: [u8; 8] = *b"bulkhd02";
/// Bytes of the trailer: [`MAGIC`] and a SHA-256 of all that stands before.
const TRAILER_BYTES: u64 = 8 + 32;
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes code to `out`, and behind it the trailer.
pub(super) struct SealingWriter<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> SealingWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new() }
    }

    /// Writes the trailer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn seal(mut self) -> io::Result<W> {
        self.out.write_all(&MAGIC)?;
        self.hash.update(MAGIC);
        self.out.write_all(&self.hash.finalize())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns whether a file is as it was written.
///
/// # Errors
/// If it cannot be read.
pub(super) fn is_whole(file: &mut File) -> io::Result<bool> {
    let Some(code_bytes) = file.metadata()?.len().checked_sub(TRAILER_BYTES) else { return Ok(false) };
    let mut hash = Sha256::new();
    let mut left = code_bytes;
    let mut buffer = vec![0; BUFFER_BYTES];
    while left > 0 {
        let room = BUFFER_BYTES.min(usize::try_from(left).unwrap_or(BUFFER_BYTES));
        let read = file.read(buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 {
            return Ok(false);
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        left = left.saturating_sub(read as u64);
    }
    let mut trailer = Vec::new();
    file.take(TRAILER_BYTES + 1).read_to_end(&mut trailer)?;
    hash.update(MAGIC);
    let expected: [u8; 32] = hash.finalize().into();
    Ok(trailer.strip_prefix(&MAGIC).is_some_and(|checksum| *checksum == expected))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::{SealingWriter, is_whole};

    #[test]
    fn a_file_with_any_flipped_bit_or_missing_byte_is_not_whole() {
        let mut writer = SealingWriter::new(Vec::new());
        writer.write_all(b"machine code").unwrap();
        let sealed = writer.seal().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let is_whole = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            is_whole(&mut File::open(file.path()).unwrap()).unwrap()
        };
        assert!(is_whole(&sealed));
        for place in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            assert!(!is_whole(&flipped), "bit {place}");
        }
        for length in 0..sealed.len() {
            assert!(!is_whole(&sealed[..length]), "{length} bytes");
        }
        assert!(!is_whole(&[&sealed[..], b"x"].concat()));
    }
}
