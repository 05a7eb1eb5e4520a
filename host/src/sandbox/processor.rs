//! A running processor, which serves one job or one call.

use std::collections::HashSet;

use wasmtime::component::ResourceAny;

use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::cell_table::CellTable;
use super::component::Processor;
use super::contracts::ProcessorExports;
use super::engine::Sandbox;
use super::fields::{Fields, FieldsError};
use super::guest::{Guest, Usage};
use super::limits::Limits;
use super::objection::Objection;
use super::reply::{Outcome, Planned, check_outcomes, check_plan, check_presented, check_presented_sizes};
use super::request::RequestContext;
use crate::domain::{StoredContact, Timestamp};
use crate::tenants::Profile;

/// A running processor. After any [`CallError`] it is dead.
pub struct ProcessorInstance {
    guest: Guest<Box<dyn ProcessorExports>>,
    session: Option<ResourceAny>,
    /// The aliases of the fields that the session was opened with.
    aliases: HashSet<String>,
}

impl ProcessorInstance {
    /// Starts a processor.
    ///
    /// # Errors
    /// If the component cannot start within its limits, or the host has no room for it.
    pub fn start(
        sandbox: &Sandbox,
        processor: &Processor,
        limits: &Limits,
        cancel: &CancelFlag,
    ) -> Result<Self, CallError> {
        let guest = Guest::start(sandbox, limits, cancel, |store| processor.exports.instantiate(store))?;
        Ok(Self { guest, session: None, aliases: HashSet::new() })
    }

    /// Returns the complete field list of a tenant with this profile.
    ///
    /// # Errors
    /// If the profile has flaws, or the component fails.
    pub fn fields(&mut self, profile: &Profile) -> Result<Fields, FieldsError> {
        let entries = &profile.fields;
        let fields = self.guest.call(entries.len(), |exports, store| exports.fields(store, entries))?;
        fields.map(Fields).map_err(FieldsError::from_flaws)
    }

    /// Opens a session for the items of a request, and closes the one before it.
    ///
    /// # Errors
    /// If the component fails.
    pub fn open(&mut self, context: &RequestContext<'_>) -> Result<(), CallError> {
        let session = self.guest.call(0, |exports, store| exports.open_session(store, context))?;
        self.aliases = context.fields.aliases().map(str::to_owned).collect();
        if let Some(previous) = self.session.replace(session) {
            self.guest.call(0, |_, store| previous.resource_drop(store))?;
        }
        Ok(())
    }

    /// Reads items and returns the stored contacts that they refer to.
    ///
    /// # Errors
    /// If the component fails, its reply breaks the contract, or no session is open.
    pub fn plan(&mut self, items: &[String]) -> Result<Planned, CallError> {
        let session = self.session()?;
        let keys = self.guest.call(items.len(), |exports, store| exports.plan(store, session, items))?;
        check_plan(items.len(), keys).map_err(CallError::broke_contract)
    }

    /// Decides the `count` items that were planned last, given the stored contacts that they refer to and the validator's
    /// objections.
    ///
    /// # Errors
    /// If the component fails, its reply breaks the contract, or no session is open.
    pub fn decide(
        &mut self,
        count: usize,
        found: &[StoredContact],
        objections: &[Objection],
    ) -> Result<Vec<Outcome>, CallError> {
        let session = self.session()?;
        let outcomes = self.guest.call(count, |exports, store| exports.decide(store, session, found, objections))?;
        check_outcomes(count, found, objections, &self.aliases, outcomes).map_err(CallError::broke_contract)
    }

    /// Returns contacts as clients see them, in order; each is a JSON object.
    ///
    /// # Errors
    /// If the component fails, or its reply breaks the contract.
    pub fn present(
        &mut self,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> Result<Vec<String>, CallError> {
        let objects = self.present_unread(profile, fields, now, contacts)?;
        for (place, object) in objects.iter().enumerate() {
            check_presented(place, object).map_err(CallError::broke_contract)?;
        }
        Ok(objects)
    }

    /// As [`Self::present`], for a caller that reads every object anyway and asks [`check_presented`] about those that it cannot
    /// read: reading some kilobytes of JSON twice for each contact takes longer than all else. Only number and sizes are checked.
    ///
    /// # Errors
    /// As [`Self::present`].
    pub fn present_unread(
        &mut self,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> Result<Vec<String>, CallError> {
        let objects =
            self.guest.call(contacts.len(), |exports, store| exports.present(store, profile, fields, now, contacts))?;
        check_presented_sizes(contacts.len(), &objects).map_err(CallError::broke_contract)?;
        Ok(objects)
    }

    /// Returns contacts as rows of a table, in order, with a cell for each column; `None` if the component's version of the
    /// contract has no rows.
    ///
    /// # Errors
    /// If the component fails, or its reply breaks the contract.
    pub fn cells(
        &mut self,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        columns: &[String],
        contacts: &[StoredContact],
    ) -> Result<Option<CellTable>, CallError> {
        let rows = self
            .guest
            .call(contacts.len(), |exports, store| exports.cells(store, profile, fields, now, columns, contacts))?;
        let table = rows.map(|rows| CellTable::parse(contacts.len(), columns.len(), &rows)).transpose();
        table.map_err(CallError::broke_contract)
    }

    /// Returns what the component has used so far.
    pub fn usage(&self) -> Usage {
        self.guest.usage()
    }

    /// Returns what the component has printed so far, bounded.
    pub fn output(&self) -> String {
        self.guest.output()
    }

    fn session(&self) -> Result<ResourceAny, CallError> {
        self.session.ok_or_else(|| CallError::HostUnavailable(String::from("no session was opened")))
    }
}
