//! Time zones that PHP lists: `UTC`, and the current names of the IANA database's zones of places.

use super::sorted_list;

pub(super) const ALL: &str = include_str!("data/timezones.txt");

pub(super) fn exists(name: &str) -> bool {
    sorted_list::contains(ALL, name)
}
