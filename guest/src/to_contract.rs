//! Converts the library's types to the contract's.

use bulkhead_rules as rules;

use crate::bindings::bulkhead::contacts::types;
use crate::bindings::exports::bulkhead::contacts::batch;

pub(crate) fn field(field: rules::Field) -> types::Field {
    types::Field {
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

fn choice(choice: rules::Choice) -> types::Choice {
    types::Choice { label: choice.label, value: choice.value }
}

pub(crate) fn flaw(flaw: rules::Flaw) -> batch::Flaw {
    batch::Flaw { entry: flaw.entry, member: flaw.member, message: flaw.message }
}

pub(crate) fn key(key: rules::Key) -> types::Key {
    match key {
        rules::Key::Id(id) => types::Key::Id(id),
        rules::Key::Unique(key) => types::Key::Unique(unique_key(key)),
    }
}

fn unique_key(key: rules::UniqueKey) -> types::UniqueKey {
    types::UniqueKey { field: key.field, value: key.value }
}

pub(crate) fn outcome(outcome: rules::Outcome) -> batch::Outcome {
    match outcome {
        rules::Outcome::Write(write) => batch::Outcome::Write(batch::Write {
            target: target(write.target),
            status: write.status,
            document: write.document,
            keys: write.keys.into_iter().map(unique_key).collect(),
            words: write.words,
            sort: write.sort,
        }),
        rules::Outcome::Reject(rejection) => batch::Outcome::Reject(batch::Rejection {
            id: rejection.id,
            status: rejection.status,
            message: rejection.message,
            details: rejection.details,
            api_style: rejection.api_style,
        }),
    }
}

fn target(target: rules::Target) -> batch::Target {
    match target {
        rules::Target::New => batch::Target::New,
        rules::Target::Existing(id) => batch::Target::Existing(id),
        rules::Target::Earlier(index) => batch::Target::Earlier(index),
    }
}
