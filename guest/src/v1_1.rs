//! The draft of version 1.1.0 of the contract.

use std::cell::RefCell;

use bulkhead_rules as rules;

use crate::Processor;
use crate::bindings::bulkhead::contacts1_1_0_draft::types;
use crate::bindings::exports::bulkhead::contacts1_1_0_draft::batch::{self, Guest, GuestSession};

conversions! {
    fn cells(tenant: types::Profile, columns: Vec<String>, contacts: Vec<types::Stored>) -> Vec<String> {
        rules::cells(&profile(tenant), &columns, &contacts.into_iter().map(stored).collect::<Vec<_>>())
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
        is_strict: field.is_strict,
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
        is_strict: entry.is_strict,
    }
}

fn objections_of(objection: types::Objection) -> impl Iterator<Item = rules::Objection> {
    let types::Objection { index, fields, code, message } = objection;
    fields.into_iter().map(move |field| rules::Objection { index, field, code: code.clone(), message: message.clone() })
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
        is_strict: field.is_strict,
    }
}

fn to_outcome(outcome: rules::Outcome) -> batch::Outcome {
    let (decision, remarks) = match outcome {
        rules::Outcome::Write(mut write) => {
            let remarks = std::mem::take(&mut write.remarks);
            (batch::Decision::Write(to_write(write)), remarks)
        }
        rules::Outcome::Reject(rejection) => {
            let remarks = rejection.remarks;
            let rejection = batch::Rejection {
                id: rejection.id,
                status: rejection.status,
                message: rejection.message,
                details: rejection.details.into_iter().map(to_complaint).collect(),
                api_style: rejection.api_style,
            };
            (batch::Decision::Reject(rejection), remarks)
        }
    };
    let rules::Remarks { warnings, ignored, ignored_more } = remarks;
    let warnings = warnings.into_iter().map(to_warning).collect();
    batch::Outcome { decision, warnings, ignored, ignored_more }
}

fn to_complaint(complaint: rules::Complaint) -> batch::Complaint {
    let rules::Complaint { field, code, messages } = complaint;
    batch::Complaint { field, code: code.into_owned(), messages }
}

fn to_warning(warning: rules::Warning) -> batch::Warning {
    batch::Warning { field: warning.field, code: warning.code.to_owned() }
}
