//! Lists of names that the build script makes of the files in `data/`.

use crate::hashing::name_hash;

use super::place_name::{country_key, region_key, region_key_in_nominative, region_key_without_ending};

mod hashes {
    include!(concat!(env!("OUT_DIR"), "/name_hashes.rs"));
}

/// A list of names, which a name is looked up in by its hash. 64 bits suffice: of a million unknown names none is taken for one
/// of the list by accident, and who makes one on purpose only spoils an own contact.
struct NameList(&'static [u64]);

impl NameList {
    fn contains(&self, key: &str) -> bool {
        self.0.binary_search(&name_hash(key)).is_ok()
    }
}

/// Returns whether a list knows a country by this name, in any spelling that has the same key.
pub(super) fn has_country(name: &str) -> bool {
    let list = NameList(&hashes::COUNTRIES);
    // The list also has the names as they are, because most are sent so.
    list.contains(name) || list.contains(&country_key(name))
}

/// Returns whether a list knows a region of any country by this name, in any spelling that has one of the keys of a name there.
pub(super) fn has_region(name: &str) -> bool {
    let list = NameList(&hashes::REGIONS);
    list.contains(&region_key(name))
        || region_key_without_ending(name).is_some_and(|key| list.contains(&key))
        || list.contains(&region_key_in_nominative(name))
}

/// Returns whether this is exactly a locale of Symfony 5.4, which Mautic 5 uses: `language[_Script][_REGION]`.
pub(super) fn has_locale(code: &str) -> bool {
    NameList(&hashes::LOCALES).contains(code)
}

/// Returns whether this is exactly a time zone that PHP lists: `UTC`, or the current name of a place's zone in IANA's database.
pub(super) fn has_timezone(name: &str) -> bool {
    NameList(&hashes::TIMEZONES).contains(name)
}

#[cfg(test)]
mod tests {
    use super::super::place_name::{GENERIC_WORDS, region_key};
    use super::{has_country, has_locale, has_region, has_timezone, hashes};

    type HasName = fn(&str) -> bool;

    fn names(list: &str) -> Vec<&str> {
        list.split_once("\n\n").map(|(_, names)| names.lines().collect()).unwrap_or_default()
    }

    #[test]
    fn every_name_is_found_and_no_other_text() {
        let lists: [(&str, HasName); 4] = [
            (include_str!("data/countries.txt"), has_country),
            (include_str!("data/regions.txt"), has_region),
            (include_str!("data/locales.txt"), has_locale),
            (include_str!("data/timezones.txt"), has_timezone),
        ];
        for (list, has) in lists {
            let names = names(list);
            assert!(names.len() > 400 && names.is_sorted());
            for name in &names {
                assert!(has(name), "{name}");
                assert!(!has(&format!("{name}<")) && !has(&format!("{name}\n{name}x")), "{name}");
            }
            for line in list.lines().filter(|line| line.starts_with('#')) {
                assert!(!has(line), "{line}");
            }
            assert!(!has("") && !has("\n") && !has(" ") && !has("#") && !has(list));
        }
        for (list, has) in &lists[2..] {
            for name in names(list) {
                assert!(!has(&name.to_uppercase()) || name.to_uppercase() == name, "{name}");
                assert!(!has(&format!(" {name}")) && !has(&format!("{name} ")), "{name}");
            }
        }
    }

    #[test]
    fn the_lists_are_in_order() {
        for list in [&hashes::COUNTRIES[..], &hashes::REGIONS, &hashes::LOCALES, &hashes::TIMEZONES] {
            assert!(list.is_sorted_by(|one, other| one < other));
        }
    }

    /// What a region is called in its country is no name, unless a region is called that alone, as Canton in Kiribati.
    #[test]
    fn no_region_is_known_by_a_generic_word() {
        let names: Vec<String> = names(include_str!("data/regions.txt")).into_iter().map(region_key).collect();
        for word in GENERIC_WORDS {
            assert_eq!(has_region(word), names.iter().any(|name| name == word), "{word}");
        }
        for word in [
            "City",
            "Region",
            "Región",
            "Provincia",
            "PROVINCIA",
            "State",
            "Ｃｉｔｙ",
            "市",
            "도",
            "City of",
            "область",
        ] {
            assert!(!has_region(word), "{word}");
        }
    }

    #[test]
    fn regions_are_known_as_people_write_them() {
        for name in [
            "北京",
            "北京市",
            "上海",
            "東京",
            "東京都",
            "大阪",
            "北海道",
            "广西",
            "内蒙古",
            "경기",
            "경기도",
            "부산",
            "부산시",
            "서울",
            "서울특별시",
            "제주",
            "Αττική",
            "Αττικής",
            "Περιφέρεια Αττικής",
            "Κρήτη",
            "Ｔｅｘａｓ",
            "Ｔｏｋｙｏ",
            "Kwangju",
            "Københavns Amt",
            "København",
            "Västra Götaland",
            "VASTRA GOTALANDS LAN",
            "Beijing Shi",
            "La Unión",
            "Capital District",
        ] {
            assert!(has_region(name), "{name}");
        }
        assert!(has_country("Ｊａｐａｎ"));
    }

    /// Codes of regions are no names, so that a client is told of them.
    #[test]
    fn no_region_is_known_by_a_code() {
        for code in ["TX", "CA", "NY", "BY", "NSW", "75", "01", "SP", "MH", "5"] {
            assert!(!has_region(code), "{code}");
        }
    }
}
