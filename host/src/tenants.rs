//! Tenants: names, credentials, profiles and limits.

mod credentials;
mod limits;
mod name;
mod profile;
mod refresh_token;
mod scope;
mod secret_name;
mod stored_profile;

pub use credentials::{MAX_SECRETS, NewCredential, Secret, SecretId, SecretIdError, generate};
pub use limits::{LimitRule, LimitSettings, LimitsError, TenantLimits};
pub use name::{NameError, TenantName};
pub use profile::{Choice, FieldEntry, Named, Owner, Profile, ProfileError};
pub use refresh_token::{RefreshToken, RefreshTokenHash};
pub use scope::{Permission, Scope, ScopeError};
pub use secret_name::{SecretName, SecretNameError};
pub use stored_profile::StoredProfile;
