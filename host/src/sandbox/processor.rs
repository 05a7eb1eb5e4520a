//! A running processor, serving one job or one interactive request. After any [`CallError`] it is dead.

use wasmtime::component::ResourceAny;

use super::bindings::processor::Processor as Exports;
use super::bindings::types as wit;
use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::component::Processor;
use super::convert;
use super::engine::Sandbox;
use super::error_text::bounded;
use super::guest::{Guest, Usage};
use super::limits::Limits;
use super::reply::{self, Outcome};
use super::validator::Objection;
use crate::domain::{ContactId, Operation, StoredContact, Timestamp, UniqueKey};
use crate::tenants::Profile;

/// A running processor.
pub struct ProcessorInstance {
    guest: Guest<Exports>,
    session: Option<ResourceAny>,
}

/// The stored contacts that planned items refer to, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// By id.
    pub ids: Vec<ContactId>,
    /// By the value of a unique field.
    pub keys: Vec<UniqueKey>,
}

/// Most flaws of a profile that are told.
const MAX_FLAWS: usize = 100;
/// Most bytes of a flaw's member, and of its message.
const MAX_FLAW_BYTES: usize = 500;

/// Why a component gave no field list.
#[derive(Debug, thiserror::Error)]
pub enum FieldsError {
    /// The profile is at fault; one line for each flaw, with its path.
    #[error("{}", .0.join("\n"))]
    Profile(Vec<String>),
    /// The component is.
    #[error("the component could not read the profile: {0:?}")]
    Call(CallError),
}

impl From<CallError> for FieldsError {
    fn from(stop: CallError) -> Self {
        Self::Call(stop)
    }
}

impl ProcessorInstance {
    /// Starts a processor.
    ///
    /// # Errors
    /// [`CallError`] if the component cannot start within its limits, or the host has no room for it.
    pub fn start(
        sandbox: &Sandbox,
        processor: &Processor,
        limits: &Limits,
        cancel: &CancelFlag,
    ) -> Result<Self, CallError> {
        let guest = Guest::start(sandbox, limits, cancel, |store| processor.pre.instantiate(store))?;
        Ok(Self { guest, session: None })
    }

    /// The tenant's complete field list.
    ///
    /// # Errors
    /// If the profile has flaws, or the component fails.
    pub fn fields(&mut self, profile: &Profile) -> Result<Fields, FieldsError> {
        let entries: Vec<_> = profile.fields.iter().map(convert::entry).collect();
        let answer = self.guest.call(profile.fields.len(), |exports, store| {
            exports.bulkhead_contacts_batch().call_fields(store, &entries)
        })?;
        answer.map(Fields).map_err(|flaws| {
            FieldsError::Profile(
                flaws
                    .into_iter()
                    .take(MAX_FLAWS)
                    .map(|flaw| {
                        let (member, message) =
                            (bounded(flaw.member, MAX_FLAW_BYTES), bounded(flaw.message, MAX_FLAW_BYTES));
                        format!("fields[{}].{member}: {message}", flaw.entry)
                    })
                    .collect(),
            )
        })
    }

    /// Opens a session; the one before it, if any, is closed.
    ///
    /// # Errors
    /// [`CallError`] if the component fails.
    pub fn open(
        &mut self,
        operation: Operation,
        profile: &Profile,
        fields: Fields,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let profile = convert::profile(profile, fields.0, now.to_rfc3339());
        let session = self.guest.call(0, |exports, store| {
            exports.bulkhead_contacts_batch().session().call_constructor(store, convert::operation(operation), &profile)
        })?;
        if let Some(previous) = self.session.replace(session) {
            self.guest.call(0, |_, store| previous.resource_drop(store))?;
        }
        Ok(())
    }

    /// Reads items and says which stored contacts they refer to.
    ///
    /// # Errors
    /// [`CallError`] if the component fails.
    pub fn plan(&mut self, items: &[String]) -> Result<Planned, CallError> {
        let session = self.session()?;
        let keys = self.guest.call(items.len(), |exports, store| {
            exports.bulkhead_contacts_batch().session().call_plan(store, session, items)
        })?;
        reply::planned(items.len(), keys).map_err(CallError::broke_contract)
    }

    /// What becomes of the `count` items that were planned last, given the stored contacts they refer to and what a
    /// validator has against them.
    ///
    /// # Errors
    /// [`CallError`] if the component fails, or its answer breaks the contract.
    pub fn decide(
        &mut self,
        count: usize,
        found: &[StoredContact],
        objections: &[Objection],
    ) -> Result<Vec<Outcome>, CallError> {
        let session = self.session()?;
        let stored: Vec<_> = found.iter().map(to_stored).collect();
        let told: Vec<_> = objections.iter().map(convert::objection).collect();
        let outcomes = self.guest.call(count, |exports, store| {
            exports.bulkhead_contacts_batch().session().call_decide(store, session, &stored, &told)
        })?;
        reply::checked(count, found, objections, outcomes).map_err(CallError::broke_contract)
    }

    /// Contacts as a client sees them, in order; each a JSON object.
    ///
    /// # Errors
    /// [`CallError`] if the component fails, or its answer breaks the contract.
    pub fn present(
        &mut self,
        profile: &Profile,
        fields: Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> Result<Vec<String>, CallError> {
        let profile = convert::profile(profile, fields.0, now.to_rfc3339());
        let stored: Vec<_> = contacts.iter().map(to_stored).collect();
        let objects = self.guest.call(contacts.len(), |exports, store| {
            exports.bulkhead_contacts_batch().call_present(store, &profile, &stored)
        })?;
        reply::presented(contacts.len(), objects).map_err(CallError::broke_contract)
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        self.guest.usage()
    }

    /// What the guest printed so far, bounded.
    pub fn output(&self) -> String {
        self.guest.output()
    }

    fn session(&self) -> Result<ResourceAny, CallError> {
        self.session.ok_or_else(|| CallError::HostUnavailable(String::from("no session was opened")))
    }
}

/// A component's own catalogue with a profile's entries applied.
#[derive(Debug, Clone)]
pub struct Fields(pub(super) Vec<wit::Field>);

impl Fields {
    /// No catalogue at all.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }
}

fn to_stored(contact: &StoredContact) -> wit::Stored {
    wit::Stored { id: contact.id.0, document: contact.document.clone() }
}
