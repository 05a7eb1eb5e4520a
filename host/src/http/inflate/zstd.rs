//! zstd, as RFC 8878 has it: frames one after another, each with a window that its decoder must remember.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::zstd_frame::{FrameHead, MAX_HEAD_BYTES};
use super::{PartCount, STEP_BYTES};
use crate::http::problem::Problem;

/// Frames after which [`ZstdInflater::push`] returns.
const FRAMES_PER_STEP: u64 = 50;
/// Compressed bytes after which [`ZstdInflater::push`] returns: blocks cost time also if they inflate to little.
const STEP_COMPRESSED_BYTES: usize = 16 << 10;
/// The largest window that is taken, as RFC 9659 has it for HTTP: 8 MiB, which `zstd -19` asks for.
const MAX_WINDOW_LOG: u32 = 23;
const MAX_WINDOW_BYTES: usize = 1 << MAX_WINDOW_LOG;
/// Bytes of a decoder beside the window and the blocks.
const DECODER_BYTES: usize = 192 << 10;
/// The largest block, of which a decoder has three beside the window.
const MAX_BLOCK_BYTES: usize = 128 << 10;

/// Bytes of a decoder at most.
pub(super) const MAX_MEMORY_BYTES: usize = memory_bytes(MAX_WINDOW_BYTES);

const fn memory_bytes(window: usize) -> usize {
    let block = if window < MAX_BLOCK_BYTES { window } else { MAX_BLOCK_BYTES };
    DECODER_BYTES + window + 3 * block
}

/// Where in a body an inflater is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Between frames, or in the head of one, which is in `head`.
    Head,
    /// In a frame, whose head the decoder may not have seen yet.
    Frame,
}

/// A zstd body that is being inflated.
pub(in crate::http) struct ZstdInflater {
    decoder: DCtx<'static>,
    place: Place,
    /// What the decoder has not seen yet of a frame's head.
    head: Vec<u8>,
    frames: PartCount,
    memory_bytes: usize,
    /// Whether the decoder may hold more than it was asked for.
    has_more: bool,
}

impl std::fmt::Debug for ZstdInflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZstdInflater").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl ZstdInflater {
    pub(super) fn new() -> Self {
        let mut decoder = DCtx::create();
        // Heads are checked before the decoder sees them; it would refuse a larger window, too.
        let known = decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG));
        debug_assert!(known.is_ok(), "the parameter has its range from the library");
        Self {
            decoder,
            place: Place::Head,
            head: Vec::with_capacity(MAX_HEAD_BYTES),
            frames: PartCount::default(),
            memory_bytes: memory_bytes(0),
            has_more: false,
        }
    }

    /// Returns the bytes that the decoder needs for the frames whose heads were read.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Returns whether [`Self::push`] can do something without further bytes.
    pub(super) fn has_work(&self) -> bool {
        self.has_more || (self.place == Place::Frame && !self.head.is_empty())
    }

    /// Inflates the beginning of `compressed` and cuts it off there. Returns what came out of it, which is a step's work and
    /// may be nothing. Returns early if a frame needs more memory than those before it.
    ///
    /// # Errors
    /// 400 if the bytes are no zstd, have too many frames for what they inflate to, or have too large a window.
    pub(super) fn push(&mut self, compressed: &mut &[u8]) -> Result<Vec<u8>, Problem> {
        let mut inflated = Vec::with_capacity(STEP_BYTES);
        let last_frame = self.frames.ended + FRAMES_PER_STEP;
        let until = compressed.len().saturating_sub(STEP_COMPRESSED_BYTES);
        while (compressed.len() > until || self.has_work())
            && inflated.len() < STEP_BYTES
            && self.frames.ended < last_frame
        {
            if self.place == Place::Head {
                let reserved = self.memory_bytes;
                self.read_head(compressed)?;
                if self.memory_bytes > reserved {
                    break;
                }
                continue;
            }
            if self.head.is_empty() {
                let step = compressed.get(..compressed.len().saturating_sub(until)).unwrap_or_default();
                let taken = self.decode(step, &mut inflated)?;
                *compressed = compressed.get(taken..).unwrap_or_default();
            } else {
                let mut head = std::mem::take(&mut self.head);
                let taken = self.decode(&head, &mut inflated)?;
                head.drain(..taken.min(head.len()));
                self.head = head;
            }
        }
        Ok(inflated)
    }

    /// Takes bytes of a frame's head until it is told how large the window is.
    fn read_head(&mut self, compressed: &mut &[u8]) -> Result<(), Problem> {
        while let Some((byte, rest)) = compressed.split_first() {
            self.head.push(*byte);
            *compressed = rest;
            match FrameHead::parse(&self.head) {
                Ok(None) => {}
                Ok(Some(_)) if !self.frames.has_room() => {
                    return Err(Problem::too_many_zstd_frames(self.frames.ended + 1));
                }
                Ok(Some(head)) => {
                    self.place = Place::Frame;
                    if let FrameHead::Frame { window } = head {
                        let bytes = usize::try_from(window).ok().filter(|bytes| *bytes <= MAX_WINDOW_BYTES);
                        let bytes =
                            bytes.ok_or_else(|| Problem::too_large_zstd_window(window, MAX_WINDOW_BYTES as u64))?;
                        self.memory_bytes = self.memory_bytes.max(memory_bytes(bytes));
                    }
                    return Ok(());
                }
                Err(_) => return Err(Problem::no_zstd()),
            }
        }
        Ok(())
    }

    /// Lets the decoder take compressed bytes. Returns how many it took.
    fn decode(&mut self, compressed: &[u8], inflated: &mut Vec<u8>) -> Result<usize, Problem> {
        let before = inflated.len();
        let mut input = InBuffer::around(compressed);
        let mut output = OutBuffer::around_pos(inflated, before);
        let left = self.decoder.decompress_stream(&mut output, &mut input);
        let left = left.map_err(|_| Problem::no_zstd())?;
        self.has_more = left != 0 && output.pos() == output.capacity();
        let (taken, after) = (input.pos(), output.pos());
        self.frames.inflated += (after - before) as u64;
        if left == 0 {
            self.place = Place::Head;
            self.frames.ended += 1;
        }
        Ok(taken)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// 400 if the body is incomplete.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.frames.ended == 0 || self.place != Place::Head || !self.head.is_empty() {
            return Err(Problem::no_zstd());
        }
        Ok(())
    }
}

/// Inflates a whole body whose decoder is not counted, because it exists for one turn alone. Returns `None` if there is more
/// than `max_bytes` in it.
///
/// # Errors
/// As [`ZstdInflater::push`] and [`ZstdInflater::finish`].
pub(in crate::http) fn inflate_small(mut compressed: &[u8], max_bytes: usize) -> Result<Option<Vec<u8>>, Problem> {
    let (mut inflater, mut inflated) = (ZstdInflater::new(), Vec::new());
    while !compressed.is_empty() || inflater.has_work() {
        inflated.append(&mut inflater.push(&mut compressed)?);
        if inflated.len() > max_bytes {
            return Ok(None);
        }
    }
    inflater.finish()?;
    Ok(Some(inflated))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use zstd::zstd_safe::CParameter;

    use super::{MAX_MEMORY_BYTES, STEP_BYTES, ZstdInflater, inflate_small};
    use crate::http::inflate::FREE_PARTS;
    use crate::http::problem::Problem;

    const MIB: usize = 1 << 20;

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).unwrap()
    }

    /// Compresses bytes whose number the frame does not tell, with a window of 2 to the power of `window_log` bytes.
    fn windowed(bytes: &[u8], level: i32, window_log: u32) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level).unwrap();
        encoder.set_parameter(CParameter::WindowLog(window_log)).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn noise(bytes: u32) -> Vec<u8> {
        (0..bytes).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn inflate(compressed: &[u8], piece: usize) -> Result<Vec<u8>, Problem> {
        let (mut inflater, mut inflated) = (ZstdInflater::new(), Vec::new());
        for mut piece in compressed.chunks(piece) {
            while !piece.is_empty() || inflater.has_work() {
                let step = inflater.push(&mut piece)?;
                assert!(step.len() <= STEP_BYTES, "a step has a bound");
                assert!(inflater.decoder.sizeof() <= inflater.memory_bytes(), "a decoder is counted");
                assert!(inflater.memory_bytes() <= MAX_MEMORY_BYTES);
                inflated.extend(step);
            }
        }
        inflater.finish()?;
        Ok(inflated)
    }

    #[test]
    fn pieces_of_any_size_inflate_to_the_same() {
        let noise = noise(700_000);
        let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"any"].concat();
        let nothing = [0x5F, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
        let frames =
            [zstd(b"[1,"), skippable, zstd(b""), windowed(&noise, 3, 17), nothing.to_vec(), zstd(b"2]")].concat();
        let expected = [b"[1,".as_slice(), &noise, b"2]"].concat();
        for piece in [1, 7, 64 << 10, usize::MAX] {
            assert!(inflate(&frames, piece).unwrap() == expected, "{piece}");
        }
        assert!(inflate_small(&frames, MIB).unwrap() == Some(expected));
        assert!(inflate_small(&frames, 600_000).unwrap().is_none());
    }

    #[test]
    fn windows_have_a_bound_and_are_counted() {
        let noise = [noise(1 << 20), noise(9 << 20)].concat();
        for window_log in [10, 17, 20, 23] {
            assert!(inflate(&windowed(&noise, 1, window_log), 64 << 10).unwrap() == noise, "{window_log}");
        }
        // As `zstd -19` and `zstd -3` of a file do it.
        for level in [3, 19] {
            assert!(inflate(&zstd::bulk::compress(&noise, level).unwrap(), 64 << 10).unwrap() == noise, "{level}");
        }
        for window_log in [24, 27] {
            let refused = inflate(&windowed(b"[]", 1, window_log), 64 << 10).unwrap_err();
            assert!(refused.message().contains("window of"), "{}", refused.message());
        }
    }

    #[test]
    fn what_is_no_zstd_is_refused() {
        let whole = windowed(b"[1,2,3]", 1, 10);
        let end = whole.len();
        let mut wrong_sum = whole.clone();
        wrong_sum[end - 1] ^= 1;
        let with = |more: &[u8]| [&whole[..], more].concat();
        for wrong in [Vec::new(), whole[..end - 3].to_vec(), wrong_sum, with(b"junk"), with(&[0x50, 0x2A, 0x4D])] {
            for piece in [1, usize::MAX] {
                assert!(inflate(&wrong, piece).is_err(), "{wrong:?} {piece}");
            }
            assert!(inflate_small(&wrong, MIB).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn frames_are_bounded_in_proportion_to_what_they_inflate_to() {
        let most = usize::try_from(FREE_PARTS).unwrap();
        for empty in [zstd(b""), vec![0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]] {
            let frames = empty.repeat(most);
            assert!(inflate(&frames, 4_096).is_ok());
            assert!(inflate(&[frames, empty].concat(), 4_096).is_err());
        }
        let useful = zstd(&[b' '; 5_000]).repeat(3_000);
        assert_eq!(inflate(&useful, 4_096).unwrap().len(), 15_000_000);
    }

    proptest! {
        #[test]
        fn any_frames_in_any_pieces_inflate_to_what_they_were(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..3_000), -5..19_i32), 1..6),
            repeated in 1..40_usize,
            piece in 1..9_000_usize,
        ) {
            let parts: Vec<_> = parts.into_iter().map(|(bytes, level)| (bytes.repeat(repeated), level)).collect();
            let compressed: Vec<u8> =
                parts.iter().flat_map(|(bytes, level)| zstd::bulk::compress(bytes, *level).unwrap()).collect();
            let expected: Vec<u8> = parts.into_iter().flat_map(|(bytes, _)| bytes).collect();
            prop_assert!(inflate(&compressed, piece).unwrap() == expected);
        }

        #[test]
        fn no_bytes_panic_or_take_more_than_is_counted(
            mut bytes in prop::collection::vec(any::<u8>(), 0..600),
            begins_as_frame: bool,
            piece in 1..700_usize,
        ) {
            if begins_as_frame {
                bytes.splice(0..0, [0x28, 0xB5, 0x2F, 0xFD]);
            }
            let whole = inflate(&bytes, usize::MAX);
            let pieces = inflate(&bytes, piece);
            prop_assert_eq!(whole.ok(), pieces.ok());
        }

        #[test]
        fn a_changed_byte_panics_nothing(at in 0..2_000_usize, change in 1..=255_u8, piece in 1..3_000_usize) {
            let mut bytes = windowed(&noise(4_000).repeat(3), 3, 12);
            let at = at % bytes.len();
            bytes[at] ^= change;
            drop(inflate(&bytes, piece));
        }
    }
}
