//! The parts of a string that JSON writes as they are.
//!
//! Eight bytes are looked at in one step, as one number with a byte in each lane. Most strings are shorter than two steps.

/// 1 in each lane.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of each lane.
const HIGHEST_BITS: u64 = ONES << 7;

/// Returns the number of bytes before the first one that a JSON string cannot have as it is: a quote, a backslash or a control
/// character.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(eight) = bytes.get(length..).and_then(<[u8]>::first_chunk) {
        let found = special_lanes(u64::from_le_bytes(*eight));
        if found != 0 {
            return length + (found.trailing_zeros() / u8::BITS) as usize;
        }
        length += eight.len();
    }
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'\\')
}

/// Returns a number whose lowest bit that is set is in the lane of the first special byte. If no byte is special, it is 0.
///
/// A subtraction sets the highest bit of a lane that is too small. It may borrow from the lanes above, but not from those below.
/// Bytes outside ASCII have their highest bit set before, and are never special.
fn special_lanes(eight: u64) -> u64 {
    let controls = eight.wrapping_sub(ONES * u64::from(b' '));
    let quotes = (eight ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
    let backslashes = (eight ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (controls | quotes | backslashes) & !eight & HIGHEST_BITS
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{is_special, plain_run};

    fn expected(bytes: &[u8]) -> usize {
        bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_is_judged_alike_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                for around in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut bytes = [around; 20];
                    bytes[place] = byte;
                    assert_eq!(plain_run(&bytes), expected(&bytes), "{byte} at {place}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_run_ends_at_the_first_special_byte(bytes in vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..40)) {
            prop_assert_eq!(plain_run(&bytes), expected(&bytes));
        }
    }
}
