//! Which failed items can be rows of a table: those that are the same items when the rows are read again.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::import::{is_json_list, is_list_member, is_own};

/// The member that makes blank members clear their fields.
const CLEARING_MEMBER: &str = "overwriteWithBlank";

/// The members of an item.
pub(super) type Members<'a> = IndexMap<String, &'a RawValue>;

/// Returns the members of an item that is an object.
pub(super) fn members(item: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(item.get()).ok()
}

/// Returns whether the cells of a row can say the same as an item. An object without values would be a blank row.
pub(super) fn fit_cells(members: &Members<'_>) -> bool {
    let clears = members.get(CLEARING_MEMBER).is_some_and(|value| !matches!(value.get(), "false" | "null" | "0"));
    let mut are_blank = true;
    for (name, value) in members.iter().filter(|(name, _)| !is_own(name)) {
        match is_blank_cell(name, value.get()) {
            None => return false,
            Some(true) if clears => return false,
            Some(is_blank) => are_blank &= is_blank,
        }
    }
    !are_blank
}

/// Returns whether a member becomes a cell that says nothing, and `None` if no cell can say the same as the member.
fn is_blank_cell(name: &str, json: &str) -> Option<bool> {
    match json.as_bytes().first()? {
        b'n' => Some(true),
        b'"' => {
            // A text may have an escape that means no character.
            let text: String = serde_json::from_str(json).ok()?;
            let text = text.trim();
            // In the column of a list, a text would become a list; so would a JSON list in the column of several values.
            let changes = is_list_member(name) || is_json_list(text) || text.contains('\0');
            (text.is_empty() || !changes).then_some(text.is_empty())
        }
        b'[' if is_list_member(name) => Some(json.trim_matches(['[', ']']).trim().is_empty()),
        // In another column a list would become a text, which a field may take that refused the list; and in the column of a list,
        // a number would become a list.
        b'[' | b'{' => None,
        _ => (!is_list_member(name)).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{fit_cells, members};

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn items_fit_a_table_if_they_come_back_as_they_were() {
        for (item, fits) in [
            (r#"{"email":"x","points":5,"member":true,"city":null}"#, true),
            (r#"{"tags":["a|b",7],"doNotContact":[{"channel":"email"}]}"#, true),
            (r#"{"plan":["a","b"]}"#, false),
            (r#"{"email":"x","tags":0}"#, false),
            (r#"{"email":"x","tags":""}"#, true),
            (r#"{"email":"x","city":"","overwriteWithBlank":false}"#, true),
            ("{}", false),
            (r#"{"email":""}"#, false),
            (r#"{"bulkhead:status":400}"#, false),
            (r#"{"email":{"a":1}}"#, false),
            (r#"{"plan":["a|b"]}"#, false),
            (r#"{"plan":[["a"]]}"#, false),
            (r#"{"plan":[]}"#, false),
            (r#"{"tags":"a"}"#, false),
            (r#"{"tags":[ ]}"#, false),
            (r#"{"tags":[],"email":"x"}"#, true),
            (r#"{"tags":{"0":"a"}}"#, false),
            (r#"{"email":"[\"x\"]"}"#, false),
            (r#"{"email":"x","city":"","overwriteWithBlank":true}"#, false),
            (r#"{"email":"x\u0000"}"#, false),
            (r#"{"email":"\ud800"}"#, false),
        ] {
            let item = raw(item);
            assert_eq!(fit_cells(&members(&item).unwrap()), fits, "{item}");
        }
        for item in ["null", "7", "[{}]", r#"{"\ud800":1}"#] {
            assert!(members(&raw(item)).is_none(), "{item}");
        }
    }
}
