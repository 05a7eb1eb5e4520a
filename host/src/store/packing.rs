//! Chunks of items and rows as compressed blobs: zstd over lines of JSON. `zstd -dc | jq` shows a blob.

mod chunks;
mod results;
mod sources;

pub(crate) use chunks::{MAX_CHUNKS_READ, NewChunk, PackedChunk, unpack_some};
pub(crate) use results::{PackedRows, ResultsLimit, add_remarks, count, pack_batch, read_remarks, remarks, signed};

pub(crate) use sources::{
    read_mode, read_operation, read_source, read_undo, stored_mode, stored_operation, stored_source,
};

use super::StoreError;
use super::error::Context;

/// The fastest level of zstd, as items are compressed while a client waits.
const COMPRESSION_LEVEL: i32 = 1;
/// Bytes that a blob may unpack to, so that a damaged length cannot take all memory. No request is that large.
pub(crate) const MAX_UNPACKED_BYTES: usize = 256 << 20;

/// Packs lines into one blob. A line must not hold a line break, which JSON texts need not.
pub(crate) fn pack<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, StoreError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    pack_bytes(text.as_bytes())
}

/// Packs bytes into one blob.
pub(crate) fn pack_bytes(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::compress(bytes, COMPRESSION_LEVEL).context("compressing a chunk")
}

/// Unpacks the lines of a blob.
pub(crate) fn unpack(blob: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(unpack_bytes(blob)?).map_err(|_| StoreError::Corrupt(String::from("a chunk that is not UTF-8")))
}

/// Unpacks the bytes of a blob.
pub(crate) fn unpack_bytes(blob: &[u8]) -> Result<Vec<u8>, StoreError> {
    let size = zstd::zstd_safe::get_frame_content_size(blob)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= MAX_UNPACKED_BYTES)
        .ok_or_else(|| StoreError::Corrupt(String::from("a chunk without a plausible length")))?;
    zstd::bulk::decompress(blob, size).context("decompressing a chunk")
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn unpacking_returns_the_packed_lines() {
        for lines in [vec![], vec![""], vec!["{}", "[]", r#""ü\n""#]] {
            let text = unpack(&pack(lines.iter().copied()).unwrap()).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn unpacking_a_damaged_blob_is_an_error() {
        let blob = pack(["{\"a\":1}"; 100]).unwrap();
        assert!(unpack(&blob[..blob.len() / 2]).is_err());
        assert!(unpack(b"").is_err());
        assert!(unpack(b"not zstd at all").is_err());
    }
}
