//! Yes and no.

use crate::contact::Value;
use crate::json::Raw;

use super::text::trim;
use super::{NOT_VALID, Taken};

const YES: [&str; 4] = ["1", "true", "yes", "on"];
const NO: [&str; 4] = ["0", "false", "no", "off"];

pub(super) fn take(raw: &Raw<'_>) -> Taken {
    match raw {
        Raw::Null => Ok(None),
        Raw::Bool(flag) => Ok(Some(Value::Bool(*flag))),
        Raw::Number(word) => word_means(word),
        Raw::Text(word) => word_means(trim(word)),
        // PHP's filter looks into a list of one.
        Raw::List(_) => match raw.entries().as_slice() {
            [Raw::List(_)] => Err(NOT_VALID),
            [only] => take(only),
            _ => Err(NOT_VALID),
        },
        Raw::Object(_) | Raw::Broken => Err(NOT_VALID),
    }
}

fn word_means(word: &str) -> Taken {
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
