//! Tags: added to those that are there, or removed from them.

use std::borrow::Cow;

use crate::json::Raw;
use crate::kinds::{Fault, NOT_VALID, plain};

/// Longest tag, in code points: Mautic's column.
const LIMIT: usize = 191;
/// Most tags in one item: each is looked for among those of the contact.
const COUNT_LIMIT: usize = 1_000;

#[derive(Debug)]
pub(super) enum Change {
    Add(String),
    Remove(String),
}

/// A list, or a text separated by commas; a `-` in front removes.
pub(super) fn read(raw: &Raw<'_>) -> Result<Vec<Change>, Fault> {
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
        if tag.chars().count() > LIMIT {
            return Err(Cow::Owned(format!("This value is too long. It should have {LIMIT} characters or less.")));
        }
        match (tag, is_removal) {
            ("", _) => {}
            (tag, true) => changes.push(Change::Remove(tag.to_owned())),
            (tag, false) => changes.push(Change::Add(tag.to_owned())),
        }
    }
    if changes.len() > COUNT_LIMIT {
        return Err(Cow::Owned(format!("This value is too long. It should have {COUNT_LIMIT} entries or less.")));
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
