//! Booleans.

use crate::field_error::NOT_VALID;
use crate::json::Raw;
use crate::value::Value;

use super::Parsed;
use super::text::trim;

const YES: [&str; 4] = ["1", "true", "yes", "on"];
const NO: [&str; 4] = ["0", "false", "no", "off"];

pub(super) fn parse(raw: &Raw<'_>) -> Parsed {
    match raw {
        Raw::Null => Ok(None),
        Raw::Bool(flag) => Ok(Some(Value::Bool(*flag))),
        Raw::Number(word) => parse_word(word),
        Raw::Text(word) => parse_word(trim(word)),
        // PHP's filter accepts a list of one value.
        Raw::List(_) => match raw.entries().as_slice() {
            [Raw::List(_)] => Err(NOT_VALID),
            [only] => parse(only),
            _ => Err(NOT_VALID),
        },
        Raw::Object(_) | Raw::InvalidString => Err(NOT_VALID),
    }
}

fn parse_word(word: &str) -> Parsed {
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if word.is_empty() {
        Ok(None)
    } else if is(&YES) {
        Ok(Some(Value::Bool(true)))
    } else if is(&NO) {
        Ok(Some(Value::Bool(false)))
    } else {
        Err(NOT_VALID)
    }
}
