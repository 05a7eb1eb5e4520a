//! The words that contacts are searched by: an index of words, each marked with its tenant.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::domain::TenantId;

/// Bytes of a word at most; what is behind is neither indexed nor asked for.
const WORD: usize = 500;

/// Words as they are indexed, with blanks between: each once more marked with its tenant, so that a search reads nothing of
/// another tenant's, however many contacts that one has.
pub(super) fn marked(tenant: TenantId, text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    for word in folded(text).split_whitespace() {
        if !marked.is_empty() {
            marked.push(' ');
        }
        marked.push_str(&mark(tenant, word));
    }
    marked
}

/// What the database is asked for: contacts that have, for each of these, a word that begins with it. `None` if there is
/// nothing to look for. In the syntax of `tsquery`; words are letters and digits, so nothing in them needs escaping.
pub(super) fn question(tenant: TenantId, words: &[String]) -> Option<String> {
    let words: Vec<String> = words
        .iter()
        .flat_map(|text| {
            let text = folded(text);
            text.split_whitespace().map(|word| format!("'{}':*", mark(tenant, word))).collect::<Vec<_>>()
        })
        .collect();
    (!words.is_empty()).then(|| words.join(" & "))
}

/// Text without case and accents, and with blanks where there is neither letter nor digit.
fn folded(text: &str) -> String {
    let fold = |c: char| c.to_lowercase().nfd();
    let plain = text.nfc().flat_map(fold).filter(|c| !is_combining_mark(*c));
    plain.map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect()
}

fn mark(tenant: TenantId, word: &str) -> String {
    let end = (0..=WORD.min(word.len())).rev().find(|end| word.is_char_boundary(*end)).unwrap_or(0);
    format!("{}x{}", tenant.0, word.get(..end).unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::{WORD, marked, question};
    use crate::domain::TenantId;

    #[test]
    fn nothing_but_words_is_asked_for() {
        for (words, expected) in [
            (&["ada"] as &[&str], Some("'7xada':*")),
            (&["Ada", "LOVE"], Some("'7xada':* & '7xlove':*")),
            (&["ada@example.com"], Some("'7xada':* & '7xexample':* & '7xcom':*")),
            (&["\"x\" | !'y':*"], Some("'7xx':* & '7xy':*")),
            (&["--", "*"], None),
            (&[], None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(question(TenantId(7), &words).as_deref(), expected);
        }
    }

    #[test]
    fn case_and_accents_do_not_matter() {
        for (text, expected) in [
            ("Ada o'Neil, Köln", "7xada 7xo 7xneil 7xkoln"),
            ("KO\u{308}LN", "7xkoln"),
            ("Ελλάς İstanbul Łódź", "7xελλας 7xistanbul 7xłodz"),
            ("\0 \u{1}", ""),
            ("東京 Ada", "7x東京 7xada"),
        ] {
            assert_eq!(marked(TenantId(7), text), expected);
        }
    }

    #[test]
    fn endless_words_are_cut() {
        let word = "ü東".repeat(WORD);
        let (indexed, asked) = (marked(TenantId(1), &word), question(TenantId(1), &[word]).unwrap());
        assert!(indexed.len() <= WORD + 2);
        assert_eq!(asked, format!("'{indexed}':*"));
    }
}
