//! Tenants and their credentials.

use serde::Serialize;

use crate::domain::{Assignment, Digest, TenantId};
use crate::tenants::{LimitSettings, Profile, StoredProfile, TenantLimits};

/// A tenant as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its profile.
    pub profile: StoredProfile,
    /// Its limits.
    pub limits: TenantLimits,
    /// Its components.
    pub assigned: Assignment,
}

/// A tenant as an operator lists it.
#[derive(Debug, Clone, Serialize)]
pub struct TenantSummary {
    /// Its name.
    pub tenant: String,
    /// Its client id.
    pub client_id: String,
    /// How many contacts it has.
    pub contacts: u64,
    /// How many jobs it has, of any state.
    pub jobs: u64,
    /// Its processor, unless it is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Its validator, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validator: Option<String>,
}

/// What is to be different about a tenant; what is `None` stays.
#[derive(Debug, Default)]
pub struct TenantChange {
    /// Its profile.
    pub profile: Option<Profile>,
    /// Its limits.
    pub limits: Option<LimitSettings>,
    /// `Some(None)`: the default.
    pub processor: Option<Option<Digest>>,
    /// `Some(None)`: none.
    pub validator: Option<Option<Digest>>,
}

/// What became of going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolledBack {
    /// These are the tenant's components again. Once more goes forth again.
    To(Assignment),
    /// They were never changed.
    NothingBefore,
    /// There is no such tenant.
    NoTenant,
}

/// Whose credential something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// This tenant's.
    Tenant(Box<Tenant>),
    /// A token's that has expired.
    Expired,
    /// Nobody's.
    Nobody,
}
