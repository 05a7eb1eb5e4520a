//! Maps that hash with fixed keys: the same batch takes the same steps each time, and no random numbers are asked for.
//!
//! A batch has 1,000 items at most, so colliding on purpose gains nothing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A hash map without random keys.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
