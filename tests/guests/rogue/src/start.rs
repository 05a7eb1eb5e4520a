//! Failures before the first item, which a tenant's profile asks for.

use crate::bindings::bulkhead::contacts::types::{FieldEntry, Profile};
use crate::harm;

/// Fails when a session is created if the profile's setting `start` is `"loop"` or `"trap"`.
pub(crate) fn of_session(profile: &Profile) {
    match profile.settings.iter().find(|(name, _)| name == "start").map(|(_, value)| value.trim()) {
        Some(r#""loop""#) => harm::loop_endlessly(),
        Some(r#""trap""#) => std::process::abort(),
        _ => {}
    }
}

/// Fails in `fields` if an entry has the alias `fields_loop` or `fields_trap`. `fields` does not get the settings.
pub(crate) fn of_fields(entries: &[FieldEntry]) {
    for entry in entries {
        match entry.alias.as_str() {
            "fields_loop" => harm::loop_endlessly(),
            "fields_trap" => std::process::abort(),
            _ => {}
        }
    }
}
