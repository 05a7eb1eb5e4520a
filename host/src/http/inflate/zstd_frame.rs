//! What a frame of zstd begins with, as RFC 8878 has it: how many bytes a decoder of the frame must remember.

const FRAME_MAGIC: u32 = 0xFD2F_B528;
/// Frames that hold something for other programs, and inflate to nothing, begin with one of sixteen numbers.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;

/// Bytes that tell all that is read here, at most.
pub(super) const MAX_HEAD_BYTES: usize = 17;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameHead {
    /// A frame that refers back by up to so many bytes.
    Frame { window: u64 },
    /// A frame that inflates to nothing.
    Skippable,
}

/// The bytes are the beginning of no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoFrame;

impl FrameHead {
    /// Reads the beginning of a frame. Returns `None` if more bytes must follow.
    ///
    /// # Errors
    /// If no frame begins like this.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, NoFrame> {
        let Some((magic, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        match u32::from_le_bytes(*magic) {
            FRAME_MAGIC => Ok(window(rest).map(|window| Self::Frame { window })),
            magic if magic & !0xF == SKIPPABLE_MAGIC => Ok(Some(Self::Skippable)),
            _ => Err(NoFrame),
        }
    }
}

/// Returns the window that is told behind the first four bytes, once there are enough bytes.
fn window(bytes: &[u8]) -> Option<u64> {
    let (descriptor, rest) = bytes.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // The window is the whole content, whose size stands behind the dictionary's number.
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or_default();
    let size = rest.get(dictionary_bytes..)?;
    match descriptor >> 6 {
        0 => size.first().map(|size| u64::from(*size)),
        1 => size.first_chunk().map(|size| u64::from(u16::from_le_bytes(*size)) + 256),
        2 => size.first_chunk().map(|size| u64::from(u32::from_le_bytes(*size))),
        _ => size.first_chunk().map(|size| u64::from_le_bytes(*size)),
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameHead, MAX_HEAD_BYTES, NoFrame};

    const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

    fn frame(window: u64) -> Result<Option<FrameHead>, NoFrame> {
        Ok(Some(FrameHead::Frame { window }))
    }

    #[test]
    fn the_window_is_read_as_the_format_says() {
        for (rest, expected) in [
            (&[0x00, 0x00][..], frame(1 << 10)),
            (&[0x04, 0x68], frame(8 << 20)),
            (&[0x04, 0x6F], frame((8 << 20) + 7 * (1 << 20))),
            (&[0x00, 0xFF], frame((1 << 41) + 7 * (1 << 38))),
            (&[0x20, 0x05], frame(5)),
            (&[0x21, 0x99, 0x05], frame(5)),
            (&[0x60, 0x01, 0x01], frame(513)),
            (&[0xA3, 9, 9, 9, 9, 1, 0, 0, 1], frame((1 << 24) + 1)),
            (&[0xE3, 9, 9, 9, 9, 255, 255, 255, 255, 255, 255, 255, 255], frame(u64::MAX)),
            (&[], Ok(None)),
            (&[0x00], Ok(None)),
            (&[0x60, 0x01], Ok(None)),
            (&[0xE3, 9, 9, 9, 9, 255, 255, 255, 255, 255, 255, 255], Ok(None)),
        ] {
            assert_eq!(FrameHead::parse(&[&MAGIC, rest].concat()), expected, "{rest:?}");
        }
        assert_eq!(FrameHead::parse(&MAGIC[..3]), Ok(None));
        assert_eq!(FrameHead::parse(&[0x5F, 0x2A, 0x4D, 0x18]), Ok(Some(FrameHead::Skippable)));
        assert_eq!(FrameHead::parse(b"[{}]"), Err(NoFrame));
    }

    #[test]
    fn every_head_is_told_by_the_most_bytes() {
        for descriptor in 0..=u8::MAX {
            let mut bytes = [descriptor; MAX_HEAD_BYTES];
            bytes[..4].copy_from_slice(&MAGIC);
            assert!(matches!(FrameHead::parse(&bytes), Ok(Some(_))), "{descriptor}");
        }
    }
}
