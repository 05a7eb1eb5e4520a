//! Tenants: names, credentials, profiles and limits.

mod credentials;
mod limits;
mod name;
mod profile;
mod refresh_token;
mod stored_profile;

pub use credentials::{MAX_SECRETS, NewCredential, Secret, SecretId, SecretIdError, generate};
pub use limits::{LimitRule, LimitSettings, LimitsError, TenantLimits};
pub use name::{NameError, TenantName};
pub use profile::{Choice, FieldEntry, Named, Owner, Profile, ProfileError};
pub use refresh_token::{RefreshToken, RefreshTokenHash};
pub use stored_profile::StoredProfile;
