//! The catalogue: the fields that a tenant's contacts have.

mod defaults;
mod entries;

use crate::model::{Field, FieldEntry, Flaw};

/// Returns a tenant's complete catalogue: the 28 fields of a new Mautic 5 installation, with `entries` of the tenant's
/// profile applied to them.
///
/// An entry whose alias is in the catalogue changes the members that it contains. Any other entry adds a field at the end.
///
/// # Errors
///
/// If the entries have flaws. The error has all of them, in the order of the entries.
pub fn fields(entries: &[FieldEntry]) -> Result<Vec<Field>, Vec<Flaw>> {
    entries::apply_entries(defaults::fields(), entries)
}
