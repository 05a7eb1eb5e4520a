//! A contact as a row of a table, of the members with which the processor shows it.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::cell::{cell, list_cell, one_line};
use crate::domain::ContactId;

/// Columns besides the fields: before them, and behind them.
const FIRST_COLUMNS: [&str; 1] = ["id"];
const LAST_COLUMNS: [&str; 7] = ["tags", "owner", "stage", "doNotContact", "lastActive", "dateAdded", "dateModified"];

/// The members of an object.
type Members<'a> = HashMap<String, &'a RawValue>;

/// Returns the names of the columns of a table of contacts with these fields.
pub fn contact_columns<'a>(aliases: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    FIRST_COLUMNS.into_iter().chain(aliases).chain(LAST_COLUMNS)
}

/// Returns the cells of a contact, which is shown as `object`. What it does not have stays blank, and so does a member that is of
/// another kind than expected.
pub fn contact_row(ContactId(id): ContactId, object: &str, aliases: &[String]) -> Vec<String> {
    let shown: Members<'_> = serde_json::from_str(object).unwrap_or_default();
    let all = members(members(shown.get("fields")).get("all"));
    let field = |alias: &String| all.get(alias).map(|value| cell(value)).unwrap_or_default();
    let time = |name: &str| shown.get(name).map(|value| cell(value)).unwrap_or_default();
    let last = [
        tags(shown.get("tags")),
        reference(shown.get("owner")),
        reference(shown.get("stage")),
        do_not_contact(shown.get("doNotContact")),
        time("lastActive"),
        time("dateAdded"),
        time("dateModified"),
    ];
    std::iter::once(id.to_string()).chain(aliases.iter().map(field)).chain(last).collect()
}

/// Returns the members of a value; none if it is no object.
fn members<'a>(value: Option<&&'a RawValue>) -> Members<'a> {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

/// Returns the names of tags, each of which is an object with its name, or a text.
fn tags(value: Option<&&RawValue>) -> String {
    let list: Vec<&RawValue> = value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
    let name = |tag: &RawValue| {
        let name = if tag.get().starts_with('{') { cell(members(Some(&tag)).get("tag")?) } else { cell(tag) };
        (!name.is_empty()).then_some(name)
    };
    let names: Vec<String> = list.into_iter().filter_map(name).collect();
    if names.is_empty() { String::new() } else { list_cell(&names) }
}

/// Returns the channels on which a contact must not be contacted as a JSON list, without the members that an item does not have.
fn do_not_contact(value: Option<&&RawValue>) -> String {
    const SENT: [&str; 3] = ["channel", "reason", "comments"];
    let list: Vec<IndexMap<String, &RawValue>> =
        value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
    let entry = |mut entry: IndexMap<String, &RawValue>| {
        entry.retain(|name, _| SENT.contains(&name.as_str()));
        serde_json::to_string(&entry).unwrap_or_default()
    };
    let entries: Vec<String> = list.into_iter().map(entry).collect();
    if entries.is_empty() { String::new() } else { one_line(&format!("[{}]", entries.join(","))) }
}

/// Returns the id of an owner or a stage.
fn reference(value: Option<&&RawValue>) -> String {
    match value {
        Some(value) if value.get().starts_with('{') => {
            members(Some(value)).get("id").map(|id| cell(id)).unwrap_or_default()
        }
        Some(value) => cell(value),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{contact_columns, contact_row};
    use crate::domain::ContactId;

    #[test]
    fn a_contact_becomes_a_row() {
        let object = r#"{"id":7,"fields":{"core":{},"all":{"email":"a@b.co","points":5,"plan":"a|b","city":null}},
            "tags":[{"tag":"x"},{"tag":"y"}],"owner":{"id":3},"stage":null,"doNotContact":[{"id":1,"channel":"sms","reason":3}],"dateAdded":"2026-01-01T00:00:00+00:00"}"#;
        let aliases = ["email", "city", "points", "plan", "other"].map(str::to_owned);
        let expected = [
            "7",
            "a@b.co",
            "",
            "5",
            "a|b",
            "",
            "x|y",
            "3",
            "",
            r#"[{"channel":"sms","reason":3}]"#,
            "",
            "2026-01-01T00:00:00+00:00",
            "",
        ];
        assert_eq!(contact_row(ContactId(7), object, &aliases), expected);
        assert_eq!(contact_columns(aliases.iter().map(String::as_str)).count(), expected.len());
    }

    #[test]
    fn an_odd_member_leaves_the_others_alone() {
        let aliases = ["email".to_owned()];
        for (object, expected) in [
            (r#"{"id":8}"#, ["8", "", "", "", "", "", "", "", ""]),
            ("7", ["8", "", "", "", "", "", "", "", ""]),
            (r#"{"fields":[],"tags":["a|b",7,{}],"owner":5}"#, ["8", "", r#"["a|b","7"]"#, "5", "", "", "", "", ""]),
            (
                r#"{"fields":{"all":{"email":{"a":1}}},"tags":{"0":"x"},"stage":{"id":2},"lastActive":7}"#,
                ["8", r#"{"a":1}"#, "", "", "2", "", "7", "", ""],
            ),
            (
                r#"{"fields":{"all":{"email":"e"}},"tags":null,"owner":{"id":null}}"#,
                ["8", "e", "", "", "", "", "", "", ""],
            ),
        ] {
            assert_eq!(contact_row(ContactId(8), object, &aliases), expected, "{object}");
        }
    }
}
