//! Version 1.0.0 of the contract: processors without remarks and codes, and validators that object to one field at a time and
//! see no stored contacts.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use self::bindings::processor::exports::bulkhead::contacts::batch;
use self::bindings::processor::{Processor, ProcessorPre};
use self::bindings::types;
use self::bindings::validator::{Validator, ValidatorPre};
use super::contract::{Contract, ProcessorContract, ProcessorExports, ValidatorContract, ValidatorExports};
use crate::domain::{ContactId, ItemRemarks, Operation, StoredContact, Timestamp, UniqueKey};
use crate::sandbox::fields::{Field, Fields, Flaw};
use crate::sandbox::objection::Objection;
use crate::sandbox::raw_reply::{
    DEFAULT_CODE, OBJECTION_CODE, RawComplaint, RawDecision, RawKey, RawOutcome, RawRejection, RawTarget, RawWrite,
};
use crate::sandbox::request::RequestContext;
use crate::sandbox::state::State;
use crate::tenants::{Choice, FieldEntry, Named, Profile};

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]

    pub(super) mod processor {
        wasmtime::component::bindgen!({
            path: "../wit/1.0.0",
            world: "processor",
        });
    }

    pub(super) mod validator {
        wasmtime::component::bindgen!({
            path: "../wit/1.0.0",
            world: "validator",
            with: { "bulkhead:contacts/types@1.0.0": super::processor::bulkhead::contacts::types },
        });
    }

    pub(super) use processor::bulkhead::contacts::types;
}

pub(super) const CONTRACT: Contract = Contract {
    version: "1.0.0",
    bind_processor: Some(|component| Ok(Arc::new(ProcessorPre::new(component)?))),
    bind_validator: Some(|component| Ok(Arc::new(ValidatorPre::new(component)?))),
};

impl ProcessorContract for ProcessorPre<State> {
    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn ProcessorExports>> {
        Ok(Box::new(ProcessorPre::instantiate(self, store)?))
    }
}

impl ProcessorExports for Processor {
    fn fields(
        &self,
        store: &mut Store<State>,
        entries: &[FieldEntry],
    ) -> wasmtime::Result<Result<Vec<Field>, Vec<Flaw>>> {
        let entries: Vec<_> = entries.iter().map(to_entry).collect();
        let fields = self.bulkhead_contacts_batch().call_fields(store, &entries)?;
        Ok(match fields {
            Ok(fields) => Ok(fields.into_iter().map(from_field).collect()),
            Err(flaws) => Err(flaws.into_iter().map(from_flaw).collect()),
        })
    }

    fn open_session(&self, store: &mut Store<State>, context: &RequestContext<'_>) -> wasmtime::Result<ResourceAny> {
        let profile = to_profile(context.profile, context.fields, context.now);
        self.bulkhead_contacts_batch().session().call_constructor(store, to_operation(context.operation), &profile)
    }

    fn plan(
        &self,
        store: &mut Store<State>,
        session: ResourceAny,
        items: &[String],
    ) -> wasmtime::Result<Vec<Vec<RawKey>>> {
        let keys = self.bulkhead_contacts_batch().session().call_plan(store, session, items)?;
        Ok(keys.into_iter().map(|item| item.into_iter().map(from_key).collect()).collect())
    }

    fn decide(
        &self,
        store: &mut Store<State>,
        session: ResourceAny,
        found: &[StoredContact],
        objections: &[Objection],
    ) -> wasmtime::Result<Vec<RawOutcome>> {
        let found: Vec<_> = found.iter().map(to_stored).collect();
        let objections: Vec<_> = objections.iter().flat_map(to_objections).collect();
        let outcomes = self.bulkhead_contacts_batch().session().call_decide(store, session, &found, &objections)?;
        Ok(outcomes.into_iter().map(from_outcome).collect())
    }

    fn present(
        &self,
        store: &mut Store<State>,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> wasmtime::Result<Vec<String>> {
        let contacts: Vec<_> = contacts.iter().map(to_stored).collect();
        self.bulkhead_contacts_batch().call_present(store, &to_profile(profile, fields, now), &contacts)
    }
}

impl ValidatorContract for ValidatorPre<State> {
    fn wants_stored(&self) -> bool {
        false
    }

    fn instantiate(
        &self,
        store: &mut Store<State>,
        context: &RequestContext<'_>,
    ) -> wasmtime::Result<Box<dyn ValidatorExports>> {
        let profile = to_profile(context.profile, context.fields, context.now);
        let exports = ValidatorPre::instantiate(self, store)?;
        Ok(Box::new(Running { exports, operation: to_operation(context.operation), profile }))
    }
}

/// A running validator, with what each of its calls is told.
struct Running {
    exports: Validator,
    operation: types::Operation,
    profile: types::Profile,
}

impl ValidatorExports for Running {
    fn check(
        &self,
        store: &mut Store<State>,
        items: &[String],
        _: &[(ContactId, String)],
    ) -> wasmtime::Result<Vec<Objection>> {
        let validation = self.exports.bulkhead_contacts_validation();
        let objections = validation.call_check(store, self.operation, &self.profile, items)?;
        Ok(objections.into_iter().map(from_objection).collect())
    }
}

fn to_operation(operation: Operation) -> types::Operation {
    match operation {
        Operation::Create => types::Operation::Create,
        Operation::Replace => types::Operation::Replace,
        Operation::Update => types::Operation::Update,
    }
}

pub(super) fn to_profile(profile: &Profile, fields: &Fields, now: Timestamp) -> types::Profile {
    let owner = |owner: &crate::tenants::Owner| types::Owner {
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
    }
}

fn to_choice(choice: &Choice) -> types::Choice {
    types::Choice { label: choice.label.clone(), value: choice.value.clone() }
}

fn to_entry(entry: &FieldEntry) -> types::FieldEntry {
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
    }
}

fn to_stored(contact: &StoredContact) -> types::Stored {
    types::Stored { id: contact.id.0, document: contact.document.clone() }
}

/// An objection is about one field here, and has no code.
fn to_objections(objection: &Objection) -> impl Iterator<Item = types::Objection> {
    let Objection { index, fields, message, .. } = objection;
    fields.iter().map(|field| types::Objection { index: *index, field: field.clone(), message: message.clone() })
}

fn from_objection(objection: types::Objection) -> Objection {
    let types::Objection { index, field, message } = objection;
    Objection { index, fields: vec![field], code: OBJECTION_CODE.to_owned(), message }
}

fn from_field(field: types::Field) -> Field {
    let types::Field { alias, label, kind, group, choices, is_required, is_unique, max_length, scale } = field;
    let choices = choices.into_iter().map(|types::Choice { label, value }| Choice { label, value }).collect();
    Field { alias, label, kind, group, choices, is_required, is_unique, max_length, scale, is_strict: false }
}

fn from_flaw(flaw: batch::Flaw) -> Flaw {
    let batch::Flaw { entry, member, message } = flaw;
    Flaw { entry, member, message }
}

fn from_key(key: types::Key) -> RawKey {
    match key {
        types::Key::Id(id) => RawKey::Id(ContactId(id)),
        types::Key::Unique(key) => RawKey::Unique(from_unique_key(key)),
    }
}

fn from_unique_key(key: types::UniqueKey) -> UniqueKey {
    let types::UniqueKey { field, value } = key;
    UniqueKey { field, value }
}

fn from_outcome(outcome: batch::Outcome) -> RawOutcome {
    let decision = match outcome {
        batch::Outcome::Write(batch::Write { target, status, document, keys, words, sort }) => {
            let target = match target {
                batch::Target::New => RawTarget::New,
                batch::Target::Existing(id) => RawTarget::Existing(id),
                batch::Target::Earlier(index) => RawTarget::Earlier(index),
            };
            let keys = keys.into_iter().map(from_unique_key).collect();
            RawDecision::Write(RawWrite { target, status, document, keys, words, sort })
        }
        batch::Outcome::Reject(batch::Rejection { id, status, message, details, api_style }) => {
            let complaint = |(field, messages)| RawComplaint { field, code: DEFAULT_CODE.to_owned(), messages };
            let details = details.into_iter().map(complaint).collect();
            RawDecision::Reject(RawRejection { id, status, message, details, api_style })
        }
    };
    RawOutcome { decision, remarks: ItemRemarks::default() }
}
