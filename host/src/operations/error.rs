//! Why an operation failed. The texts are for the operator.

use uuid::Uuid;

use super::LoadError;
use super::components::MIN_DIGEST_DIGITS;
use crate::jobs::{MAX_WEBHOOK_TESTS, WebhookError};
use crate::sandbox::{ComponentError, Refusal, TrialError};
use crate::store::{ComponentRecord, StoreError};
use crate::tenants::{MAX_SECRETS, ScopeError, SecretNameError};
use crate::webhooks::EndpointUrlError;

/// Why an operation failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sandbox or the default processor cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The operating system gives no random bytes for a secret.
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The bytes are not a component that can be registered.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another component has the name.
    #[error(
        "{owner} has the name '{name}' already; choose another name, or give this component the name with --move-name (over HTTP ?moveName=true)"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The digest of the component that has the name.
        owner: String,
    },
    /// The name cannot be a component's.
    #[error(
        "'{0}' cannot be a component's name: use 1 to 63 lower-case letters, digits, '-' and '_', beginning with a letter, and not 'none' or 'default'"
    )]
    Name(String),
    /// No component has this name or digest.
    #[error("there is no component '{0}'; 'bulkhead component list' shows all components")]
    UnknownComponent(String),
    /// Too few digits name a component.
    #[error(
        "'{0}' is no component's name, and too short for the beginning of a digest: give at least {MIN_DIGEST_DIGITS} of its digits; 'bulkhead component list' shows all components"
    )]
    TooFewDigits(String),
    /// Several components have digests that begin like this.
    #[error("several digests begin with '{0}'; give more digits")]
    Ambiguous(String),
    /// Tenants or unfinished jobs need the component.
    #[error("{} is in use: {}. Give those tenants another component (twice, or they could go back to it), let the jobs finish, and try again", .0.digest, users(.0))]
    InUse(Box<ComponentRecord>),
    /// The component is the default processor.
    #[error("this is the default processor, which tenants without a processor of their own use; it cannot be removed")]
    IsDefault,
    /// The component is of the wrong world.
    #[error("'{reference}' is a {found}; this needs a {wanted}. Assign it as the tenant's {found} instead")]
    WrongWorld {
        /// The component's name or digest.
        reference: String,
        /// The world of the component.
        found: &'static str,
        /// The world that is needed.
        wanted: &'static str,
    },
    /// No tenant has this name.
    #[error("there is no tenant '{0}'; 'bulkhead tenant list' shows all tenants")]
    UnknownTenant(String),
    /// The URL cannot be a webhook's.
    #[error("{0}. Nothing was added")]
    WebhookUrl(#[from] EndpointUrlError),
    /// The tenant has no such webhook.
    #[error("the tenant '{tenant}' has no webhook {id}; 'bulkhead webhook list {tenant}' shows those that it has")]
    UnknownWebhook {
        /// The tenant's name.
        tenant: String,
        /// What was given as the webhook's id.
        id: Uuid,
    },
    /// The webhook is disabled.
    #[error(
        "the webhook {id} is disabled, so nothing is sent to it; 'bulkhead webhook enable {tenant} {id}' also sends what it missed"
    )]
    DisabledWebhook {
        /// The tenant's name.
        tenant: String,
        /// The webhook's id.
        id: Uuid,
    },
    /// The tenant has as many webhooks as it may.
    #[error("the tenant '{tenant}' has {limit} webhooks, which is the limit; remove one first")]
    TooManyWebhooks {
        /// The tenant's name.
        tenant: String,
        /// The limit.
        limit: u32,
    },
    /// The webhook was tested too often.
    #[error(
        "the webhook {0} was tested {MAX_WEBHOOK_TESTS} times in the last minute, which is the limit; wait a minute"
    )]
    TooManyWebhookTests(Uuid),
    /// A tenant has the name already.
    #[error(
        "there is a tenant '{0}' already, so nothing was added. To change it, use 'bulkhead tenant set {0}'; if you need a secret for it, 'bulkhead tenant secret add {0}' makes another; for a new tenant, choose another name"
    )]
    TenantExists(String),
    /// The tenant has as many live secrets as it can have.
    #[error("'{0}' has {MAX_SECRETS} secrets, which is the maximum; revoke one that is not used any more")]
    TooManySecrets(String),
    /// The secret is the tenant's last one.
    #[error(
        "this is the last secret of '{0}', or the last one that allows everything, and its clients could not go on. Add another first ('bulkhead tenant secret add'), or revoke it all the same: --force, over HTTP ?force=true"
    )]
    LastSecret(String),
    /// The tenant has no live secret with this id.
    #[error("'{tenant}' has no secret '{id}'; 'bulkhead tenant secret list' shows all ids")]
    UnknownSecret {
        /// The tenant.
        tenant: String,
        /// The id.
        id: String,
    },
    /// The name cannot be a secret's.
    #[error(transparent)]
    SecretName(#[from] SecretNameError),
    /// There is no such scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A secret cannot expire then.
    #[error("a secret expires after 1 to {0} days, or never")]
    Expiry(u32),
    /// There is no such token.
    #[error("there is no such token: it never existed, was revoked, or has expired")]
    UnknownToken,
    /// The tenant's components were never changed.
    #[error("the components of '{0}' were never changed, so there is nothing to go back to")]
    NothingBefore(String),
    /// The profile cannot be used, or not with this processor.
    #[error("the profile cannot be used: {0}")]
    Profile(String),
    /// A component cannot be loaded for a trial.
    #[error(transparent)]
    NotLoaded(#[from] ComponentError),
    /// The components cannot work together with the profile and the limits.
    #[error("{0}")]
    Unfit(TrialError),
    /// A limit is unknown or out of range.
    #[error("the limits cannot be set: {0}")]
    Limits(String),
    /// The tenant's settings are not those that the operator saw.
    #[error(
        "somebody changed the settings of '{0}' since you opened the page, so nothing was changed. Open the page again to see them"
    )]
    NotAsSeen(String),
    /// A component was removed, or the tenant was changed, at the same time.
    #[error("a component or the tenant was changed at the same time, so nothing was done; try again")]
    Outdated,
    /// So many jobs cannot be listed.
    #[error("1 to {0} jobs can be listed at a time")]
    JobCount(u32),
    /// So many entries of the audit log cannot be listed.
    #[error("1 to {0} entries of the audit log can be listed at a time")]
    AuditCount(u32),
    /// The job had completed before it could be cancelled.
    #[error("the job was completed before it could be cancelled; nothing was changed")]
    CompletedJob,
    /// The job is not completed, so its results are not whole.
    #[error("the job is not completed; try again when 'bulkhead job show' says so, or cancel it")]
    UnfinishedJob,
    /// The job cannot be undone, or not now.
    #[error("{0}")]
    NotUndone(String),
    /// There is no such job.
    #[error("there is no such job: it never existed, was deleted, or has expired")]
    UnknownJob,
}

impl OperationError {
    /// Says why a call about the webhook `id` of a tenant failed.
    pub(super) fn of_webhook(error: WebhookError, tenant: &str, id: Uuid) -> Self {
        let tenant = tenant.to_owned();
        match error {
            WebhookError::Store(error) => Self::Store(error),
            WebhookError::Random(error) => Self::Random(error),
            WebhookError::Unknown | WebhookError::UnknownMessage => Self::UnknownWebhook { tenant, id },
            WebhookError::Disabled => Self::DisabledWebhook { tenant, id },
            WebhookError::TooMany(limit) => Self::TooManyWebhooks { tenant, limit },
            WebhookError::TooManyTests => Self::TooManyWebhookTests(id),
        }
    }
}

fn users(record: &ComponentRecord) -> String {
    let mut users: Vec<String> = record.tenants.iter().map(|tenant| format!("tenant '{tenant}'")).collect();
    if record.jobs > 0 {
        users.push(format!("{} unfinished job{}", record.jobs, if record.jobs == 1 { "" } else { "s" }));
    }
    users.join(", ")
}
