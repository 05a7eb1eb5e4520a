//! The words that contacts are searched by: a full-text index that keeps no text.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::TenantId;
use crate::domain::search::words;
use crate::store::listing::{anonymous_mark, mark, mark_all};

/// Bits of a row id that hold a contact's id.
const CONTACT_BITS: u32 = 40;

/// Returns the row id of a contact in the index. Tenants have ranges of 2^40 row ids, one after the other.
pub(super) fn row_id(tenant: TenantId, contact: i64) -> i64 {
    (tenant.0 << CONTACT_BITS) | contact
}

/// Returns the contact of a row id.
pub(super) fn contact(row_id: i64) -> i64 {
    row_id & ((1 << CONTACT_BITS) - 1)
}

/// What [`contact`] returns, in SQL.
pub(super) const CONTACT_OF_ROW_ID: &str = "rowid & 0xffffffffff";

/// Returns the words of a text as they are indexed. All characters but letters and digits separate words.
pub(super) fn indexed_words(tenant: TenantId, text: &str) -> String {
    mark_all(tenant, text, words(&composed(text)))
}

/// Returns the FTS5 query for contacts that have, for each of these prefixes, a word that begins with it. Returns `None`
/// if the prefixes have no letter or digit.
pub(super) fn match_query(tenant: TenantId, prefixes: &[String]) -> Option<String> {
    let prefixes: Vec<Cow<'_, str>> = prefixes.iter().map(|prefix| composed(prefix)).collect();
    let quoted = prefixes.iter().flat_map(|prefix| words(prefix)).map(|word| format!("\"{}\"*", mark(tenant, word)));
    let quoted: Vec<String> = quoted.collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// Returns the FTS5 query for contacts that their component marked as anonymous.
pub(super) fn anonymous_query(tenant: TenantId) -> String {
    format!("\"{}\"", anonymous_mark(tenant))
}

/// Returns a text in NFC. In other forms, an accent is a character of its own, and would separate words.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

#[cfg(test)]
mod tests {
    use super::{indexed_words, match_query};
    use crate::domain::TenantId;

    #[test]
    fn operators_of_fts5_are_searched_as_words() {
        for (prefixes, expected) in [
            (&["ada"] as &[&str], Some("\"7xada\"*")),
            (&["Ada", "love"], Some("\"7xAda\"* AND \"7xlove\"*")),
            (&["ada@example.com"], Some("\"7xada\"* AND \"7xexample\"* AND \"7xcom\"*")),
            (&["\"x\" OR NEAR(y)"], Some("\"7xx\"* AND \"7xOR\"* AND \"7xNEAR\"* AND \"7xy\"*")),
            (&["Ko\u{308}ln"], Some("\"7xKöln\"*")),
            (&["--", "*"], None),
            (&[], None),
        ] {
            let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
            assert_eq!(match_query(TenantId(7), &prefixes).as_deref(), expected);
        }
        assert_eq!(indexed_words(TenantId(7), "Ada o'Neil, Köln"), "7xAda 7xo 7xNeil 7xKöln");
        assert_eq!(indexed_words(TenantId(7), "Ko\u{308}ln"), "7xKöln");
        assert_eq!(indexed_words(TenantId(7), "Köln \u{f0000}"), "7xKöln 7a");
        assert_eq!(indexed_words(TenantId(7), "\u{f0000}"), "7a");
    }
}
