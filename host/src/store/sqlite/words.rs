//! The words that contacts are searched by: a full-text index that keeps no text.

use crate::domain::TenantId;

/// Bits of a place that hold a contact's id.
const ID_BITS: u32 = 40;

/// Where a contact stands in the index, whose rows have one number each: tenants one after the other, each with room for
/// a million million contacts.
pub(super) fn place(tenant: TenantId, contact: i64) -> i64 {
    (tenant.0 << ID_BITS) | contact
}

/// The contact at a place.
pub(super) fn contact(place: i64) -> i64 {
    place & ((1 << ID_BITS) - 1)
}

/// Words as they are indexed: each marked with its tenant, so that a search reads nothing of another tenant's, however many
/// contacts that one has. What is no letter or digit separates words.
pub(super) fn marked(tenant: TenantId, text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    for word in parts(text) {
        if !marked.is_empty() {
            marked.push(' ');
        }
        marked.push_str(&mark(tenant, word));
    }
    marked
}

/// What FTS5 is asked for: contacts that have, for each of these, a word that begins with it. `None` if there is nothing
/// to look for.
pub(super) fn question(tenant: TenantId, words: &[String]) -> Option<String> {
    let quoted = words.iter().flat_map(|word| parts(word)).map(|word| format!("\"{}\"*", mark(tenant, word)));
    let quoted: Vec<String> = quoted.collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty())
}

fn mark(tenant: TenantId, word: &str) -> String {
    format!("{}x{word}", tenant.0)
}

#[cfg(test)]
mod tests {
    use super::{marked, question};
    use crate::domain::TenantId;

    #[test]
    fn nothing_but_words_is_asked_for() {
        for (words, expected) in [
            (&["ada"] as &[&str], Some("\"7xada\"*")),
            (&["Ada", "love"], Some("\"7xAda\"* AND \"7xlove\"*")),
            (&["ada@example.com"], Some("\"7xada\"* AND \"7xexample\"* AND \"7xcom\"*")),
            (&["\"x\" OR NEAR(y)"], Some("\"7xx\"* AND \"7xOR\"* AND \"7xNEAR\"* AND \"7xy\"*")),
            (&["--", "*"], None),
            (&[], None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(question(TenantId(7), &words).as_deref(), expected);
        }
        assert_eq!(marked(TenantId(7), "Ada o'Neil, Köln"), "7xAda 7xo 7xNeil 7xKöln");
    }
}
