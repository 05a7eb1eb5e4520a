//! The words that contacts are searched by: a full-text index that keeps no text.

use crate::domain::TenantId;

/// Bits of a place that hold a contact's id.
const ID_BITS: u32 = 40;

/// Where a contact stands in the index, whose rows have one number each: tenants one after the other, each with room for
/// a million million contacts.
pub(super) fn place(tenant: TenantId, contact: i64) -> i64 {
    (tenant.0 << ID_BITS) | contact
}

/// The first and the last place of a tenant.
pub(super) fn places(tenant: TenantId) -> (i64, i64) {
    (place(tenant, 0), place(tenant, (1 << ID_BITS) - 1))
}

/// The contact at a place.
pub(super) fn contact(place: i64) -> i64 {
    place & ((1 << ID_BITS) - 1)
}

/// What FTS5 is asked for: contacts that have, for each of these, a word that begins with it. `None` if there is nothing
/// to look for: what is no letter or digit separates words, here and in the index.
pub(super) fn question(words: &[String]) -> Option<String> {
    let parts =
        words.iter().flat_map(|word| word.split(|c: char| !c.is_alphanumeric())).filter(|part| !part.is_empty());
    let quoted: Vec<String> = parts.map(|part| format!("\"{part}\"*")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn nothing_but_words_is_asked_for() {
        for (words, expected) in [
            (&["ada"] as &[&str], Some("\"ada\"*")),
            (&["Ada", "love"], Some("\"Ada\"* AND \"love\"*")),
            (&["ada@example.com"], Some("\"ada\"* AND \"example\"* AND \"com\"*")),
            (&["\"x\" OR NEAR(y)"], Some("\"x\"* AND \"OR\"* AND \"NEAR\"* AND \"y\"*")),
            (&["--", "*"], None),
            (&[], None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(question(&words).as_deref(), expected);
        }
    }
}
