//! gzip that keeps no state between pieces: each is deflated on its own, up to a boundary of bytes, so that the pieces join.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::CompressionError;

/// What gzip begins with: deflated, without a name or a time, by an unknown system.
const HEAD: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
/// A last block of deflate without anything in it.
const LAST_BLOCK: [u8; 2] = [3, 0];
/// Bytes that the boundary of a piece takes, and what cannot be compressed takes more, at most.
const ROOM_BYTES: usize = 256;

/// A stream of one member.
pub(super) struct GzipStream {
    has_begun: bool,
    sum: Crc,
}

impl GzipStream {
    pub(super) fn new() -> Self {
        Self { has_begun: false, sum: Crc::new() }
    }

    /// Compresses a piece.
    ///
    /// # Errors
    /// If there is no memory.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, CompressionError> {
        let mut compressed = Vec::with_capacity(HEAD.len() + piece.len() + ROOM_BYTES);
        if !self.has_begun {
            compressed.extend(HEAD);
            self.has_begun = true;
        }
        self.sum.update(piece);
        let mut deflater = Compress::new(Compression::fast(), false);
        let mut rest = piece;
        loop {
            let taken_before = deflater.total_in();
            let status = deflater.compress_vec(rest, &mut compressed, FlushCompress::Sync);
            let taken = usize::try_from(deflater.total_in() - taken_before).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            if !matches!(status, Ok(Status::Ok | Status::BufError)) {
                return Err(CompressionError("gzip failed"));
            }
            if compressed.len() < compressed.capacity() {
                break;
            }
            compressed.reserve(ROOM_BYTES);
        }
        compressed.shrink_to_fit();
        Ok(compressed)
    }

    /// Returns the end of the member.
    pub(super) fn finish(self) -> Vec<u8> {
        let head = if self.has_begun { &[][..] } else { &HEAD };
        [head, &LAST_BLOCK, &self.sum.sum().to_le_bytes(), &self.sum.amount().to_le_bytes()].concat()
    }
}
