//! Cells with several values: `a|b`, or a JSON list, in which values can hold any signs.

use serde::de::IgnoredAny;

/// What separates the values of a cell.
pub const VALUE_SEPARATOR: char = '|';
/// Members of an item that are lists.
const LISTS: [&str; 3] = ["tags", "companies", "doNotContact"];

/// Returns whether a member of an item is a list, so that the cells of its column have several values.
pub fn is_list_member(member: &str) -> bool {
    LISTS.contains(&member)
}

/// Returns whether a cell is a JSON list.
pub fn is_json_list(cell: &str) -> bool {
    cell.starts_with('[') && cell.ends_with(']') && serde_json::from_str::<IgnoredAny>(cell).is_ok()
}

/// Appends JSON without line breaks. JSON strings hold none, so those in the text are only white space between its parts.
pub(super) fn push_one_line(json: &mut String, text: &str) {
    if text.contains(['\n', '\r']) { json.push_str(&text.replace(['\n', '\r'], " ")) } else { json.push_str(text) }
}

/// Appends the values of a cell as a JSON list.
pub(super) fn push_list(json: &mut String, cell: &str) {
    if is_json_list(cell) {
        push_one_line(json, cell);
        return;
    }
    json.push('[');
    let values = cell.split(VALUE_SEPARATOR).map(str::trim).filter(|value| !value.is_empty());
    for (place, value) in values.enumerate() {
        if place > 0 {
            json.push(',');
        }
        push_text(json, value);
    }
    json.push(']');
}

/// Appends a text as JSON. Most texts have nothing to escape.
pub(super) fn push_text(json: &mut String, text: &str) {
    // To the end in any case, as the compiler compares many bytes at a time then.
    let is_plain = |plain, byte: u8| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\');
    if text.bytes().fold(true, is_plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::push_list;

    #[test]
    fn cells_become_lists() {
        for (cell, expected) in [
            (" a | b ||", r#"["a","b"]"#),
            ("|", "[]"),
            (r#"say "hi""#, r#"["say \"hi\""]"#),
            (r#"["a|b", "c"]"#, r#"["a|b", "c"]"#),
            ("[1,\n{\"channel\":\"email\"}]", r#"[1, {"channel":"email"}]"#),
            ("[]", "[]"),
            ("[a]", r#"["[a]"]"#),
            ("[\"a\"|\"b\"]", r#"["[\"a\"","\"b\"]"]"#),
        ] {
            let mut json = String::new();
            push_list(&mut json, cell);
            assert_eq!(json, expected, "{cell}");
        }
    }
}
