//! Names of regions: the subdivisions of all countries by ISO 3166-2, in their local language and in common spellings. The
//! names of ISO 3166-2 come from the crate `rust_iso3166`, which is generated from Debian's iso-codes.

use std::borrow::Cow;

use rust_iso3166::iso3166_2::SUBDIVISION_MAP;

/// Names in use that ISO 3166-2 does not have or spells differently.
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
    // Counties of the United Kingdom that have no council
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
    // Other countries
    "Bern",
    "Praha, hlavní město",
    "St. Gallen",
];

/// The countries of the United Kingdom. There, regions are counties.
const NOT_REGIONS: [&str; 4] = ["GB-ENG", "GB-NIR", "GB-SCT", "GB-WLS"];

pub(super) fn names() -> impl Iterator<Item = Cow<'static, str>> {
    let regions = SUBDIVISION_MAP.values().filter(|region| !NOT_REGIONS.contains(&region.code));
    let spelled = regions
        .flat_map(|region| [Some(Cow::Borrowed(region.name)), spoken_form(region.name), typed_form(region.name)]);
    spelled.flatten().chain(ADDED.map(Cow::Borrowed))
}

/// Returns the spoken form of a name, if it differs. ISO 3166-2 puts the word to sort by first (`Madrid, Comunidad de`) and
/// adds remarks in parentheses.
fn spoken_form(name: &str) -> Option<Cow<'static, str>> {
    if let Some((name, _)) = name.split_once(" (") {
        return Some(Cow::Owned(name.to_owned()));
    }
    let (last, first) = name.split_once(", ")?;
    Some(Cow::Owned(format!("{first} {last}")))
}

/// Returns a name as people type it, if it differs. ISO 3166-2 marks long vowels of other scripts (`Gujarāt`) and uses
/// typographic apostrophes.
fn typed_form(name: &str) -> Option<Cow<'static, str>> {
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
