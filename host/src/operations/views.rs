//! What operators are shown, alike on the command line and over HTTP.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{AddedSecret, AddedTenant};
use crate::domain::{Assignment, Digest, Timestamp};
use crate::store::{ComponentRecord, SecretRecord, Tenant, TenantSummary, Usage};
use crate::tenants::TenantLimits;

/// A registered component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentView {
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    world: &'static str,
    size: u64,
    added_at: String,
    tenants: Vec<String>,
    unfinished_jobs: u64,
}

impl From<ComponentRecord> for ComponentView {
    fn from(record: ComponentRecord) -> Self {
        Self {
            digest: record.digest.to_string(),
            name: record.name,
            world: record.world.as_str(),
            size: record.size,
            added_at: record.added_at.to_rfc3339(),
            tenants: record.tenants,
            unfinished_jobs: record.jobs,
        }
    }
}

/// A new tenant and its credentials, with the secret in the clear.
#[derive(Debug, Serialize)]
pub struct AddedTenantView<'a> {
    tenant: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
}

impl<'a> From<&'a AddedTenant> for AddedTenantView<'a> {
    fn from(added: &'a AddedTenant) -> Self {
        let (tenant, client_secret) = (added.name.as_str(), added.client_secret.reveal());
        Self { tenant, client_id: &added.client_id, client_secret }
    }
}

/// A tenant's secret, without the secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    id: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// A day in UTC; `None` if the secret was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
}

impl From<SecretRecord> for SecretView {
    fn from(record: SecretRecord) -> Self {
        let day = |at: Timestamp| at.to_rfc3339().chars().take_while(|letter| *letter != 'T').collect();
        Self {
            id: record.id.to_string(),
            created_at: record.created_at.to_rfc3339(),
            expires_at: record.expires_at.map(Timestamp::to_rfc3339),
            last_used: record.used_at.map(day),
        }
    }
}

/// A new secret in the clear.
#[derive(Debug, Serialize)]
pub struct AddedSecretView<'a> {
    tenant: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(flatten)]
    secret: SecretView,
}

impl<'a> AddedSecretView<'a> {
    /// Creates the view of a new secret of the tenant called `tenant`.
    pub fn new(tenant: &'a str, added: &'a AddedSecret) -> Self {
        let client_secret = added.client_secret.reveal();
        Self { tenant, client_id: &added.client_id, client_secret, secret: added.record.into() }
    }
}

/// A revoked secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedSecretView<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The secret's id.
    pub id: &'a str,
    /// How many tokens and refresh tokens were revoked with the secret.
    pub revoked_tokens: u64,
}

/// Revoked tokens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedTokensView {
    /// How many tokens and refresh tokens were revoked.
    pub revoked_tokens: u64,
}

/// A tenant with its settings.
#[derive(Debug, Serialize)]
pub struct TenantView {
    #[serde(flatten)]
    summary: TenantSummary,
    /// All limits, the defaults included.
    limits: TenantLimits,
    /// What the tenant keeps.
    usage: Usage,
    /// As it was set, on one line; `None` if the store's text is not JSON.
    profile: Option<Box<RawValue>>,
}

impl TenantView {
    pub(super) fn new(summary: TenantSummary, tenant: &Tenant, usage: Usage) -> Self {
        // A JSON string holds no line breaks, so those in the text are only white space between its parts.
        let profile = RawValue::from_string(tenant.profile.text().replace(['\n', '\r'], " ")).ok();
        Self { summary, limits: tenant.limits, usage, profile }
    }
}

/// The components of a tenant.
#[derive(Debug, Serialize)]
pub struct AssignmentView<'a> {
    tenant: &'a str,
    processor: String,
    validator: String,
}

impl<'a> AssignmentView<'a> {
    /// Creates the view of the components that the tenant called `tenant` has.
    pub fn new(tenant: &'a str, assignment: Assignment) -> Self {
        let digest = |digest: Option<Digest>, absent: &str| digest.map_or(absent.to_owned(), |it| it.to_string());
        Self {
            tenant,
            processor: digest(assignment.processor, "default"),
            validator: digest(assignment.validator, "none"),
        }
    }
}
