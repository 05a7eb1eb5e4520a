//! A tenant's complete list of fields: the processor's own catalogue with the profile's entries applied.

use super::call_error::CallError;
use super::error_text::bounded;
use super::probe::reason;
use crate::tenants::Choice;

/// Flaws of a profile that are reported.
const MAX_FLAWS: usize = 100;
/// Bytes of a flaw's member, and of its message.
const MAX_FLAW_BYTES: usize = 500;

/// A tenant's complete list of fields, as its processor made it.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub(super) Vec<Field>);

impl Fields {
    /// Returns each field, in the order of the list.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.0.iter()
    }

    /// Returns the alias of each field.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|field| field.alias.as_str())
    }

    /// Returns whether values of a field belong to one contact each. Returns `None` if there is no such field.
    pub fn is_unique(&self, alias: &str) -> Option<bool> {
        self.0.iter().find(|field| field.alias == alias).map(|field| field.is_unique)
    }
}

/// One field of the list. The members are those of `field` in the contract.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the members are those of field in the contract, documented there")]
pub struct Field {
    pub alias: String,
    pub label: String,
    pub kind: String,
    pub group: String,
    pub choices: Vec<Choice>,
    pub is_required: bool,
    pub is_unique: bool,
    pub max_length: Option<u32>,
    pub scale: Option<u32>,
    pub is_strict: bool,
}

/// What a processor finds wrong with one entry of a profile's field list. The members are those of `flaw` in the contract.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) entry: u32,
    pub(super) member: String,
    pub(super) message: String,
}

/// Why a processor returned no field list.
#[derive(Debug, thiserror::Error)]
pub enum FieldsError {
    /// The profile is at fault. One line for each flaw, with its path; at most 100.
    #[error("{}", .0.join("\n"))]
    Profile(Vec<String>),
    /// The call failed.
    #[error("the component could not read the profile: {}", reason(.0))]
    Call(CallError),
}

impl FieldsError {
    pub(super) fn from_flaws(flaws: Vec<Flaw>) -> Self {
        let line = |Flaw { entry, member, message }| {
            format!("fields[{entry}].{}: {}", bounded(member, MAX_FLAW_BYTES), bounded(message, MAX_FLAW_BYTES))
        };
        Self::Profile(flaws.into_iter().take(MAX_FLAWS).map(line).collect())
    }
}

impl From<CallError> for FieldsError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}
