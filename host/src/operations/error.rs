//! Why an operator's wish is not granted. The texts are for the operator.

use crate::sandbox::Refusal;
use crate::store::{ComponentRecord, StoreError};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes are no component that can be registered.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The name is another component's.
    #[error("the name '{name}' is that of {owner}; choose another, or remove that one first")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// No name of a component.
    #[error(
        "'{0}' cannot be a component's name: use 1 to 63 lower-case letters, digits, '-' and '_', beginning with a letter, and not 'none' or 'default'"
    )]
    Name(String),
    /// No component is called so.
    #[error("no component is called '{0}'; 'bulkhead component list' shows those there are")]
    UnknownComponent(String),
    /// Several are.
    #[error("'{0}' is the beginning of several digests; give more of it")]
    Ambiguous(String),
    /// Somebody needs it.
    #[error("{} is in use: {}. Give those tenants another component (twice, or they could go back to it), let the jobs finish, and try again", .0.digest, users(.0))]
    InUse(Box<ComponentRecord>),
    /// It is what tenants have that have no other.
    #[error("this is the default processor, which tenants have that have no other; it cannot be removed")]
    IsDefault,
    /// It is not what it should be.
    #[error("'{reference}' is a {found}, and a {wanted} is wanted here")]
    WrongWorld {
        /// What was named.
        reference: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// No tenant is called so.
    #[error("there is no tenant '{0}'; 'bulkhead tenant list' shows those there are")]
    UnknownTenant(String),
    /// The tenant's components were never changed.
    #[error("the components of '{0}' were never changed, so there is nothing to go back to")]
    NothingBefore(String),
    /// The profile cannot be used, or not with this processor.
    #[error("the profile cannot be used: {0}")]
    Profile(String),
    /// A limit cannot be set so.
    #[error("the limits cannot be set: {0}")]
    Limits(String),
    /// A component was removed while the tenant was changed.
    #[error("a component was removed meanwhile; try again")]
    Outdated,
    /// There is no such job.
    #[error("there is no such job: it was deleted or has expired, or never was")]
    UnknownJob,
}

fn users(record: &ComponentRecord) -> String {
    let mut users: Vec<String> = record.tenants.iter().map(|tenant| format!("tenant '{tenant}'")).collect();
    if record.jobs > 0 {
        users.push(format!("{} unfinished jobs", record.jobs));
    }
    users.join(", ")
}
