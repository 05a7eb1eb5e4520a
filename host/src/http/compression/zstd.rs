//! zstd as one frame, because some clients read no more, with a small window.

use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, compress_bound, get_error_name};

use super::CompressionError;

/// The fastest of the ordinary levels.
const LEVEL: i32 = 1;
/// The window of a stream: 32 KiB, as gzip has it.
const WINDOW_LOG: u32 = 15;
/// The entries of the table in which a stream looks up what it has seen: 8,192.
const TABLE_LOG: u32 = 13;
/// Bytes of a stream's memory at most.
#[cfg_attr(not(test), expect(dead_code, reason = "the bound is told in documents, and a test measures it"))]
pub(super) const STATE_BYTES: usize = 320 << 10;

/// A stream of one frame.
pub(super) struct ZstdStream {
    encoder: CCtx<'static>,
}

impl ZstdStream {
    /// # Errors
    /// If there is no memory.
    pub(super) fn new() -> Result<Self, CompressionError> {
        let mut encoder = CCtx::try_create().ok_or(CompressionError("there is no memory for zstd"))?;
        for parameter in
            [CParameter::CompressionLevel(LEVEL), CParameter::WindowLog(WINDOW_LOG), CParameter::HashLog(TABLE_LOG)]
        {
            encoder.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Self { encoder })
    }

    /// Compresses a piece, so that a reader of what was returned so far knows all of it.
    ///
    /// # Errors
    /// If there is no memory.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, CompressionError> {
        self.run(piece, CCtx::flush_stream)
    }

    /// Returns the end of the frame.
    ///
    /// # Errors
    /// If there is no memory.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, CompressionError> {
        self.run(&[], CCtx::end_stream)
    }

    /// Takes a piece, and calls `complete` until it has nothing more to write.
    fn run(
        &mut self,
        piece: &[u8],
        complete: impl Fn(&mut CCtx<'static>, &mut OutBuffer<'_, Vec<u8>>) -> Result<usize, usize>,
    ) -> Result<Vec<u8>, CompressionError> {
        let room = compress_bound(piece.len());
        let mut compressed = Vec::with_capacity(room);
        let mut input = InBuffer::around(piece);
        loop {
            if compressed.len() == compressed.capacity() {
                compressed.reserve(room);
            }
            let written = compressed.len();
            let mut output = OutBuffer::around_pos(&mut compressed, written);
            if input.pos() < piece.len() {
                self.encoder.compress_stream(&mut output, &mut input).map_err(failed)?;
            } else if complete(&mut self.encoder, &mut output).map_err(failed)? == 0 {
                break;
            }
        }
        compressed.shrink_to_fit();
        Ok(compressed)
    }
}

/// Compresses bytes as a whole.
///
/// # Errors
/// If there is no memory.
pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut compressed = Vec::with_capacity(compress_bound(bytes.len()));
    zstd::zstd_safe::compress(&mut compressed, bytes, LEVEL).map_err(failed)?;
    compressed.shrink_to_fit();
    Ok(compressed)
}

fn failed(code: usize) -> CompressionError {
    CompressionError(get_error_name(code))
}

#[cfg(test)]
mod tests {
    use super::{STATE_BYTES, ZstdStream};

    #[test]
    fn a_stream_takes_no_more_than_is_told() {
        let noise: Vec<u8> = (0..64_u32 << 10).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut stream = ZstdStream::new().unwrap();
        for piece in [&b"x".repeat(64 << 10), &noise, &noise] {
            stream.push(piece).unwrap();
            let bytes = stream.encoder.sizeof();
            assert!(bytes <= STATE_BYTES, "{bytes}");
        }
    }
}
