//! Booleans: the words of PHP's filter, and 1 and 0 as numbers with a fraction, which pandas and R write.

use crate::field_error::NOT_A_BOOLEAN;
use crate::json::{Raw, without_zero_fraction};
use crate::value::Value;

use super::Parsed;
use super::text::trim;

const YES: [&str; 4] = ["1", "true", "yes", "on"];
const NO: [&str; 4] = ["0", "false", "no", "off"];

pub(super) fn parse(raw: &Raw<'_>) -> Parsed<'static> {
    match raw {
        Raw::Null => Ok(None),
        Raw::Bool(flag) => Ok(Some(Value::Bool(*flag))),
        Raw::Number(_) => parse_word(&raw.as_text().unwrap_or_default()),
        Raw::Text(word) => parse_word(trim(word)),
        // PHP's filter accepts a list of one value.
        Raw::List(_) | Raw::Object(_) => match raw.as_list().as_deref() {
            Some([Raw::List(_) | Raw::Object(_)]) => Err(NOT_A_BOOLEAN),
            Some([only]) => parse(only),
            _ => Err(NOT_A_BOOLEAN),
        },
        Raw::InvalidString => Err(NOT_A_BOOLEAN),
    }
}

fn parse_word(word: &str) -> Parsed<'static> {
    let word = without_zero_fraction(word);
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if word.is_empty() {
        Ok(None)
    } else if is(&YES) {
        Ok(Some(Value::Bool(true)))
    } else if is(&NO) {
        Ok(Some(Value::Bool(false)))
    } else {
        Err(NOT_A_BOOLEAN)
    }
}
