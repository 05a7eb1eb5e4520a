//! Tenants and their settings.

use super::StoreError;
use crate::domain::{Assignment, Digest, TenantId};
use crate::tenants::{LimitSettings, NewCredential, Profile, StoredProfile, TenantLimits};

/// Tenants and their settings.
pub trait TenantStore {
    /// Adds a tenant with its first secret. Returns `None` if the name is taken.
    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError>;

    /// Returns the tenant of this name.
    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError>;

    /// Returns all tenants, ordered by name.
    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError>;

    /// Removes a tenant with its credentials, sessions and jobs at once. Its contacts and staged files go with later sweeps
    /// ([`MaintenanceStore::sweep`](super::MaintenanceStore::sweep)). Returns what was removed; `None` if there is no such tenant.
    fn remove_tenant(&self, name: &str) -> Result<Option<RemovedTenant>, StoreError>;

    /// Changes a tenant, and returns the components that it has then. The components that it had are kept for
    /// [`TenantSummary::previous`]. Returns `None` if there is no such tenant, if it is not as it was seen, or if a component that it
    /// would have is not registered.
    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError>;
}

/// A tenant as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's number.
    pub id: TenantId,
    /// The tenant's name.
    pub name: String,
    /// The tenant's profile.
    pub profile: StoredProfile,
    /// The tenant's limits.
    pub limits: TenantLimits,
    /// The tenant's components.
    pub assigned: Assignment,
}

/// A tenant as an operator lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSummary {
    /// The tenant's name.
    pub tenant: String,
    /// The tenant's client id.
    pub client_id: String,
    /// How many contacts the tenant has.
    pub contacts: u64,
    /// How many jobs the tenant has, of any state.
    pub jobs: u64,
    /// The tenant's components.
    pub assigned: Assignment,
    /// The components that the tenant had before they were last changed; `None` if they were never changed.
    pub previous: Option<Assignment>,
}

/// What was removed with a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedTenant {
    /// Contacts.
    pub contacts: u64,
    /// Jobs of any state, with their results.
    pub jobs: u64,
    /// Secrets, live or expired.
    pub secrets: u64,
}

/// A change of a tenant. What is `None` stays as it is.
#[derive(Debug, Default)]
pub struct TenantChange {
    /// The tenant's new profile.
    pub profile: Option<Profile>,
    /// The tenant's new limits.
    pub limits: Option<LimitSettings>,
    /// The tenant's new processor; `Some(None)` for the server's default.
    pub processor: Option<Option<Digest>>,
    /// The tenant's new validator; `Some(None)` for none.
    pub validator: Option<Option<Digest>>,
    /// The tenant as it was when the change was thought of; if it is another one by now, nothing is changed. `None`: it does not
    /// matter.
    pub seen: Option<Tenant>,
}
