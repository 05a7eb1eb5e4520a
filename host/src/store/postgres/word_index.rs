//! The words that contacts are searched by.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::domain::TenantId;
use crate::store::listing::{anonymous_mark, mark, mark_all};

/// Bytes of a word that are indexed and searched for at most.
const MAX_WORD_BYTES: usize = 500;

/// Returns the words of a text as they are indexed.
pub(super) fn indexed_words(tenant: TenantId, text: &str) -> String {
    mark_all(tenant, text, folded(text).split_whitespace().map(cut))
}

/// Returns the `tsquery` for contacts that have, for each of these prefixes, a word that begins with it. Returns `None` if
/// the prefixes have no letter or digit. Words are letters and digits, so none needs escaping.
pub(super) fn match_query(tenant: TenantId, prefixes: &[String]) -> Option<String> {
    let quote = |word: &str| format!("'{}':*", mark(tenant, cut(word)));
    let quoted: Vec<String> =
        prefixes.iter().flat_map(|prefix| folded(prefix).split_whitespace().map(quote).collect::<Vec<_>>()).collect();
    (!quoted.is_empty()).then(|| quoted.join(" & "))
}

/// Returns the `tsquery` for contacts that their component marked as anonymous.
pub(super) fn anonymous_query(tenant: TenantId) -> String {
    format!("'{}'", anonymous_mark(tenant))
}

/// Returns a text without case and accents, and with blanks in place of all characters but letters and digits.
fn folded(text: &str) -> String {
    let fold = |c: char| c.to_lowercase().nfd();
    let plain = text.nfc().flat_map(fold).filter(|c| !is_combining_mark(*c));
    plain.map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect()
}

fn cut(word: &str) -> &str {
    word.get(..word.floor_char_boundary(MAX_WORD_BYTES)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORD_BYTES, indexed_words, match_query};
    use crate::domain::TenantId;

    #[test]
    fn queries_contain_letters_and_digits_only() {
        for (words, expected) in [
            (&["ada"] as &[&str], Some("'7xada':*")),
            (&["Ada", "LOVE"], Some("'7xada':* & '7xlove':*")),
            (&["ada@example.com"], Some("'7xada':* & '7xexample':* & '7xcom':*")),
            (&["\"x\" | !'y':*"], Some("'7xx':* & '7xy':*")),
            (&["--", "*"], None),
            (&[], None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(match_query(TenantId(7), &words).as_deref(), expected);
        }
    }

    #[test]
    fn words_are_indexed_without_case_and_accents() {
        for (text, expected) in [
            ("Ada o'Neil, Köln", "7xada 7xo 7xneil 7xkoln"),
            ("KO\u{308}LN", "7xkoln"),
            ("Ελλάς İstanbul Łódź", "7xελλας 7xistanbul 7xłodz"),
            ("\0 \u{1}", ""),
            ("東京 Ada", "7x東京 7xada"),
            ("Köln \u{f0000}", "7xkoln 7a"),
            ("\u{f0000}", "7a"),
        ] {
            assert_eq!(indexed_words(TenantId(7), text), expected);
        }
    }

    #[test]
    fn long_words_are_cut() {
        let word = "ü東".repeat(MAX_WORD_BYTES);
        let (indexed, asked) = (indexed_words(TenantId(1), &word), match_query(TenantId(1), &[word]).unwrap());
        assert!(indexed.len() <= MAX_WORD_BYTES + 2);
        assert_eq!(asked, format!("'{indexed}':*"));
    }
}
