//! What components are told about the request whose items they get.

use super::fields::Fields;
use crate::domain::{Operation, Timestamp};
use crate::tenants::Profile;

/// A request's operation and its tenant's profile, the same for all of its items.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a> {
    /// What is done with the items.
    pub operation: Operation,
    /// The tenant's profile.
    pub profile: &'a Profile,
    /// The tenant's complete field list.
    pub fields: &'a Fields,
    /// The moment to record as that of a change.
    pub now: Timestamp,
}
