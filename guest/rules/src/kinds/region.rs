//! Names of regions: the subdivisions of ISO 3166-2 in their local language, of any country, as people write them. ISO's
//! are in the crate `rust_iso3166`, which is compiled from Debian's iso-codes.

use std::borrow::Cow;

use rust_iso3166::iso3166_2::SUBDIVISION_MAP;

/// Names in use that ISO 3166-2 does not have or spells otherwise.
const ADDED: [&str; 38] = [
    // The United States
    "Armed Forces Africa",
    "Armed Forces Americas",
    "Armed Forces Canada",
    "Armed Forces Europe",
    "Armed Forces Middle East",
    "Armed Forces Pacific",
    "Federated States of Micronesia",
    "Marshall Islands",
    "Palau",
    "Virgin Islands",
    // Canada
    "Newfoundland",
    "Québec",
    "Yukon Territory",
    // Counties of the United Kingdom that are no councils
    "Antrim",
    "Armagh",
    "Avon",
    "Bedfordshire",
    "Berkshire",
    "Cheshire",
    "Cleveland",
    "Down",
    "Dyfed",
    "Fermanagh",
    "Greater London",
    "Greater Manchester",
    "Gwent",
    "Humberside",
    "London",
    "Londonderry",
    "Merseyside",
    "South Yorkshire",
    "Tyne and Wear",
    "Tyrone",
    "West Midlands",
    "West Yorkshire",
    // Others
    "Bern",
    "Praha, hlavní město",
    "St. Gallen",
];

/// The countries of the United Kingdom: there, regions are counties.
const NOT_REGIONS: [&str; 4] = ["GB-ENG", "GB-NIR", "GB-SCT", "GB-WLS"];

pub(super) fn names() -> impl Iterator<Item = Cow<'static, str>> {
    let regions = SUBDIVISION_MAP.values().filter(|region| !NOT_REGIONS.contains(&region.code));
    let spelled =
        regions.flat_map(|region| [Some(Cow::Borrowed(region.name)), as_spoken(region.name), as_typed(region.name)]);
    spelled.flatten().chain(ADDED.map(Cow::Borrowed))
}

/// ISO puts the word to sort by first (`Madrid, Comunidad de`) and remarks in parentheses.
fn as_spoken(name: &str) -> Option<Cow<'static, str>> {
    if let Some((name, _)) = name.split_once(" (") {
        return Some(Cow::Owned(name.to_owned()));
    }
    let (last, first) = name.split_once(", ")?;
    Some(Cow::Owned(format!("{first} {last}")))
}

/// ISO marks long vowels of other scripts (`Gujarāt`) and sets typographic apostrophes.
fn as_typed(name: &str) -> Option<Cow<'static, str>> {
    const PLAIN: [(char, char); 11] = [
        ('ā', 'a'),
        ('ē', 'e'),
        ('ī', 'i'),
        ('ō', 'o'),
        ('ū', 'u'),
        ('Ā', 'A'),
        ('Ē', 'E'),
        ('Ī', 'I'),
        ('Ō', 'O'),
        ('Ū', 'U'),
        ('’', '\''),
    ];
    if name.is_ascii() {
        return None;
    }
    let plain = |c: char| PLAIN.iter().find(|(marked, _)| *marked == c).map_or(c, |&(_, plain)| plain);
    let typed: String = name.chars().map(plain).collect();
    (typed != name).then_some(Cow::Owned(typed))
}
