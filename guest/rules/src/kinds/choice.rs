//! One or several of a field's own choices, by value.

use crate::contact::Value;
use crate::hashing::Set;
use crate::json::Raw;

use super::{NOT_VALID, Taken};

/// Longest stored multiselect, in code points: Mautic's text column.
const JOINED_LIMIT: usize = 65_535;

pub(super) fn take_one(choices: &Set<String>, raw: &Raw<'_>) -> Taken {
    super::listed(raw, |value| choices.contains(value))
}

/// Stored as the values joined by `|`, in the order and as often as they were sent.
pub(super) fn take_many(choices: &Set<String>, raw: &Raw<'_>) -> Taken {
    let joined = match raw {
        Raw::List(_) => {
            let entries = raw.entries();
            let values: Option<Vec<_>> = entries.iter().map(Raw::as_text).collect();
            values.ok_or(NOT_VALID)?.join("|")
        }
        _ => raw.as_text().ok_or(NOT_VALID)?.into_owned(),
    };
    let is_empty_list = matches!(raw, Raw::List(_)) && raw.entries().is_empty();
    if is_empty_list || (joined.is_empty() && !matches!(raw, Raw::List(_))) {
        return Ok(None);
    }
    let fits = joined.len() <= JOINED_LIMIT || joined.chars().count() <= JOINED_LIMIT;
    if !fits {
        let text = format!("This value is too long. It should have {JOINED_LIMIT} characters or less.");
        return Err(text.into());
    }
    if joined.split('|').all(|value| choices.contains(value)) { Ok(Some(Value::Text(joined))) } else { Err(NOT_VALID) }
}
