//! The words that contacts are searched by.

use crate::domain::{IndexEntry, TenantId};
use crate::store::folding::{each_word, words};

/// Returns the words of a text as they are indexed, with a blank between two.
pub(super) fn indexed_words(tenant: TenantId, text: &str) -> String {
    let mut marked = String::new();
    let mut add = |word: &str| {
        if !marked.is_empty() {
            marked.push(' ');
        }
        marked.push_str(word);
    };
    each_word(text, |word| add(&mark(tenant, word)));
    if text.contains(IndexEntry::ANONYMOUS_MARK) {
        add(&anonymous_mark(tenant));
    }
    marked
}

/// Returns the `tsquery` for contacts that have, for each of these prefixes, a word that begins with it. Returns `None` if
/// the prefixes have no letter or digit. Words are letters and digits, so none needs escaping.
pub(super) fn match_query(tenant: TenantId, prefixes: &[String]) -> Option<String> {
    let quote = |word: String| format!("'{}':*", mark(tenant, &word));
    let quoted: Vec<String> = prefixes.iter().flat_map(|prefix| words(prefix)).map(quote).collect();
    (!quoted.is_empty()).then(|| quoted.join(" & "))
}

/// Returns the `tsquery` for contacts that their component marked as anonymous.
pub(super) fn anonymous_query(tenant: TenantId) -> String {
    format!("'{}'", anonymous_mark(tenant))
}

/// Returns a word as it is indexed: marked with its tenant, so that a search reads no index entries of other tenants, however
/// many contacts those have.
fn mark(tenant: TenantId, word: &str) -> String {
    format!("{}x{word}", tenant.0)
}

/// Returns the word by which the contacts are found that their component marked as anonymous. No [`mark`]ed word is equal to it,
/// or begins as it does.
fn anonymous_mark(tenant: TenantId) -> String {
    format!("{}a", tenant.0)
}

#[cfg(test)]
mod tests {
    use super::{indexed_words, match_query};
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
    fn words_are_indexed_with_their_tenant() {
        for (text, expected) in [
            ("Ada o'Neil, Köln", "7xada 7xo 7xneil 7xkoln"),
            ("\0 \u{1}", ""),
            ("Köln \u{f0000}", "7xkoln 7a"),
            ("\u{f0000}", "7a"),
        ] {
            assert_eq!(indexed_words(TenantId(7), text), expected);
        }
    }
}
