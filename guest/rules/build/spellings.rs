//! The spellings of a name in a list. ISO 3166 puts the word to sort by first (`Madrid, Comunidad de`), and adds names in other
//! languages or scripts in brackets (`Aiti [Aichi]`).

use super::place_name::{GENERIC_WORDS, country_key};

/// Returns a country's name, and its spoken form: `Bolivia, Plurinational State of` is also `Plurinational State of Bolivia`.
pub(super) fn of_country(name: &str) -> Vec<String> {
    let turned = cut(name).map(|[first, second]| format!("{second} {first}"));
    [Some(name.to_owned()), turned].into_iter().flatten().collect()
}

/// Returns a region's name, its spoken form, its parts, and all of these with letters such as `ü` written as two.
pub(super) fn of_region(name: &str) -> Vec<String> {
    let mut found = vec![name.to_owned()];
    if let Some([first, second]) = cut(name) {
        found.push(format!("{second} {first}"));
        let in_brackets = !name.contains(", ");
        found.push(first.to_owned());
        if in_brackets && !is_remark(second) {
            found.push(second.to_owned());
        }
    }
    for separator in [" / ", "/", "; "] {
        if name.contains(separator) {
            found.extend(name.split(separator).map(str::to_owned));
        }
    }
    let mut written_as_two = Vec::new();
    for letters in TWO_LETTERS {
        let wide = |name: &String| letters.iter().fold(name.clone(), |name, (one, two)| name.replace(*one, two));
        written_as_two.extend(found.iter().map(wide));
    }
    found.extend(written_as_two);
    found
}

/// Letters that are written as two where a keyboard does not have them, in German and in Nordic languages.
const TWO_LETTERS: [&[(char, &str)]; 2] = [
    &[('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('Ä', "Ae"), ('Ö', "Oe"), ('Ü', "Ue")],
    &[('å', "aa"), ('ø', "oe"), ('ä', "ae"), ('ö', "oe"), ('Å', "Aa"), ('Ø', "Oe"), ('Ä', "Ae"), ('Ö', "Oe")],
];

/// Cuts a name at its last comma or before its brackets, if it ends with these.
fn cut(name: &str) -> Option<[&str; 2]> {
    let bracketed = [(" (", ')'), (" [", ']')].into_iter().find_map(|(opens, closes)| {
        let (first, second) = name.strip_suffix(closes)?.split_once(opens)?;
        Some([first, second])
    });
    bracketed.or_else(|| name.rsplit_once(", ").map(Into::into))
}

/// Returns whether the text in brackets is a remark, such as a number, the codes of languages, or what the region is called in its
/// country, and no name.
fn is_remark(text: &str) -> bool {
    text.split(", ").all(|part| part.len() <= 3)
        || text.starts_with("Region ")
        || text.contains(|c: char| c.is_ascii_digit() || "[]()".contains(c))
        || is_generic(text)
}

/// Returns whether a text has no other words than generic ones.
fn is_generic(text: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| GENERIC_WORDS.contains(&country_key(word).as_str()))
}
