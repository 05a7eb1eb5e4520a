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

/// A map by the unique values of a batch's contacts.
pub(crate) type KeyMap<V> = HashMap<String, V, BuildHasherDefault<NameHasher>>;

/// A map by names that a profile defines. These names are short and do not come from clients.
pub(crate) type NameMap<V> = HashMap<String, V, BuildHasherDefault<NameHasher>>;

/// FNV-1a with 64 bits, which is faster than the default hasher for names of a few bytes.
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

/// Returns the hash of a name in lists that the build script makes, FNV-1a with 64 bits.
pub(crate) fn name_hash(name: &str) -> u64 {
    let mut hasher = NameHasher::default();
    hasher.write(name.as_bytes());
    hasher.finish()
}
