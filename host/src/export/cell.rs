//! How one value becomes a cell, so that a file that is read again has the same value.

use serde_json::value::RawValue;

use crate::import::{VALUE_SEPARATOR, is_json_list};

/// Returns a JSON value as a cell: a text as it is, a list of texts with `|` between them, and everything else as JSON. Numbers keep
/// their digits.
pub(crate) fn cell(value: &RawValue) -> String {
    let json = value.get();
    match json.as_bytes().first() {
        None | Some(b'n') => String::new(),
        Some(b'"') => serde_json::from_str(json).unwrap_or_default(),
        Some(b'[') => match serde_json::from_str::<Vec<String>>(json) {
            Ok(texts) => list_cell(&texts),
            Err(_) => one_line(json),
        },
        Some(_) => one_line(json),
    }
}

/// Returns a list of texts as a cell: with `|` between them, or as JSON if one of them has that sign in it, or would be trimmed.
pub(crate) fn list_cell(texts: &[String]) -> String {
    let is_plain = |text: &String| !text.is_empty() && text.trim() == text && !text.contains([VALUE_SEPARATOR, '\0']);
    if !texts.is_empty() && texts.iter().all(is_plain) {
        let joined = texts.join("|");
        if !is_json_list(&joined) {
            return joined;
        }
    }
    serde_json::Value::from(texts).to_string()
}

/// Returns JSON without line breaks. JSON strings hold none, so those in the text are only white space between its parts.
pub(super) fn one_line(json: &str) -> String {
    json.trim().replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::cell;

    #[test]
    fn values_become_cells() {
        for (json, expected) in [
            ("null", ""),
            (r#""a \"b\"\n""#, "a \"b\"\n"),
            ("44770090012345678901", "44770090012345678901"),
            ("1.50", "1.50"),
            ("true", "true"),
            (r#"["a","b c"]"#, "a|b c"),
            (r#"["a|b","c"]"#, r#"["a|b","c"]"#),
            (r#"[" a"]"#, r#"[" a"]"#),
            (r#"["a\u0000"]"#, r#"["a\u0000"]"#),
            (r#"["[]"]"#, r#"["[]"]"#),
            (r#"["["]"#, "["),
            (r#"["[1","2]"]"#, "[1|2]"),
            ("[]", "[]"),
            ("[1,\n2]", "[1, 2]"),
            (r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        ] {
            assert_eq!(cell(&RawValue::from_string(json.to_owned()).unwrap()), expected, "{json}");
        }
    }
}
