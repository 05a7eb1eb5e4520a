//! A running validator, which adds a tenant's own rules to those of the processor.

use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::component::Validator;
use super::contracts::ValidatorExports;
use super::engine::Sandbox;
use super::guest::{Guest, Usage};
use super::limits::Limits;
use super::objection::{Objection, check_objections};
use super::request::RequestContext;
use crate::domain::ContactId;

/// A running validator, for the items of one request. After any [`CallError`] it is dead.
pub struct ValidatorInstance {
    guest: Guest<Box<dyn ValidatorExports>>,
    wants_stored: bool,
}

impl ValidatorInstance {
    /// Starts a validator.
    ///
    /// # Errors
    /// If the component cannot start within its limits, or the host has no room for it.
    pub fn start(
        sandbox: &Sandbox,
        validator: &Validator,
        limits: &Limits,
        cancel: &CancelFlag,
        context: &RequestContext<'_>,
    ) -> Result<Self, CallError> {
        let guest = Guest::start(sandbox, limits, cancel, |store| validator.exports.instantiate(store, context))?;
        Ok(Self { guest, wants_stored: validator.exports.wants_stored() })
    }

    /// Returns whether the validator looks at stored contacts, which must then be found before it is called.
    pub fn wants_stored(&self) -> bool {
        self.wants_stored
    }

    /// Returns the objections to items. `stored` is the contacts that the items refer to, as clients see them; it is ignored
    /// if the validator does not look at stored contacts.
    ///
    /// # Errors
    /// If the component fails, or its reply breaks the contract.
    pub fn check(&mut self, items: &[String], stored: &[(ContactId, String)]) -> Result<Vec<Objection>, CallError> {
        let objections = self.guest.call(items.len(), |exports, store| exports.check(store, items, stored))?;
        check_objections(items.len(), &objections, self.guest.limits()).map_err(CallError::broke_contract)?;
        Ok(objections)
    }

    /// Returns what the component has used so far.
    pub fn usage(&self) -> Usage {
        self.guest.usage()
    }

    /// Returns what the component has printed so far, bounded.
    pub fn output(&self) -> String {
        self.guest.output()
    }
}
