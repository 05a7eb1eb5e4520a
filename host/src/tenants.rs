//! Tenants: who may call, and what is particular to each of them.

mod credentials;
mod limits;
mod name;
mod profile;

pub use credentials::{Secret, generate};
pub use limits::{LimitRule, LimitsError, TenantLimits};
pub use name::{NameError, TenantName};
pub use profile::{Choice, FieldEntry, Named, Owner, Profile, ProfileError};
