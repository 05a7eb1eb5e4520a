//! Converts the contract's types to the library's.

use bulkhead_rules as rules;

use crate::bindings::bulkhead::contacts::types;

pub(crate) fn operation(operation: types::Operation) -> rules::Operation {
    match operation {
        types::Operation::Create => rules::Operation::Create,
        types::Operation::Replace => rules::Operation::Replace,
        types::Operation::Update => rules::Operation::Update,
    }
}

pub(crate) fn profile(profile: types::Profile) -> rules::Profile {
    rules::Profile {
        fields: profile.fields.into_iter().map(field).collect(),
        max_length: profile.max_length,
        owners: profile.owners.into_iter().map(owner).collect(),
        stages: profile.stages.into_iter().map(named).collect(),
        companies: profile.companies.into_iter().map(named).collect(),
        now: profile.now,
        settings: profile.settings,
    }
}

fn field(field: types::Field) -> rules::Field {
    rules::Field {
        alias: field.alias,
        label: field.label,
        kind: field.kind,
        group: field.group,
        choices: field.choices.into_iter().map(choice).collect(),
        is_required: field.is_required,
        is_unique: field.is_unique,
        max_length: field.max_length,
        scale: field.scale,
    }
}

pub(crate) fn entry(entry: types::FieldEntry) -> rules::FieldEntry {
    rules::FieldEntry {
        alias: entry.alias,
        label: entry.label,
        kind: entry.kind,
        group: entry.group,
        choices: entry.choices.map(|choices| choices.into_iter().map(choice).collect()),
        is_required: entry.is_required,
        is_unique: entry.is_unique,
        max_length: entry.max_length,
        scale: entry.scale,
    }
}

fn choice(choice: types::Choice) -> rules::Choice {
    rules::Choice { label: choice.label, value: choice.value }
}

fn owner(owner: types::Owner) -> rules::Owner {
    rules::Owner { id: owner.id, username: owner.username, first_name: owner.first_name, last_name: owner.last_name }
}

fn named(named: types::Named) -> rules::Named {
    rules::Named { id: named.id, name: named.name }
}

pub(crate) fn stored(stored: types::Stored) -> rules::Stored {
    rules::Stored { id: stored.id, document: stored.document }
}

pub(crate) fn objection(objection: types::Objection) -> rules::Objection {
    rules::Objection { index: objection.index, field: objection.field, message: objection.message }
}
