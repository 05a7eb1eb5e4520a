//! Text that Unicode considers equal, such as `é` as one code point and as `e` with an accent. Values are stored as they were
//! sent, and are brought to one form, NFC, where they are compared.
//!
//! The steps are those of Unicode Standard Annex 15. The iterators of the crate `unicode-normalization` would do the same, and
//! bring tables of other forms into the component, which take 55 KB and are never used.

use std::borrow::Cow;

use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};

/// The first byte of U+0300, the first code point that NFC changes or joins with another.
const FIRST_CHANGED_BYTE: u8 = 0xCC;

/// Returns the text in NFC. Letters and their accents are one code point where there is one.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte < FIRST_CHANGED_BYTE) {
        return Cow::Borrowed(text);
    }
    let mut composed: Vec<char> = Vec::with_capacity(text.len());
    // The place of the last code point that others may be joined with, and the class of the last one after it.
    let (mut starter, mut last_class) = (None, 0);
    for (class, next) in ordered(text) {
        if let Some(place) = starter {
            let is_adjacent = composed.len() == place + 1;
            let joined = composed.get_mut(place).filter(|_| is_adjacent || last_class < class);
            if let Some((first, both)) = joined.and_then(|first| compose(*first, next).map(|both| (first, both))) {
                *first = both;
                continue;
            }
        }
        if class == 0 {
            starter = Some(composed.len());
        }
        last_class = class;
        composed.push(next);
    }
    Cow::Owned(composed.into_iter().collect())
}

/// Returns the text in NFD. Letters and their accents are separate code points.
pub(crate) fn decomposed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(ordered(text).into_iter().map(|(_, point)| point).collect())
}

/// Returns the code points of a text in NFD, each with its combining class.
fn ordered(text: &str) -> Vec<(u8, char)> {
    let mut points = Vec::with_capacity(text.len());
    for sent in text.chars() {
        decompose_canonical(sent, |point| points.push((canonical_combining_class(point), point)));
    }
    for accents in points.split_mut(|(class, _)| *class == 0) {
        accents.sort_by_key(|(class, _)| *class);
    }
    points
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::{composed, decomposed};

    #[test]
    fn the_forms_of_a_text_are_the_same() {
        for (one, other) in [("Mu\u{308}ller", "Müller"), ("A\u{30a}", "\u{212b}"), ("\u{1112}\u{1161}\u{11ab}", "한")]
        {
            assert_eq!(composed(one), composed(other));
            assert_eq!(decomposed(one), decomposed(other));
        }
        assert_eq!(composed("Mu\u{308}ller"), "Müller");
        assert_eq!(composed("\u{fb01}"), "\u{fb01}");
    }

    #[test]
    fn every_code_point_has_its_forms() {
        for point in '\0'..=char::MAX {
            for text in [point.to_string(), format!("a{point}\u{301}\u{327}"), format!("{point}\u{1161}\u{11a8}")] {
                assert_eq!(composed(&text), text.nfc().collect::<String>(), "{text:?}");
                assert_eq!(decomposed(&text), text.nfd().collect::<String>(), "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_below_u0300_is_composed(text in "[\0-\u{2ff}]{0,20}") {
            prop_assert!(matches!(composed(&text), Cow::Borrowed(_)));
            prop_assert_eq!(text.nfc().collect::<String>(), text);
        }

        #[test]
        fn forms_are_those_of_the_standard(text in "(\\PC|[a-eA-E\u{300}-\u{34e}\u{591}-\u{5bd}\u{1100}-\u{1112}\u{1161}-\u{1175}\u{11a8}-\u{11c2}]){0,20}") {
            prop_assert_eq!(composed(&text), text.nfc().collect::<String>());
            prop_assert_eq!(decomposed(&text), text.nfd().collect::<String>());
        }
    }
}
