//! The largest values that a catalogue may ask for.

/// Largest `maxLength` of a field, in code points: the size of Mautic's text column.
pub(crate) const MAX_LENGTH: u32 = 65_535;
/// Largest length of a unique field's value, in code points: the size of Mautic's indexed column. A value of this length
/// always fits into a key of 1,024 bytes.
pub(crate) const MAX_UNIQUE_LENGTH: u32 = 191;
/// Largest number of digits that a `number` keeps after the decimal mark.
pub(crate) const MAX_SCALE: u32 = 10;
/// Largest number of unique fields. A contact within this limit never has more keys than the contract allows.
pub(crate) const MAX_UNIQUE_FIELDS: usize = 32;
