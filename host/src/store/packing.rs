//! Chunks of items and rows as compressed blobs: one JSON text a line, zstd. To look into one by hand:
//! `zstd -dc | jq`.

mod chunks;
mod results;

pub(crate) use chunks::{NewChunk, PackedChunk, READ_AHEAD, unpack_some};
pub(crate) use results::{PackedRows, count, cut_page, pack_batch};

use super::StoreError;
use super::error::Doing;

/// Level 1: the items are compressed while a client waits.
const LEVEL: i32 = 1;
/// Most bytes a blob may unpack to, so that a damaged length cannot take all memory. Above any request's size.
const MAX_UNPACKED: usize = 256 << 20;

/// Joins lines into one blob. A line must not hold a line break; JSON texts need none.
pub(crate) fn pack<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, StoreError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    zstd::bulk::compress(text.as_bytes(), LEVEL).doing("compressing a chunk")
}

/// Takes a blob apart again.
pub(crate) fn unpack(blob: &[u8]) -> Result<String, StoreError> {
    let size = zstd::zstd_safe::get_frame_content_size(blob)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= MAX_UNPACKED)
        .ok_or_else(|| StoreError::Corrupt(String::from("a chunk without a plausible length")))?;
    let bytes = zstd::bulk::decompress(blob, size).doing("decompressing a chunk")?;
    String::from_utf8(bytes).map_err(|_| StoreError::Corrupt(String::from("a chunk that is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn lines_come_back_as_they_were() {
        for lines in [vec![], vec![""], vec!["{}", "[]", r#""ü\n""#]] {
            let text = unpack(&pack(lines.iter().copied()).unwrap()).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let blob = pack(["{\"a\":1}"; 100]).unwrap();
        assert!(unpack(&blob[..blob.len() / 2]).is_err());
        assert!(unpack(b"").is_err());
        assert!(unpack(b"not zstd at all").is_err());
    }
}
