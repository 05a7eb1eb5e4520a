//! The catalogue: which fields a contact has.

mod defaults;
mod entries;

use crate::model::{Field, FieldEntry, Flaw};

/// Longest alias, in bytes.
const ALIAS_LIMIT: usize = 50;
/// Longest label and group, in bytes.
const LABEL_LIMIT: usize = 255;
/// Largest `maxLength` a field may ask for, in code points: what Mautic's text column takes.
pub(crate) const LENGTH_LIMIT: u32 = 65_535;
/// Longest value of a unique field, in code points: Mautic's indexed column, and short enough for a key of 1,024 bytes.
pub(crate) const UNIQUE_LENGTH_LIMIT: u32 = 191;
/// Most digits a `number` can keep after the decimal mark.
pub(crate) const SCALE_LIMIT: u32 = 10;
/// Most unique fields, so that a contact never has more keys than the contract allows.
pub(crate) const UNIQUE_FIELDS_LIMIT: usize = 32;
/// Most fields in a catalogue.
const FIELDS_LIMIT: usize = 1_000;
/// Largest descriptions of all fields together, in bytes of JSON: every contact is shown with them.
const DESCRIPTIONS_LIMIT: usize = 192 * 1024;

/// A tenant's complete catalogue: the 28 fields of a fresh Mautic 5 with the profile's entries applied.
///
/// An entry whose alias is in the catalogue changes only what it names, any other is appended.
///
/// # Errors
///
/// Everything that is wrong with the entries, in their order.
pub fn fields(entries: &[FieldEntry]) -> Result<Vec<Field>, Vec<Flaw>> {
    entries::applied(defaults::fields(), entries)
}
