//! The draft of version 1.1.0 of the contract. Processors remark on items, give codes and make rows of tables. Validators see the
//! stored contacts of their items and can object to several fields at once.

mod conversions;

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use self::bindings::processor::{Processor, ProcessorPre};
use self::bindings::types;
use self::bindings::validator::{Validator, ValidatorPre};
use self::conversions::{
    from_field, from_flaw, from_key, from_objection, from_outcome, to_entry, to_objection, to_operation, to_profile,
    to_shown, to_stored,
};
use super::contract::{Contract, ProcessorContract, ProcessorExports, ValidatorContract, ValidatorExports};
use crate::domain::{ContactId, StoredContact, Timestamp};
use crate::sandbox::fields::{Field, Fields, Flaw};
use crate::sandbox::objection::Objection;
use crate::sandbox::raw_reply::{RawKey, RawOutcome};
use crate::sandbox::request::RequestContext;
use crate::sandbox::state::State;
use crate::tenants::{FieldEntry, Profile};

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
            path: "../wit/drafts/1.1.0",
            world: "processor",
        });
    }

    pub(super) mod validator {
        wasmtime::component::bindgen!({
            path: "../wit/drafts/1.1.0",
            world: "validator",
            with: { "bulkhead:contacts/types@1.1.0-draft": super::processor::bulkhead::contacts::types },
        });
    }

    pub(super) use processor::bulkhead::contacts::types;
    pub(super) use processor::exports::bulkhead::contacts::batch;
}

pub(super) const CONTRACT: Contract = Contract {
    version: "1.1.0-draft",
    bind_processor: Some(|component| Ok(Arc::new(ProcessorPre::new(component)?))),
    bind_validator: Some(|component| Ok(Arc::new(ValidatorPre::new(component)?))),
};

impl ProcessorContract for ProcessorPre<State> {
    fn marks_anonymous(&self) -> bool {
        true
    }

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
        let objections: Vec<_> = objections.iter().map(to_objection).collect();
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

    fn cells(
        &self,
        store: &mut Store<State>,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        columns: &[String],
        contacts: &[StoredContact],
    ) -> wasmtime::Result<Option<Vec<String>>> {
        let contacts: Vec<_> = contacts.iter().map(to_stored).collect();
        let profile = to_profile(profile, fields, now);
        self.bulkhead_contacts_batch().call_cells(store, &profile, columns, &contacts).map(Some)
    }
}

impl ValidatorContract for ValidatorPre<State> {
    fn wants_stored(&self) -> bool {
        true
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
        stored: &[(ContactId, String)],
    ) -> wasmtime::Result<Vec<Objection>> {
        let stored: Vec<_> = stored.iter().map(to_shown).collect();
        let validation = self.exports.bulkhead_contacts_validation();
        let objections = validation.call_check(store, self.operation, &self.profile, items, &stored)?;
        Ok(objections.into_iter().map(from_objection).collect())
    }
}
