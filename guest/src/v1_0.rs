//! Version 1.0.0 of the contract. It has no remarks and no codes, and no field is strict.

use std::cell::RefCell;

use bulkhead_rules as rules;

use crate::Processor;
use crate::bindings::bulkhead::contacts1_0_0::types;
use crate::bindings::exports::bulkhead::contacts1_0_0::batch::{self, Guest, GuestSession};

conversions!();

/// The code of an objection, which has none in this version.
const OBJECTION_CODE: &str = "validator";

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
        is_strict: false,
    }
}

fn entry(entry: types::FieldEntry) -> rules::FieldEntry {
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
        is_strict: None,
    }
}

fn objections_of(objection: types::Objection) -> Option<rules::Objection> {
    let types::Objection { index, field, message } = objection;
    Some(rules::Objection { index, field, code: OBJECTION_CODE.to_owned(), message })
}

fn to_field(field: rules::Field) -> types::Field {
    types::Field {
        alias: field.alias,
        label: field.label,
        kind: field.kind,
        group: field.group,
        choices: field.choices.into_iter().map(to_choice).collect(),
        is_required: field.is_required,
        is_unique: field.is_unique,
        max_length: field.max_length,
        scale: field.scale,
    }
}

fn to_outcome(outcome: rules::Outcome) -> batch::Outcome {
    match outcome {
        rules::Outcome::Write(write) => batch::Outcome::Write(to_write(write)),
        rules::Outcome::Reject(rejection) => batch::Outcome::Reject(batch::Rejection {
            id: rejection.id,
            status: rejection.status,
            message: rejection.message,
            details: rejection.details.into_iter().map(|complaint| (complaint.field, complaint.messages)).collect(),
            api_style: rejection.api_style,
        }),
    }
}
