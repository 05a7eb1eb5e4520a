//! Owner, stage and companies: ids of entries in the tenant's profile.

use crate::field_error::{FieldError, NOT_A_CHOICE};
use crate::json::Raw;
use crate::model::Named;

/// Reads one id, which must be in `listed`. `null` and `""` clear the reference.
pub(super) fn one(raw: &Raw<'_>, mut listed: impl Iterator<Item = u64>) -> Result<Option<u64>, FieldError> {
    if is_blank(raw) {
        return Ok(None);
    }
    let id = raw.as_id().ok_or(NOT_A_CHOICE)?;
    if listed.any(|known| known == id) { Ok(Some(id)) } else { Err(NOT_A_CHOICE) }
}

/// Reads a list of ids, which replaces the old list. Repeated ids are kept once. A blank changes nothing.
pub(super) fn many(raw: &Raw<'_>, listed: &[Named]) -> Result<Option<Vec<u64>>, FieldError> {
    if is_blank(raw) {
        return Ok(None);
    }
    let mut ids = Vec::new();
    for entry in raw.as_list().ok_or(NOT_A_CHOICE)? {
        let id = entry.as_id().filter(|id| listed.iter().any(|known| known.id == *id)).ok_or(NOT_A_CHOICE)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(Some(ids))
}

fn is_blank(raw: &Raw<'_>) -> bool {
    match raw {
        Raw::Null => true,
        Raw::Text(text) => text.is_empty(),
        _ => false,
    }
}
