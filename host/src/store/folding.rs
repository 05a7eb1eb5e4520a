//! The words of texts and of searches, without case and accents. They are the same in all dialects.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Bytes of a word that are indexed and searched for at most.
pub(super) const MAX_WORD_BYTES: usize = 500;

/// Calls `each` with the words of a text, in order.
pub(super) fn each_word(text: &str, mut each: impl FnMut(&str)) {
    folded(text).split_ascii_whitespace().for_each(|word| each(cut(word)));
}

/// Returns the words of a text, in order.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, |word| words.push(word.to_owned()));
    words
}

/// Returns a text without case and accents, and with blanks in place of all characters but letters and digits.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let plain = |c: u8| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { b' ' };
        return Cow::Owned(text.bytes().map(plain).map(char::from).collect());
    }
    let fold = |c: char| c.to_lowercase().nfd();
    let plain = text.nfc().flat_map(fold).filter(|c| !is_combining_mark(*c));
    Cow::Owned(plain.map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect())
}

fn cut(word: &str) -> &str {
    word.get(..word.floor_char_boundary(MAX_WORD_BYTES)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORD_BYTES, words};

    #[test]
    fn words_are_without_case_and_accents() {
        for (text, expected) in [
            ("Ada o'Neil, Köln", &["ada", "o", "neil", "koln"] as &[&str]),
            ("ada@example.com", &["ada", "example", "com"]),
            ("KO\u{308}LN", &["koln"]),
            ("Ελλάς İstanbul Łódź", &["ελλας", "istanbul", "łodz"]),
            ("\0 \u{1} -- * \u{f0000}", &[]),
            ("東京 Ada", &["東京", "ada"]),
            ("\"x\" OR NEAR(y)", &["x", "or", "near", "y"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn long_words_are_cut() {
        let long = "ü東".repeat(MAX_WORD_BYTES);
        let [word] = words(&long).try_into().unwrap();
        assert!(word.len() <= MAX_WORD_BYTES && word.len() > MAX_WORD_BYTES - 4);
        assert_eq!(words(&"x".repeat(MAX_WORD_BYTES + 1)), ["x".repeat(MAX_WORD_BYTES)]);
    }
}
