//! The keys of names of countries and regions. Names that differ in case, marks, punctuation and generic words alone have the
//! same key: `Västra Götalands län` and `VASTRA GOTALAND`, `São Paulo` and `Estado de Sao Paulo`.
//!
//! The build script makes the keys of the lists with the same functions.

use crate::unicode::decomposed;

/// Words that are left out of the names of countries.
const LINKING_WORDS: [&str; 3] = ["and", "of", "the"];

/// Words that are left out of the names of regions: what a region is called in the language of its country, and words that link
/// others. In the order of their bytes.
#[rustfmt::skip]
const GENERIC_WORDS: [&str; 185] = [
    "administrative", "aimag", "al", "amt", "anchal", "and", "apskritis", "area", "authority", "autonoma",
    "autonomous", "avtonomnaya", "avtonomnyy", "aymag", "bezirk", "bibhag", "borough", "bundesland", "canton",
    "capital", "changwat", "city", "co", "commune", "community", "comunidad", "comunidade", "council", "county", "da",
    "das", "de", "dei", "del", "della", "delle", "departamento", "departement", "departements", "department",
    "departments", "dept", "des", "di", "district", "districte", "districtul", "distrikt", "distrito", "division",
    "do", "dos", "du", "e", "el", "estado", "et", "fu", "fylke", "gouvernorat", "governorate", "grad", "gwangyeogsi",
    "gwangyeoksi", "hlavni", "i", "il", "ili", "jikhalsi", "judet", "judetul", "kanton", "ken", "kommun", "krai",
    "kraj", "kray", "la", "laani", "lan", "land", "landsdel", "landskapet", "lans", "las", "le", "les", "linn", "los",
    "maakond", "maakunta", "megye", "mesto", "metropolis", "metropolitan", "muhafaza", "muhafazah", "muhafazat",
    "muni", "municipality", "municipio", "municipiu", "municipiul", "negeri", "nomos", "novada", "novads", "obcina",
    "obl", "oblasc", "oblast", "oblasti", "oblusu", "oblys", "oblysy", "of", "okres", "okrug", "os", "ostan",
    "palata", "parish", "perifereia", "periferia", "pilseta", "prefecture", "prefectuur", "propinsi", "province",
    "provincia", "provincias", "provincie", "provinsi", "provinz", "raion", "raioni", "raionul", "rajona", "rajons",
    "rayon", "rayonu", "regiao", "region", "regional", "regione", "republic", "republika", "respublika",
    "respublikasi", "sahari", "savivaldybe", "sheng", "shi", "si", "special", "state", "territory", "teugbyeolsi",
    "teukbyeolsi", "the", "tinh", "to", "und", "union", "unitary", "vald", "ville", "viloyat", "viloyati", "vobl",
    "voblasc", "voblast", "voivodeship", "voivodship", "wilaya", "wilayah", "wilayat", "wojewodztwo", "xian", "y",
    "zila", "zilla", "zizhiqu", "zone", "zupanija",
];

/// Returns the key of a country's name. Only the empty text and texts of nothing but blanks and punctuation have an empty key.
pub(crate) fn country_key(name: &str) -> String {
    key(name, &LINKING_WORDS)
}

/// Returns the key of a region's name. Only the empty text and texts of nothing but blanks and punctuation have an empty key.
pub(crate) fn region_key(name: &str) -> String {
    key(name, &GENERIC_WORDS)
}

/// Returns the letters and digits of a name without its marks, in lower case, and without the words `left_out` if a word of
/// letters remains.
///
/// A character that no name has, such as `<`, stays, so that the key is that of no name.
fn key(name: &str, left_out: &[&str]) -> String {
    let letters = decomposed(name);
    let mut whole = String::with_capacity(letters.len());
    let mut key = String::with_capacity(letters.len());
    let mut word_start = 0;
    for letter in letters.chars().chain([' ']) {
        match letter {
            '0'..='9' | 'a'..='z' => whole.push(letter),
            'A'..='Z' => whole.push(letter.to_ascii_lowercase()),
            _ if is_mark(letter) => {}
            _ if letter == '&' || is_gap(letter) => {
                let word = whole.get(word_start..).unwrap_or_default();
                match word {
                    "st" => key.push_str("saint"),
                    word if left_out.binary_search(&word).is_ok() => {}
                    word => key.push_str(word),
                }
                word_start = whole.len();
            }
            _ => push_lowercase(&mut whole, letter),
        }
    }
    if key.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { key }
}

/// Returns whether a character is written between or in words, and tells no names apart: accents on their own, and the many forms
/// of the apostrophe.
fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '\'' | '`' | '´' | 'ʹ' | 'ʺ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ʾ' | 'ʿ' | 'ˈ' | '‘' | '’' | '‛' | '′'
            | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    )
}

fn is_gap(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '\u{2010}'..='\u{2015}' | '.' | ',' | ';' | '/' | '(' | ')' | '[' | ']' | '_' | '·' | '・'
        )
}

/// Appends a letter in lower case and, if it is one of the Latin letters that are no letter with an accent, its usual spelling.
fn push_lowercase(text: &mut String, letter: char) {
    for letter in letter.to_lowercase() {
        match letter {
            'ß' => text.push_str("ss"),
            'æ' => text.push_str("ae"),
            'œ' => text.push_str("oe"),
            'þ' => text.push_str("th"),
            'ø' => text.push('o'),
            'đ' | 'ð' => text.push('d'),
            'ħ' => text.push('h'),
            'ı' => text.push('i'),
            'ł' => text.push('l'),
            'ŋ' => text.push('n'),
            'ŧ' => text.push('t'),
            'ə' => text.push('a'),
            other if is_mark(other) => {}
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERIC_WORDS, LINKING_WORDS, country_key, region_key};

    #[test]
    fn words_are_in_order_and_are_keys() {
        for words in [&LINKING_WORDS[..], &GENERIC_WORDS] {
            assert!(words.is_sorted_by(|one, other| one < other));
            for word in words {
                assert_eq!(region_key(word), *word);
            }
        }
    }

    #[test]
    fn spellings_have_one_key() {
        for spellings in [
            &["Blekinge län", "Blekinge lan", "BLEKINGE", "blekinge county"][..],
            &["São Paulo", "Sa\u{303}o Paulo", "sao paulo", "Estado de São Paulo", "Sao-Paulo", "S'ao  Paulo"],
            &["Łódzkie", "lodzkie", "Województwo łódzkie", "Lodzkie Voivodeship"],
            &["Kyiv oblast", "Kyïv Oblast'", "KYIV"],
            &["İstanbul", "Istanbul", "ıstanbul", "İSTANBUL ili"],
            &["St. Gallen", "Saint Gallen", "Canton of St Gallen"],
            &["KwaZulu-Natal", "Kwa Zulu Natal", "KwaZulu‑Natal"],
            &["province", "Province"],
            &["Region 5", "region-5"],
            &["", " ", "- , -", "\u{feff}"],
        ] {
            let keys: Vec<String> = spellings.iter().map(|name| region_key(name)).collect();
            assert!(keys.iter().all(|key| Some(key) == keys.first()), "{spellings:?}: {keys:?}");
        }
        assert_eq!(country_key("Bosnia & Herzegovina"), country_key("BOSNIA AND HERZEGOVINA"));
        assert_eq!(country_key("Côte d’Ivoire"), country_key("Cote dIvoire"));
        for (one, other) in [("Niger", "Nigeria"), ("Congo", "Republic of the Congo"), ("Guinea", "Guinea-Bissau")] {
            assert_ne!(country_key(one), country_key(other));
        }
    }

    #[test]
    fn what_no_name_has_stays() {
        for text in ["<Texas>", "Texas\0", "Texas?", "Texas=1", "Te\u{fffd}xas", "{Texas}", "Texas 1"] {
            assert_ne!(region_key(text), region_key("Texas"), "{text}");
        }
        assert_ne!(region_key("Region 5"), region_key("5"));
    }
}
