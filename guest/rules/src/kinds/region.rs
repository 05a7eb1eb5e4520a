//! Names of regions: the subdivisions of ISO 3166-2 in their local language, of any country.

use rust_iso3166::iso3166_2::SUBDIVISION_MAP;

/// Names in use that ISO 3166-2 does not have or spells otherwise.
const ADDED: [&str; 13] = [
    "Armed Forces Africa",
    "Armed Forces Americas",
    "Armed Forces Canada",
    "Armed Forces Europe",
    "Armed Forces Middle East",
    "Armed Forces Pacific",
    "Federated States of Micronesia",
    "Marshall Islands",
    "Palau",
    "Praha, hlavní město",
    "Québec",
    "Virgin Islands",
    "Yukon Territory",
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SUBDIVISION_MAP.values().map(|region| region.name).chain(ADDED)
}
