//! The host's words into the contract's.

use super::bindings::types as wit;
use super::validator::Objection;
use crate::domain::Operation;
use crate::tenants::{FieldEntry, Profile};

pub(super) fn operation(operation: Operation) -> wit::Operation {
    match operation {
        Operation::Create => wit::Operation::Create,
        Operation::Replace => wit::Operation::Replace,
        Operation::Update => wit::Operation::Update,
    }
}

pub(super) fn objection(objection: &Objection) -> wit::Objection {
    wit::Objection { index: objection.index, field: objection.field.clone(), message: objection.message.clone() }
}

pub(super) fn entry(entry: &FieldEntry) -> wit::FieldEntry {
    wit::FieldEntry {
        alias: entry.alias.clone(),
        label: entry.label.clone(),
        kind: entry.r#type.clone(),
        group: entry.group.clone(),
        choices: entry.choices.as_ref().map(|choices| {
            choices
                .iter()
                .map(|choice| wit::Choice { label: choice.label.clone(), value: choice.value.clone() })
                .collect()
        }),
        is_required: entry.required,
        is_unique: entry.unique,
        max_length: entry.max_length,
        scale: entry.scale,
    }
}

pub(super) fn profile(profile: &Profile, fields: Vec<wit::Field>, now: String) -> wit::Profile {
    let named = |list: &[crate::tenants::Named]| {
        list.iter().map(|one| wit::Named { id: one.id, name: one.name.clone() }).collect()
    };
    wit::Profile {
        fields,
        max_length: profile.max_length,
        owners: profile
            .owners
            .iter()
            .map(|owner| wit::Owner {
                id: owner.id,
                username: owner.username.clone(),
                first_name: owner.first_name.clone(),
                last_name: owner.last_name.clone(),
            })
            .collect(),
        stages: named(&profile.stages),
        companies: named(&profile.companies),
        now,
        settings: profile.settings.iter().map(|(name, value)| (name.clone(), value.get().to_owned())).collect(),
    }
}
