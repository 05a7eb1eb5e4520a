//! Names of countries: Mautic's spellings, and for all other countries the English short names of ISO 3166-1. The names of
//! ISO 3166-1 come from the crate `rust_iso3166`, which is generated from Debian's iso-codes.

use rust_iso3166::ALL;

/// Countries whose name in Mautic differs from ISO 3166-1.
const RENAMED: [(&str, &str); 34] = [
    ("BN", "Brunei"),
    ("BO", "Bolivia"),
    ("BQ", "Caribbean Netherlands"),
    ("CD", "Democratic Republic of the Congo"),
    ("CG", "Republic of the Congo"),
    ("CI", "Ivory Coast"),
    ("CV", "Cape Verde"),
    ("CZ", "Czech Republic"),
    ("FK", "Falkland Islands"),
    ("FM", "Micronesia"),
    ("GB", "United Kingdom"),
    ("GS", "South Georgia and South Sandwich Islands"),
    ("GW", "Guinea Bissau"),
    ("HM", "Heard and McDonald Islands"),
    ("IR", "Iran"),
    ("KP", "North Korea"),
    ("KR", "South Korea"),
    ("LA", "Laos"),
    ("MD", "Moldova"),
    ("MF", "Saint Martin"),
    ("MK", "Macedonia"),
    ("NL", "Netherlands"),
    ("PN", "Pitcairn Islands"),
    ("PS", "Palestine"),
    ("RU", "Russia"),
    ("SH", "Saint Helena"),
    ("ST", "São Tomé and Príncipe"),
    ("SY", "Syria"),
    ("TL", "East Timor"),
    ("TW", "Taiwan"),
    ("TZ", "Tanzania"),
    ("US", "United States"),
    ("VE", "Venezuela"),
    ("VN", "Vietnam"),
];

/// Countries that Mautic's list does not have.
const ABSENT: [&str; 9] = ["AS", "CC", "CX", "FO", "IO", "NF", "SX", "TF", "UM"];

/// Names of Mautic's list that ISO 3166-1 does not have.
const ADDED: [&str; 4] = ["Kosovo", "Tahiti", "Unknown", "Yugoslavia"];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let listed = ALL.iter().filter(|country| !ABSENT.contains(&country.alpha2));
    let spelled = |code: &str| RENAMED.iter().find(|(renamed, _)| *renamed == code).map(|&(_, name)| name);
    listed.map(move |country| spelled(country.alpha2).unwrap_or(country.name)).chain(ADDED)
}
