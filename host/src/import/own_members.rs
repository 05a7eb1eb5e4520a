//! The columns and members that a file has besides those of its contacts. They are passed over when the file comes back.

use serde_json::value::RawValue;

/// What begins the names of such columns and members.
const OWN_PREFIX: &str = "bulkhead:";
/// The status of the item.
pub const STATUS_MEMBER: &str = "bulkhead:status";
/// Why the item failed.
pub const ERRORS_MEMBER: &str = "bulkhead:errors";
/// That the table has apostrophes before formulas, which are taken off when it comes back.
pub const EXCEL_MEMBER: &str = "bulkhead:excel";
/// The item itself as JSON, where it is no object that could have more members, or has values that no cell can hold.
pub const ITEM_MEMBER: &str = "bulkhead:item";

/// Returns whether a column or member is one of these, in whatever case: spreadsheets change it.
pub fn is_own(name: &str) -> bool {
    name.as_bytes().get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX.as_bytes()))
}

/// Returns whether this is the column or member that has whole items.
pub fn is_item(name: &str) -> bool {
    name.eq_ignore_ascii_case(ITEM_MEMBER)
}

/// Returns whether a text has [`OWN_PREFIX`] anywhere, in whatever case.
fn contains_own_prefix(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b':', bytes).any(|colon| {
        let start = (colon + 1).checked_sub(OWN_PREFIX.len()).and_then(|start| bytes.get(start..=colon));
        start.is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX.as_bytes()))
    })
}

/// Returns an item without such members. An item that had no others becomes `null`, which is refused as it was before: an empty
/// object would make a contact.
pub fn without_own_members(item: &str) -> String {
    if !contains_own_prefix(item) {
        return item.to_owned();
    }
    let Ok(members) = serde_json::from_str::<indexmap::IndexMap<String, &RawValue>>(item) else {
        return item.to_owned();
    };
    let (own, sent): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| is_own(name));
    if own.is_empty() {
        return item.to_owned();
    }
    if sent.is_empty() {
        let kept = own.iter().find(|(name, _)| is_item(name));
        return kept.map_or("null", |(_, item)| item.get()).to_owned();
    }
    let member =
        |(name, value): &(String, &RawValue)| format!("{}:{}", serde_json::Value::from(name.as_str()), value.get());
    format!("{{{}}}", sent.iter().map(member).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::without_own_members;

    #[test]
    fn what_was_sent_comes_back() {
        for (item, expected) in [
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            (r#"{"a": "bulkhead:"}"#, r#"{"a": "bulkhead:"}"#),
            (r#"{"a": 1.0,"bulkhead:status":400,"b":"ü","bulkhead:errors":"x"}"#, r#"{"a":1.0,"b":"ü"}"#),
            (r#"{"bulkhead:status":400}"#, "null"),
            (r#"{"bulkhead:item":7,"bulkhead:status":400}"#, "7"),
            (r#"{"bulkhead:item":{},"bulkhead:status":400}"#, "{}"),
            (r#"{"a": 1,"Bulkhead:Status":400,"BULKHEAD:ERRORS":"x"}"#, r#"{"a":1}"#),
            (r#"{"BulkHead:Item":7,"bulkhead:status":400}"#, "7"),
            (r#"["bulkhead:"]"#, r#"["bulkhead:"]"#),
        ] {
            assert_eq!(without_own_members(item), expected);
        }
    }
}
