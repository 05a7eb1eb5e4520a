//! Why an item failed, in words for whoever corrects it.

use serde_json::Value;

use crate::domain::ErrorCode;

/// The text by which Mautic refuses values of many kinds. A code says more.
const VAGUE_TEXT: &str = "This value is not valid.";
/// The code that says no more than the text.
const VAGUE_CODE: &str = "invalid";

/// Returns the text of an item's error. Each field is called what `name_of` says, and where a text does not say what is wrong, the
/// code of the error follows: `points: This value is not valid (not_a_number).`
///
/// `message` and `details` are those of the error. A message that is not made of its details stays as it is.
pub fn failure_text(
    message: &str,
    details: &Value,
    codes: &[ErrorCode],
    name_of: impl Fn(&str) -> Option<String>,
) -> String {
    let mut texts = Vec::new();
    for (field, list) in details.as_object().into_iter().flatten() {
        let mut codes = codes.iter().filter(|code| code.field.as_ref() == Some(field)).map(|code| code.code.as_str());
        for text in list.as_array().into_iter().flatten().filter_map(Value::as_str) {
            texts.push((field, text, codes.next()));
        }
    }
    let usual: Vec<String> = texts.iter().map(|(field, text, _)| format!("{field}: {text}")).collect();
    if usual.join(", ") != message {
        return message.to_owned();
    }
    let said = texts.into_iter().map(|(field, text, code)| {
        let name = name_of(field).unwrap_or_else(|| field.clone());
        match code.filter(|code| text == VAGUE_TEXT && *code != VAGUE_CODE) {
            Some(code) => format!("{name}: {} ({code}).", text.trim_end_matches('.')),
            None => format!("{name}: {text}"),
        }
    });
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::failure_text;
    use crate::domain::ErrorCode;

    #[test]
    fn an_error_names_the_column_and_the_code() {
        let code = |field: &str, code: &str| ErrorCode { field: Some(field.to_owned()), code: code.to_owned() };
        let codes = [code("email", "invalid_email"), code("points", "not_a_number"), code("city", "invalid")];
        let vague = "This value is not valid.";
        for (message, details, expected) in [
            (
                "points: This value is not valid.",
                json!({"points": [vague]}),
                "Punkte (points): This value is not valid (not_a_number).",
            ),
            (
                "email: No., points: This value is not valid.",
                json!({"email": ["No."], "points": [vague]}),
                "email: No., Punkte (points): This value is not valid (not_a_number).",
            ),
            ("city: This value is not valid.", json!({"city": [vague]}), "city: This value is not valid."),
            ("state: This value is not valid.", json!({"state": [vague]}), "state: This value is not valid."),
            ("points: x, y", json!({"points": ["x", "y"]}), "points: x, y"),
            ("Another text.", json!({"points": [vague]}), "Another text."),
            ("No details.", json!([]), "No details."),
            ("", json!({"points": 7}), ""),
            ("", json!(null), ""),
        ] {
            let name_of = |field: &str| (field == "points").then(|| String::from("Punkte (points)"));
            assert_eq!(failure_text(message, &details, &codes, name_of), expected, "{message}");
        }
    }
}
