//! Time zones: what PHP lists, that is `UTC` and the zones of places in IANA's database, by their current names.

use super::compiled;

pub(super) const ALL: &str = include_str!("data/timezones.txt");

pub(super) fn exists(name: &str) -> bool {
    compiled::has(ALL, name)
}
