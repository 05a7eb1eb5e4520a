//! A running validator: a tenant's own rules on top of its processor's.

use super::bindings::{types, types_1_1, validator, validator_1_1};
use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::component::{Validator, ValidatorPre};
use super::convert;
use super::engine::Sandbox;
use super::guest::{Guest, Usage};
use super::lift;
use super::limits::Limits;
use super::processor::Fields;
use super::reply;
use crate::domain::{ContactId, Operation, Timestamp};
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
pub struct RequestContext<'a> {
    /// What is done with its items.
    pub operation: Operation,
    /// The tenant's profile.
    pub profile: &'a Profile,
    /// Its complete catalogue.
    pub fields: &'a Fields,
    /// The moment to record as that of a change.
    pub now: Timestamp,
}

/// What a running validator exports, and what it is told of its tenant, by the version of the contract that it was built
/// against.
enum Exports {
    V1_0(validator::Validator, types::Profile),
    V1_1(validator_1_1::Validator, types_1_1::Profile),
}

/// A validator at work on one request's items.
pub struct ValidatorInstance {
    guest: Guest<Exports>,
    operation: Operation,
}

impl ValidatorInstance {
    /// Starts a validator.
    ///
    /// # Errors
    /// [`CallError`] if the component cannot start within its limits, or the host has no room for it.
    pub fn start(
        sandbox: &Sandbox,
        validator: &Validator,
        limits: &Limits,
        cancel: &CancelFlag,
        request: &RequestContext<'_>,
    ) -> Result<Self, CallError> {
        let profile = convert::profile(request.profile, request.fields.0.clone(), request.now.to_rfc3339());
        let guest = Guest::start(sandbox, limits, cancel, |store| match &validator.pre {
            ValidatorPre::V1_0(pre) => pre.instantiate(store).map(|exports| Exports::V1_0(exports, profile)),
            ValidatorPre::V1_1(pre) => pre.instantiate(store).map(|exports| Exports::V1_1(exports, profile.into())),
        })?;
        Ok(Self { guest, operation: request.operation })
    }

    /// Whether it looks at stored contacts, so that they must be found before it is asked.
    pub fn wants_stored(&self) -> bool {
        matches!(self.guest.exports(), Exports::V1_1(..))
    }

    /// What it has against these items, given the stored contacts they are about, as clients see them. One of 1.0.0 does
    /// not look at those.
    ///
    /// # Errors
    /// [`CallError`] if the component fails, or its answer breaks the contract.
    pub fn check(&mut self, items: &[String], stored: &[(ContactId, String)]) -> Result<Vec<Objection>, CallError> {
        let operation = convert::operation(self.operation);
        let objections = self.guest.call(items.len(), |exports, store| match exports {
            Exports::V1_0(exports, profile) => {
                exports.bulkhead_contacts_validation().call_check(store, operation, profile, items).map(lift::all)
            }
            Exports::V1_1(exports, profile) => {
                let to_stored =
                    |(id, object): &(ContactId, String)| types_1_1::Stored { id: id.0, document: object.clone() };
                let stored: Vec<_> = stored.iter().map(to_stored).collect();
                exports.bulkhead_contacts_validation().call_check(store, operation.into(), profile, items, &stored)
            }
        })?;
        reply::objections(items.len(), objections, self.guest.limits()).map_err(CallError::broke_contract)
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
