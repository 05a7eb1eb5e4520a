//! Writes JSON as `serde_json` writes it, straight into a text.

use std::fmt::Write as _;

use serde::Serialize;

use crate::byte_run::plain_run;

/// Returns a name as it stands before a member's value, such as `"id":`.
pub(crate) fn quoted_name(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + "\"\":".len());
    push_text(&mut quoted, name);
    quoted.push(':');
    quoted
}

/// Appends the name of a member to an object that is being written, and a comma before it unless it is the first one. `quoted` is
/// a result of [`quoted_name`].
#[inline]
pub(crate) fn push_name(json: &mut String, quoted: &str) {
    // A value ends with another character, and a text with a quote.
    if !json.ends_with('{') {
        json.push(',');
    }
    json.push_str(quoted);
}

/// Appends a string.
pub(crate) fn push_text(json: &mut String, text: &str) {
    json.push('"');
    push_inside(json, text);
    json.push('"');
}

fn push_inside(json: &mut String, text: &str) {
    if plain_run(text.as_bytes()) == text.len() {
        return json.push_str(text);
    }
    let mut rest = text;
    while let Some((plain, special)) = rest.split_at_checked(plain_run(rest.as_bytes()))
        && let Some(&byte) = special.as_bytes().first()
    {
        json.push_str(plain);
        push_escaped(json, byte);
        rest = special.get(1..).unwrap_or_default();
    }
    json.push_str(rest);
}

fn push_escaped(json: &mut String, byte: u8) {
    json.push_str(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\x08' => "\\b",
        b'\x0c' => "\\f",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        // Writing to memory does not fail.
        control => return write!(json, "\\u{control:04x}").unwrap_or_default(),
    });
}

/// Appends a whole number.
pub(crate) fn push_whole(json: &mut String, number: i64) {
    if number < 0 {
        json.push('-');
    }
    push_digits(json, number.unsigned_abs());
}

fn push_digits(json: &mut String, number: u64) {
    let (before, last) = (number / 10, number % 10);
    if before > 0 {
        push_digits(json, before);
    }
    json.push(char::from(b'0' + last as u8));
}

/// Appends any value.
pub(crate) fn push_value<T: Serialize + ?Sized>(json: &mut String, value: &T) {
    // Writing to memory does not fail.
    json.push_str(serde_json::to_string(value).as_deref().unwrap_or("null"));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{push_name, push_text, push_value, push_whole, quoted_name};

    fn written(text: &str) -> String {
        let mut json = String::new();
        push_text(&mut json, text);
        json
    }

    #[test]
    fn every_character_is_written_as_by_the_library() {
        for character in '\0'..=char::MAX {
            for text in [character.to_string(), format!("before {character}{character} and after it")] {
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_whole_number_is_written_as_by_the_library(number in any::<i64>(), shift in 0..64) {
            for number in [number >> shift, 0, i64::MIN, i64::MAX] {
                let mut json = String::new();
                push_whole(&mut json, number);
                prop_assert_eq!(json, serde_json::to_string(&number).unwrap());
            }
        }

        #[test]
        fn any_text_is_written_as_by_the_library(text in "(\\PC|[a-z \"\\\\\0-\u{1f}\u{7f}]){0,40}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn an_object_is_written_as_by_the_library(members in vec(("[{}a\"]{0,3}", "[{}a\"]{0,3}"), 0..4)) {
            let (mut json, mut expected) = (String::from("{"), Vec::new());
            for (name, value) in &members {
                push_name(&mut json, &quoted_name(name));
                push_value(&mut json, value);
                expected.push(format!("{}:{}", serde_json::to_string(name).unwrap(), serde_json::to_string(value).unwrap()));
            }
            json.push('}');
            prop_assert_eq!(json, format!("{{{}}}", expected.join(",")));
        }
    }
}
