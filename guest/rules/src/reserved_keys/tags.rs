//! Changes to a contact's tags.

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::kinds::plain;
use crate::unicode::composed;

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
        Raw::List(_) | Raw::Object(_) => {
            let entries = raw.as_list().ok_or(NOT_VALID)?;
            let texts: Option<Vec<_>> = entries.iter().map(|entry| Some(entry.as_text()?.into_owned())).collect();
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
            return Err(FieldError::too_long(MAX_TAG_LENGTH, "characters"));
        }
        match (tag, is_removal) {
            ("", _) => {}
            (tag, true) => changes.push(Change::Remove(tag.to_owned())),
            (tag, false) => changes.push(Change::Add(tag.to_owned())),
        }
    }
    if changes.len() > MAX_CHANGES {
        return Err(FieldError::too_long(MAX_CHANGES, "entries"));
    }
    Ok(changes)
}

/// Applies the changes. Tags that differ only in the form of their letters are the same, such as `é` in one code point or in
/// two.
pub(super) fn apply(changes: Vec<Change>, tags: &mut Vec<String>) {
    if changes.is_empty() {
        return;
    }
    let with_form = |tag: String| (composed(&tag).into_owned(), tag);
    let mut known: Vec<(String, String)> = std::mem::take(tags).into_iter().map(with_form).collect();
    for change in changes {
        match change {
            Change::Add(tag) => {
                let (form, tag) = with_form(tag);
                if !known.iter().any(|(known, _)| *known == form) {
                    known.push((form, tag));
                }
            }
            Change::Remove(tag) => {
                let (form, _) = with_form(tag);
                known.retain(|(known, _)| *known != form);
            }
        }
    }
    *tags = known.into_iter().map(|(_, tag)| tag).collect();
}
