//! Maps that hash with fixed keys: the same batch takes the same steps each time, and no random numbers are asked for.
//!
//! A batch has 1,000 items at most, so colliding on purpose gains nothing.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// A hash map without random keys.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// A hash set without random keys.
pub(crate) type Set<T> = HashSet<T, BuildHasherDefault<DefaultHasher>>;

/// A map from the names a profile chose, which are short and no stranger's.
pub(crate) type Names<V> = HashMap<String, V, BuildHasherDefault<NameHasher>>;

/// FNV-1a, 64 bits: for a name of a few bytes it is done before the default hasher has started.
#[derive(Debug)]
pub(crate) struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
