//! Conversions between the types of version 1.1.0 and the host's own.

use super::bindings::{batch, types};
use crate::domain::{ContactId, ItemRemarks, Operation, StoredContact, Timestamp, UniqueKey, Warning};
use crate::sandbox::fields::{Field, Fields, Flaw};
use crate::sandbox::objection::Objection;
use crate::sandbox::raw_reply::{RawComplaint, RawDecision, RawKey, RawOutcome, RawRejection, RawTarget, RawWrite};
use crate::tenants::{Choice, FieldEntry, Named, Owner, Profile};

pub(super) fn to_operation(operation: Operation) -> types::Operation {
    match operation {
        Operation::Create => types::Operation::Create,
        Operation::Replace => types::Operation::Replace,
        Operation::Update => types::Operation::Update,
    }
}

pub(super) fn to_profile(profile: &Profile, fields: &Fields, now: Timestamp) -> types::Profile {
    let owner = |owner: &Owner| types::Owner {
        id: owner.id,
        username: owner.username.clone(),
        first_name: owner.first_name.clone(),
        last_name: owner.last_name.clone(),
    };
    let named = |named: &Named| types::Named { id: named.id, name: named.name.clone() };
    types::Profile {
        fields: fields.0.iter().map(to_field).collect(),
        max_length: profile.max_length,
        owners: profile.owners.iter().map(owner).collect(),
        stages: profile.stages.iter().map(named).collect(),
        companies: profile.companies.iter().map(named).collect(),
        now: now.to_rfc3339(),
        settings: profile.settings.iter().map(|(name, value)| (name.clone(), value.get().to_owned())).collect(),
    }
}

fn to_field(field: &Field) -> types::Field {
    types::Field {
        alias: field.alias.clone(),
        label: field.label.clone(),
        kind: field.kind.clone(),
        group: field.group.clone(),
        choices: field.choices.iter().map(to_choice).collect(),
        is_required: field.is_required,
        is_unique: field.is_unique,
        max_length: field.max_length,
        scale: field.scale,
        is_strict: field.is_strict,
    }
}

fn to_choice(choice: &Choice) -> types::Choice {
    types::Choice { label: choice.label.clone(), value: choice.value.clone() }
}

pub(super) fn to_entry(entry: &FieldEntry) -> types::FieldEntry {
    types::FieldEntry {
        alias: entry.alias.clone(),
        label: entry.label.clone(),
        kind: entry.r#type.clone(),
        group: entry.group.clone(),
        choices: entry.choices.as_ref().map(|choices| choices.iter().map(to_choice).collect()),
        is_required: entry.required,
        is_unique: entry.unique,
        max_length: entry.max_length,
        scale: entry.scale,
        is_strict: entry.strict,
    }
}

/// Converts a stored contact for a processor.
pub(super) fn to_stored(contact: &StoredContact) -> types::Stored {
    types::Stored { id: contact.id.0, document: contact.document.clone() }
}

/// Converts a contact as clients see it for a validator.
pub(super) fn to_shown((id, object): &(ContactId, String)) -> types::Stored {
    types::Stored { id: id.0, document: object.clone() }
}

pub(super) fn to_objection(objection: &Objection) -> types::Objection {
    let Objection { index, fields, code, message } = objection;
    types::Objection { index: *index, fields: fields.clone(), code: code.clone(), message: message.clone() }
}

pub(super) fn from_objection(objection: types::Objection) -> Objection {
    let types::Objection { index, fields, code, message } = objection;
    Objection { index, fields, code, message }
}

pub(super) fn from_field(field: types::Field) -> Field {
    let types::Field { alias, label, kind, group, choices, is_required, is_unique, max_length, scale, is_strict } =
        field;
    let choices = choices.into_iter().map(|types::Choice { label, value }| Choice { label, value }).collect();
    Field { alias, label, kind, group, choices, is_required, is_unique, max_length, scale, is_strict }
}

pub(super) fn from_flaw(flaw: batch::Flaw) -> Flaw {
    let batch::Flaw { entry, member, message } = flaw;
    Flaw { entry, member, message }
}

pub(super) fn from_key(key: types::Key) -> RawKey {
    match key {
        types::Key::Id(id) => RawKey::Id(ContactId(id)),
        types::Key::Unique(key) => RawKey::Unique(from_unique_key(key)),
    }
}

fn from_unique_key(key: types::UniqueKey) -> UniqueKey {
    let types::UniqueKey { field, value } = key;
    UniqueKey { field, value }
}

pub(super) fn from_outcome(outcome: batch::Outcome) -> RawOutcome {
    let batch::Outcome { decision, warnings, ignored, ignored_more } = outcome;
    let decision = match decision {
        batch::Decision::Write(write) => RawDecision::Write(from_write(write)),
        batch::Decision::Reject(rejection) => RawDecision::Reject(from_rejection(rejection)),
    };
    let warnings = warnings.into_iter().map(|batch::Warning { field, code }| Warning { field, code }).collect();
    RawOutcome { decision, remarks: ItemRemarks { warnings, ignored, ignored_more } }
}

fn from_write(write: batch::Write) -> RawWrite {
    let batch::Write { target, status, document, keys, words, sort } = write;
    let target = match target {
        batch::Target::New => RawTarget::New,
        batch::Target::Existing(id) => RawTarget::Existing(id),
        batch::Target::Earlier(index) => RawTarget::Earlier(index),
    };
    RawWrite { target, status, document, keys: keys.into_iter().map(from_unique_key).collect(), words, sort }
}

fn from_rejection(rejection: batch::Rejection) -> RawRejection {
    let batch::Rejection { id, status, message, details, api_style } = rejection;
    let complaint = |batch::Complaint { field, code, messages }| RawComplaint { field, code, messages };
    RawRejection { id, status, message, details: details.into_iter().map(complaint).collect(), api_style }
}

#[cfg(test)]
mod tests {
    use super::to_profile;
    use crate::domain::Timestamp;
    use crate::sandbox::contracts::v1_0;
    use crate::sandbox::fields::{Field, Fields};
    use crate::tenants::{Choice, Profile};

    /// The members that both versions have are spelled alike, so their debug texts are equal but for the members of this version
    /// if nothing was lost or swapped.
    #[test]
    fn a_profile_says_the_same_in_both_versions() {
        let text = |text: &str| text.to_owned();
        let field = Field {
            alias: text("plan"),
            label: text("Plan"),
            kind: text("select"),
            group: text("core"),
            choices: vec![Choice { label: text("Free"), value: text("free") }],
            is_required: true,
            is_unique: false,
            max_length: Some(7),
            scale: Some(2),
            is_strict: true,
        };
        let other = Field { is_required: false, is_unique: true, is_strict: false, max_length: None, ..field.clone() };
        let fields = Fields(vec![field, other]);
        let profile = Profile::parse(
            r#"{
                "maxLength": 40,
                "owners": [{"id": 1, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"}],
                "stages": [{"id": 2, "name": "Lead"}],
                "companies": [{"id": 3, "name": "Acme"}, {"id": 4, "name": "Apex"}],
                "settings": {"blocked": [], "level": 1.5}
            }"#,
        )
        .unwrap();
        let now = Timestamp(1_700_000_000_000);
        let expected = format!("{:?}", v1_0::to_profile(&profile, &fields, now));
        let told = format!("{:?}", to_profile(&profile, &fields, now));
        let of_this_version = [", is-strict: true", ", is-strict: false"];
        assert_eq!(of_this_version.map(|member| told.matches(member).count()), [1, 1], "{told}");
        assert_eq!(of_this_version.iter().fold(told, |told, member| told.replace(member, "")), expected);
        for part in [r#"alias: "plan""#, "Lovelace", "Lead", "Apex", "level", "free", "40"] {
            assert!(expected.contains(part), "{part}: {expected}");
        }
    }
}
