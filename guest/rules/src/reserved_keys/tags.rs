//! Changes to a contact's tags.

use std::borrow::Cow;

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::kinds::plain;

/// Largest tag, in code points: the size of Mautic's column.
const MAX_TAG_LENGTH: usize = 191;
/// Largest number of changes in one item. Each one is searched for among the contact's tags.
const MAX_CHANGES: usize = 1_000;

#[derive(Debug)]
pub(super) enum Change {
    Add(String),
    Remove(String),
}

/// Reads a list of tags, or a text of tags separated by commas. A tag is added, or removed if it starts with `-`.
pub(super) fn read(raw: &Raw<'_>) -> Result<Vec<Change>, FieldError> {
    let names: Vec<String> = match raw {
        Raw::List(_) => {
            let texts: Option<Vec<_>> = raw.entries().iter().map(|entry| Some(entry.as_text()?.into_owned())).collect();
            texts.ok_or(NOT_VALID)?
        }
        _ => raw.as_text().ok_or(NOT_VALID)?.split(',').map(str::to_owned).collect(),
    };
    let mut changes = Vec::new();
    for name in names {
        let name = plain(&name);
        let (is_removal, tag) = match name.strip_prefix('-') {
            Some(tag) => (true, tag.trim()),
            None => (false, name.as_ref()),
        };
        if tag.chars().count() > MAX_TAG_LENGTH {
            return Err(Cow::Owned(format!(
                "This value is too long. It should have {MAX_TAG_LENGTH} characters or less."
            )));
        }
        match (tag, is_removal) {
            ("", _) => {}
            (tag, true) => changes.push(Change::Remove(tag.to_owned())),
            (tag, false) => changes.push(Change::Add(tag.to_owned())),
        }
    }
    if changes.len() > MAX_CHANGES {
        return Err(Cow::Owned(format!("This value is too long. It should have {MAX_CHANGES} entries or less.")));
    }
    Ok(changes)
}

pub(super) fn apply(changes: Vec<Change>, tags: &mut Vec<String>) {
    for change in changes {
        match change {
            Change::Add(tag) if tags.contains(&tag) => {}
            Change::Add(tag) => tags.push(tag),
            Change::Remove(tag) => tags.retain(|known| *known != tag),
        }
    }
}
