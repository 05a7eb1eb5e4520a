//! Text that Unicode considers equal, such as `é` as one code point and as `e` with an accent. Values are stored as they were
//! sent, and are brought to one form, NFC, where they are compared.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// The first byte of U+0300, the first code point that NFC changes or joins with another.
const FIRST_CHANGED_BYTE: u8 = 0xCC;

/// Returns the text in NFC. Letters and their accents are one code point where there is one.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if is_unaffected(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Returns the text in NFD. Letters and their accents are separate code points.
pub(crate) fn decomposed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfd().collect()) }
}

/// Returns whether a text is in NFC because all of its code points are below U+0300.
fn is_unaffected(text: &str) -> bool {
    text.bytes().all(|byte| byte < FIRST_CHANGED_BYTE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn every_text_below_u0300_is_composed(text in "[\0-\u{2ff}]{0,20}") {
            prop_assert!(matches!(composed(&text), std::borrow::Cow::Borrowed(_)));
            let decomposed = decomposed(&text);
            prop_assert_eq!(composed(&decomposed), text.as_str());
        }

        #[test]
        fn forms_are_stable(text: String) {
            let (composed_text, decomposed_text) = (composed(&text), decomposed(&text));
            prop_assert_eq!(composed(&composed_text), composed_text.clone());
            prop_assert_eq!(composed(&decomposed_text), composed_text.clone());
        }
    }
}
