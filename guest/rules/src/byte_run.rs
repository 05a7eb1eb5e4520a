//! How far a text goes on without certain bytes.
//!
//! Eight bytes are looked at in one step, as one number with a byte in each lane. Most values are shorter than two steps.

/// 1 in each lane.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of each lane.
const HIGHEST_BITS: u64 = ONES << 7;

/// Returns the number of bytes before the first one that a JSON string cannot have as it is: a quote, a backslash or a control
/// character.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    run(bytes, |eight| below(eight, b' ') | equal(eight, b'"') | equal(eight, b'\\'))
}

/// Returns the number of bytes before the first one that may start a tag or an entity.
#[inline]
pub(crate) fn unmarked_run(bytes: &[u8]) -> usize {
    run(bytes, |eight| equal(eight, b'<') | equal(eight, b'&'))
}

/// Returns the number of bytes before the first one that `found` finds. Of the number that `found` returns, the highest bit of a lane
/// counts, and only for bytes in ASCII.
#[inline]
fn run(bytes: &[u8], found: impl Fn(u64) -> u64) -> usize {
    let found = |eight: u64| found(eight) & !eight & HIGHEST_BITS;
    let lane = |found: u64| (found.trailing_zeros() / u8::BITS) as usize;
    let mut length = 0;
    for eight in bytes.as_chunks().0 {
        let found = found(u64::from_le_bytes(*eight));
        if found != 0 {
            return length + lane(found);
        }
        length += eight.len();
    }
    let last = match bytes.last_chunk() {
        // Some of these were looked at before.
        Some(eight) => u64::from_le_bytes(*eight),
        // No byte outside ASCII is found, so these fill the other lanes.
        None => bytes.iter().rev().fold(u64::MAX, |eight, &byte| (eight << u8::BITS) | u64::from(byte)),
    };
    let start = bytes.len().saturating_sub(size_of::<u64>());
    (start + lane(found(last))).min(bytes.len())
}

/// Sets the highest bit of the first lane in ASCII that has less than `limit`, and of none before it.
///
/// A subtraction sets the highest bit of a lane that is too small. It may borrow from the lanes above, but not from those below.
fn below(eight: u64, limit: u8) -> u64 {
    eight.wrapping_sub(ONES * u64::from(limit))
}

/// Sets the highest bit of the first lane in ASCII that has `byte`, and of none before it.
fn equal(eight: u64, byte: u8) -> u64 {
    below(eight ^ (ONES * u64::from(byte)), 1)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{plain_run, unmarked_run};

    fn check(bytes: &[u8]) {
        let before = |is_found: fn(u8) -> bool| bytes.iter().position(|&byte| is_found(byte)).unwrap_or(bytes.len());
        assert_eq!(plain_run(bytes), before(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')), "{bytes:?}");
        assert_eq!(unmarked_run(bytes), before(|byte| matches!(byte, b'<' | b'&')), "{bytes:?}");
    }

    #[test]
    fn every_byte_is_judged_alike_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                for around in
                    [b'a', b' ', b'!', b'#', b'%', b'\'', b';', b'=', b'[', b']', 0x7f, 0x80, 0xa6, 0xbc, 0xff]
                {
                    let mut bytes = [around; 20];
                    bytes[place] = byte;
                    (place..=bytes.len()).for_each(|length| check(&bytes[..length]));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_run_ends_at_the_first_byte_that_is_looked_for(bytes in vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..40)) {
            check(&bytes);
        }
    }
}
