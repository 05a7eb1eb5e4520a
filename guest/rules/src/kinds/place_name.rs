//! The keys of names of countries and regions. Names that differ in case, marks, punctuation, width and generic words alone have
//! the same key: `São Paulo` and `Estado de Sao Paulo`, `Αττική` and `Περιφέρεια Αττικής`.
//!
//! A region is also known by a further key of its name: without an ending that says what it is, as in `北京市` and `경기도`, or with
//! the name before its generic word not in the genitive, as in `Københavns Amt`.
//!
//! The build script makes the keys of the lists with the same functions.

use crate::unicode::{composed, decomposed};

/// Words that are left out of the names of countries.
const LINKING_WORDS: [&str; 3] = ["and", "of", "the"];

/// Words that are left out of the names of regions: what a region is called in the language of its country, and words that link
/// others. Each is its own key, and they are in the order of their bytes.
#[rustfmt::skip]
pub(crate) const GENERIC_WORDS: [&str; 215] = [
    "administrative", "aimag", "al", "amt", "anchal", "and", "apskritis", "area", "authority", "autonoma",
    "autonomous", "avtonomnaya", "avtonomnyy", "aymag", "bezirk", "bibhag", "borough", "bundesland", "canton",
    "capital", "changwat", "chikhalshi", "city", "co", "commune", "community", "comunidad", "comunidade", "council",
    "county", "da", "das", "de", "dei", "del", "della", "delle", "departamento", "departement", "departements",
    "department", "departments", "dept", "des", "di", "district", "districte", "districtul", "distrikt", "distrito",
    "division", "do", "dos", "du", "e", "el", "estado", "et", "fu", "fylke", "gouvernorat", "governorate", "grad",
    "gwangyeogsi", "gwangyeoksi", "hlavni", "i", "il", "ili", "jikhalsi", "judet", "judetul", "kanton", "ken",
    "kommun", "krai", "kraj", "kray", "kwangyokshi", "la", "laani", "lan", "land", "landsdel", "landskapet", "lans",
    "las", "le", "les", "linn", "los", "maakond", "maakunta", "megye", "mesto", "metropolis", "metropolitan",
    "muhafaza", "muhafazah", "muhafazat", "muni", "municipality", "municipio", "municipiu", "municipiul", "negeri",
    "nomos", "novada", "novads", "obcina", "obl", "oblasc", "oblast", "oblasti", "oblusu", "oblys", "oblysy", "of",
    "okres", "okrug", "os", "ostan", "palata", "parish", "perifereia", "periferia", "pilseta", "prefecture",
    "prefectuur", "propinsi", "province", "provincia", "provincias", "provincie", "provinsi", "provinz", "raion",
    "raioni", "raionul", "rajona", "rajons", "rayon", "rayonu", "regiao", "region", "regional", "regione", "republic",
    "republika", "respublika", "respublikasi", "sahari", "savivaldybe", "sheng", "shi", "si", "special", "state",
    "territory", "teugbyeolsi", "teukbyeoljachido", "teukbyeoljachisi", "teukbyeolsi", "the", "tinh", "to",
    "tukpyolshi", "und", "union", "unitary", "vald", "ville", "viloyat", "viloyati", "vobl", "voblasc", "voblast",
    "voivodeship", "voivodship", "wilaya", "wilayah", "wilayat", "wojewodztwo", "xian", "y", "zila", "zilla",
    "zizhiqu", "zone", "zupanija", "επαρχια", "και", "νομο", "περιφερεια", "автономная", "автономныи", "велаят",
    "вобласць", "и", "краи", "област", "область", "облусу", "облысы", "округ", "општина", "республика", "управни",
    "استان", "بلدية", "شعبية", "محافظة", "منطقة", "ولاية", "ولايت",
];

/// The endings of names in scripts without blanks between words, the longer before those that they end with: what a region is
/// called in China, Japan and Korea.
#[rustfmt::skip]
const ENDINGS: [&str; 20] = [
    "特别行政区", "特別行政區", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治區", "省", "市", "都", "道", "府", "県", "县", "縣",
    "특별자치시", "특별자치도", "특별시", "광역시", "직할시",
];
/// The endings of names in Korea that others end with.
const SHORT_ENDINGS: [&str; 2] = ["시", "도"];
/// Characters that are left of a name without its ending, at least.
const MIN_REST_CHARS: usize = 2;
/// Generic words that follow a name in the genitive, in Nordic languages.
const AFTER_GENITIVE: [&str; 4] = ["amt", "fylke", "kommun", "lan"];

/// How a word before a generic one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// As it is written.
    Written,
    /// Without the `s` of the genitive, if the generic word wants one.
    Nominative,
}

/// Returns the key of a country's name. Only the empty text and texts of nothing but blanks and punctuation have an empty key.
pub(crate) fn country_key(name: &str) -> String {
    key(name, &LINKING_WORDS, Case::Written)
}

/// Returns the key of a region's name. Only the empty text and texts of nothing but blanks and punctuation have an empty key.
pub(crate) fn region_key(name: &str) -> String {
    key(name, &GENERIC_WORDS, Case::Written)
}

/// Returns the key of a region's name without an ending that says what the region is, if the name has one.
pub(crate) fn region_key_without_ending(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let name = composed(name.trim());
    let rest = ENDINGS.iter().chain(&SHORT_ENDINGS).find_map(|ending| name.strip_suffix(*ending))?.trim_end();
    rest.chars().nth(MIN_REST_CHARS - 1).map(|_| region_key(rest))
}

/// Returns the key of a region's name in which the word before a generic one is not in the genitive.
pub(crate) fn region_key_in_nominative(name: &str) -> String {
    key(name, &GENERIC_WORDS, Case::Nominative)
}

/// Returns the letters and digits of a name without its marks, in lower case, and without the words `left_out` if a word of
/// letters remains.
///
/// A character that no name has, such as `<`, stays, so that the key is that of no name.
fn key(name: &str, left_out: &[&str], case: Case) -> String {
    let letters = decomposed(name);
    // A key is at most as long as the name, except for letters that are written as two, and `saint`.
    let mut key = String::with_capacity(letters.len());
    let mut word_start = 0;
    for letter in letters.chars().map(narrow).chain([' ']) {
        match letter {
            '0'..='9' | 'a'..='z' => key.push(letter),
            'A'..='Z' => key.push(letter.to_ascii_lowercase()),
            _ if is_mark(letter) => {}
            _ if letter == '&' || is_gap(letter) => {
                end_word(&mut key, word_start, left_out, case);
                word_start = key.len();
            }
            _ => push_lowercase(&mut key, letter),
        }
    }
    let is_of_digits = key.bytes().all(|byte| byte.is_ascii_digit());
    if is_of_digits && !left_out.is_empty() { self::key(name, &[], case) } else { key }
}

/// Ends the word that starts at `start` of a key, and leaves it out if it is one of `left_out`.
fn end_word(key: &mut String, start: usize, left_out: &[&str], case: Case) {
    // The genitive of many Greek names has one more letter than the nominative.
    if key.ends_with('σ') && key.len() - start > 'σ'.len_utf8() {
        key.pop();
    }
    let word = key.get(start..).unwrap_or_default();
    if word == "st" {
        key.truncate(start);
        key.push_str("saint");
    } else if left_out.binary_search(&word).is_ok() {
        let is_after_genitive = case == Case::Nominative && AFTER_GENITIVE.contains(&word);
        key.truncate(start);
        if is_after_genitive && key.ends_with('s') {
            key.pop();
        }
    }
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

/// Returns the usual form of a letter, digit or mark that is as wide as a Chinese character.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
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
            'ς' => text.push('σ'),
            other if is_mark(other) => {}
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ENDINGS, GENERIC_WORDS, LINKING_WORDS, SHORT_ENDINGS, country_key, region_key, region_key_in_nominative,
        region_key_without_ending,
    };

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
            &["Ｔｅｘａｓ", "Texas", "ＴＥＸＡＳ　Ｓｔａｔｅ", "（Texas）"],
            &["Αττική", "Αττικής", "ΑΤΤΙΚΗΣ", "Περιφέρεια Αττικής", "Περιφέρεια\u{3000}Αττική"],
            &["Κρήτη", "Περιφέρεια Κρήτης", "ΚΡΗΤΗΣ"],
            &["Московская", "Московская область", "МОСКОВСКАЯ ОБЛАСТЬ"],
            &["Kwangju", "Kwangju-Kwangyŏkshi"],
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
    fn an_ending_is_left_out_of_names_without_blanks() {
        for (name, rest) in [
            ("北京市", Some("北京")),
            ("東京都", Some("東京")),
            ("京都府", Some("京都")),
            ("广西壮族自治区", Some("广西")),
            ("香港特別行政區", Some("香港")),
            ("경기도", Some("경기")),
            ("부산광역시", Some("부산")),
            ("부산 광역시", Some("부산")),
            ("\u{1107}\u{116e}\u{1109}\u{1161}\u{11ab}\u{1109}\u{1175}", Some("부산")),
            ("京都", None),
            ("市", None),
            ("도", None),
            ("Texas", None),
            ("Zürich", None),
        ] {
            assert_eq!(region_key_without_ending(name), rest.map(region_key), "{name}");
        }
        let endings: Vec<&str> = ENDINGS.iter().chain(&SHORT_ENDINGS).copied().collect();
        for (place, ending) in endings.iter().enumerate() {
            assert!(endings[..place].iter().all(|earlier| !ending.ends_with(earlier)), "{ending}");
        }
    }

    #[test]
    fn a_genitive_before_a_generic_word_is_read_as_a_nominative() {
        for (name, key) in [
            ("Københavns Amt", "kobenhavn"),
            ("Västra Götalands län", "vastragotaland"),
            ("Hordalands fylke", "hordaland"),
            ("Texas", "texas"),
            ("Texas State", "texas"),
            ("Amt", "amt"),
        ] {
            assert_eq!(region_key_in_nominative(name), key, "{name}");
        }
    }

    #[test]
    fn what_no_name_has_stays() {
        for text in ["＜Texas＞", "<Texas>", "Texas\0", "Texas?", "Texas=1", "Te\u{fffd}xas", "{Texas}", "Texas 1"] {
            assert_ne!(region_key(text), region_key("Texas"), "{text}");
        }
        assert_ne!(region_key("Region 5"), region_key("5"));
    }
}
