//! The mode of a request: which contacts its items may be applied to. The host objects to the other items, as a validator does.

use crate::domain::WriteMode;
use crate::sandbox::{Decision, Objection, Outcome, Target};

/// The field that an objection names where the contact has no unique value.
const NO_FIELD: &str = "id";

/// Returns objections to the items that are applied to contacts which the mode excludes. An item for a contact that an earlier
/// item makes counts as one for an existing contact; if only existing ones are changed, no item makes one.
pub(super) fn objections_to(mode: WriteMode, outcomes: &[Outcome]) -> Vec<Objection> {
    let (code, message) = match mode {
        WriteMode::Upsert => return Vec::new(),
        WriteMode::Create => ("exists", "A contact with this value exists already, and only new ones are created."),
        WriteMode::Update => ("not_found", "No contact has this value, and only existing ones are changed."),
    };
    let objection = |(index, outcome): (u32, &Outcome)| {
        let Decision::Write { target, keys, .. } = &outcome.decision else { return None };
        let is_excluded = match mode {
            WriteMode::Upsert => false,
            WriteMode::Create => *target != Target::New,
            WriteMode::Update => !matches!(target, Target::Found(_)),
        };
        let field = keys.first().map_or(NO_FIELD, |key| key.field.as_str());
        let (fields, code, message) = (vec![field.to_owned()], code.to_owned(), message.to_owned());
        is_excluded.then_some(Objection { index, fields, code, message })
    };
    (0..).zip(outcomes).filter_map(objection).collect()
}
