//! Failing before there is an item, because a tenant's profile says so.

use crate::bindings::bulkhead::contacts::types::{FieldEntry, Profile};
use crate::harm;

/// The setting `start` is about making a session: `"loop"` or `"trap"`.
pub(crate) fn of_session(profile: &Profile) {
    match profile.settings.iter().find(|(name, _)| name == "start").map(|(_, value)| value.trim()) {
        Some(r#""loop""#) => harm::compute_for_ever(),
        Some(r#""trap""#) => std::process::abort(),
        _ => {}
    }
}

/// A field entry with the alias `fields_loop` or `fields_trap` is about `fields`, which sees no settings.
pub(crate) fn of_fields(entries: &[FieldEntry]) {
    for entry in entries {
        match entry.alias.as_str() {
            "fields_loop" => harm::compute_for_ever(),
            "fields_trap" => std::process::abort(),
            _ => {}
        }
    }
}
