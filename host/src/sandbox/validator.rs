//! A running validator: a tenant's own rules on top of its processor's.

use super::bindings::types as wit;
use super::bindings::validator::Validator as Exports;
use super::component::Validator;
use super::convert;
use super::engine::Sandbox;
use super::guest::{Guest, Usage};
use super::instance::Fields;
use super::limits::Limits;
use super::stop::{Cancel, Stop};
use super::verdict;
use crate::domain::{Operation, Timestamp};
use crate::tenants::Profile;

/// What a validator has against one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The item's place among those that were checked.
    pub index: u32,
    /// The field it is about.
    pub field: String,
    /// One sentence for the client.
    pub message: String,
}

/// What a request is about, for a validator.
pub struct Request<'a> {
    /// What is done with its items.
    pub operation: Operation,
    /// The tenant's profile.
    pub profile: &'a Profile,
    /// Its complete catalogue.
    pub fields: &'a Fields,
    /// The moment to record as that of a change.
    pub now: Timestamp,
}

/// A validator at work on one request's items.
pub struct Checker {
    guest: Guest<Exports>,
    operation: Operation,
    profile: wit::Profile,
}

impl Checker {
    /// Starts a validator.
    ///
    /// # Errors
    /// [`Stop`] if the component cannot start within its limits, or the host has no room for it.
    pub fn start(
        sandbox: &Sandbox,
        validator: &Validator,
        limits: &Limits,
        cancel: &Cancel,
        request: &Request<'_>,
    ) -> Result<Self, Stop> {
        let guest = Guest::start(sandbox, limits, cancel, |store| validator.pre.instantiate(store))?;
        let profile = convert::profile(request.profile, request.fields.0.clone(), request.now.to_rfc3339());
        Ok(Self { guest, operation: request.operation, profile })
    }

    /// What it has against these items.
    ///
    /// # Errors
    /// [`Stop`] if the component fails, or its answer breaks the contract.
    pub fn check(&mut self, items: &[String]) -> Result<Vec<Objection>, Stop> {
        let (operation, profile) = (convert::operation(self.operation), &self.profile);
        let objections = self.guest.call(items.len(), |exports, store| {
            exports.bulkhead_contacts_validation().call_check(store, operation, profile, items)
        })?;
        verdict::objections(items.len(), objections, self.guest.limits()).map_err(Stop::broke_contract)
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        self.guest.usage()
    }

    /// What the guest printed so far, bounded.
    pub fn output(&self) -> String {
        self.guest.output()
    }
}
