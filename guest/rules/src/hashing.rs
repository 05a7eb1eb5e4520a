//! Maps and sets that hash with fixed keys. The same batch takes the same steps each time, and no random numbers are
//! needed.
//!
//! Keys that collide on purpose do little harm, because a batch has at most 1,000 items.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// A hash map without random hash keys.
pub(crate) type StableMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// A hash set without random hash keys.
pub(crate) type StableSet<T> = HashSet<T, BuildHasherDefault<DefaultHasher>>;

/// A map by the names that a profile defines, or by the unique values of a batch's contacts.
pub(crate) type TextMap<V> = HashMap<String, V, BuildHasherDefault<TextHasher>>;

/// FxHash, which takes eight bytes in one step and is faster than the default hasher for short texts.
#[derive(Debug, Default)]
pub(crate) struct TextHasher(u64);

impl TextHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.add(rest.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        // The lowest bits depend on few others before.
        self.0 ^ (self.0 >> 32)
    }
}

/// Returns the hash of a name in lists that the build script makes, FNV-1a with 64 bits.
pub(crate) fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
