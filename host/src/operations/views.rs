//! What operators are shown, alike on the command line and over HTTP.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{AddedSecret, AddedTenant, ChangedTenant};
use crate::domain::{Assignment, Digest, Job, JobId, Timestamp};
use crate::jobs::UndoPreview;
use crate::store::{AuditEntry, ComponentRecord, ListedJob, RemovedTenant, SecretRecord, Tenant, TenantSummary, Usage};
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

/// A job as operators see it, without its items and rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    id: String,
    tenant: String,
    status: &'static str,
    total: u32,
    processed: u32,
    created: u32,
    updated: u32,
    /// Contacts that an undo deleted; absent for other jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u32>,
    unchanged: u32,
    failed: u32,
    /// Items that had no row when the job was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_processed: Option<u32>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<String>,
    expires_at: String,
    operation: &'static str,
    /// Whether the job stores no contact; absent otherwise.
    #[serde(skip_serializing_if = "is_false")]
    dry_run: bool,
    /// The job that applies the dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_as: Option<String>,
    /// The dry run that the job applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    applies: Option<String>,
    /// The job that the job undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// The last job that undoes the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_as: Option<String>,
    /// Until when the job can be undone; null if it cannot.
    undoable_until: Option<String>,
    /// Items that came out otherwise than the dry run said.
    #[serde(skip_serializing_if = "Option::is_none")]
    differing: Option<u64>,
    processor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
}

impl JobView {
    pub(super) fn new(tenant: String, job: &Job) -> Self {
        Self {
            id: job.id.to_string(),
            tenant,
            status: job.state.as_str(),
            total: job.total,
            processed: job.counts.processed(),
            created: job.counts.created,
            updated: job.counts.updated,
            deleted: job.undoes.map(|_| job.counts.deleted),
            unchanged: job.counts.unchanged,
            failed: job.counts.failed,
            not_processed: job.cancelled_at.map(|_| job.total.saturating_sub(job.counts.processed())),
            created_at: job.created_at.to_rfc3339(),
            started_at: job.started_at.map(Timestamp::to_rfc3339),
            finished_at: job.finished_at.map(Timestamp::to_rfc3339),
            cancelled_at: job.cancelled_at.map(Timestamp::to_rfc3339),
            expires_at: job.expires_at.to_rfc3339(),
            operation: job.operation_name(),
            dry_run: job.dry_run.is_some(),
            applied_as: job.applied_as.map(|id| id.to_string()),
            applies: job.applies.map(|id| id.to_string()),
            undoes: job.undoes.map(|undo| undo.job.to_string()),
            undone_as: job.undone_as.map(|id| id.to_string()),
            undoable_until: job.undoable_until.map(|moment| moment.to_rfc3339()),
            differing: job.applies.map(|_| job.remarks.differing),
            processor: job.pinned.processor.to_string(),
            validator: job.pinned.validator.map(|digest| digest.to_string()),
        }
    }
}

/// What undoing a job would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoPreviewView {
    id: String,
    /// For operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    undoable_until: String,
    total: u32,
    created: u32,
    updated: u32,
    deleted: u32,
    unchanged: u32,
    failed: u32,
    /// How many contacts would stay as they are for which reason.
    codes: BTreeMap<String, u32>,
}

impl UndoPreviewView {
    /// Makes the view of a preview, with its time as `undoable_until` has it.
    pub fn new(job: JobId, tenant: Option<String>, undoable_until: String, preview: UndoPreview) -> Self {
        let UndoPreview { undoable_until: _, total, counts, obstacles } = preview;
        Self {
            id: job.to_string(),
            tenant,
            undoable_until,
            total,
            created: counts.created,
            updated: counts.updated,
            deleted: counts.deleted,
            unchanged: counts.unchanged,
            failed: counts.failed,
            codes: obstacles,
        }
    }
}

impl From<ListedJob> for JobView {
    fn from(listed: ListedJob) -> Self {
        Self::new(listed.tenant, &listed.job)
    }
}

/// A new tenant and its credentials, with the secret in the clear.
#[derive(Debug, Serialize)]
pub struct AddedTenantView<'a> {
    tenant: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    /// What the trial noticed, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl<'a> From<&'a AddedTenant> for AddedTenantView<'a> {
    fn from(added: &'a AddedTenant) -> Self {
        let (tenant, client_secret) = (added.name.as_str(), added.client_secret.reveal());
        let note = added.refused_sample.as_ref().map(ToString::to_string);
        Self { tenant, client_id: &added.client_id, client_secret, note }
    }
}

/// A tenant that was removed, and what was removed with it.
#[derive(Debug, Serialize)]
pub struct RemovedTenantView<'a> {
    tenant: &'a str,
    contacts: u64,
    jobs: u64,
    secrets: u64,
}

impl<'a> RemovedTenantView<'a> {
    /// Creates the view of the tenant that was called `tenant`.
    pub fn new(tenant: &'a str, removed: RemovedTenant) -> Self {
        let RemovedTenant { contacts, jobs, secrets } = removed;
        Self { tenant, contacts, jobs, secrets }
    }
}

/// A tenant's secret, without the secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    scope: &'static str,
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
            name: record.name.map(|name| name.to_string()),
            scope: record.scope.as_str(),
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
        Self { tenant, client_id: &added.client_id, client_secret, secret: added.record.clone().into() }
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

/// An entry of the audit log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntryView {
    id: i64,
    at: String,
    who: String,
    way: String,
    #[serde(rename = "from", skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "is_empty_object")]
    details: Value,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, who, way, origin, request_id, action, tenant, object, details, is_done, error } =
            entry;
        let outcome = match is_done {
            Some(true) => "done",
            Some(false) => "failed",
            None => "unknown",
        };
        let (at, details) = (at.to_rfc3339(), serde_json::from_str(&details).unwrap_or_default());
        Self { id, at, who, way, origin, action, tenant, object, details, outcome, error, request_id }
    }
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_none_or(Map::is_empty)
}

/// Revoked tokens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedTokensView {
    /// How many tokens and refresh tokens were revoked.
    pub revoked_tokens: u64,
}

/// The names of components, by their digests. Not every component has a name.
#[derive(Debug, Default)]
pub struct ComponentNames(HashMap<Digest, String>);

impl ComponentNames {
    pub(super) fn of(records: Vec<ComponentRecord>) -> Self {
        Self(records.into_iter().filter_map(|record| Some((record.digest, record.name?))).collect())
    }

    fn name(&self, digest: Option<Digest>) -> Option<String> {
        self.0.get(&digest?).cloned()
    }
}

/// The components of a tenant, by digest and by name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantComponentsView {
    processor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_name: Option<String>,
    validator: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator_name: Option<String>,
}

impl TenantComponentsView {
    fn new(assigned: Assignment, names: &ComponentNames) -> Self {
        let digest = |digest: Option<Digest>, absent: &str| digest.map_or(absent.to_owned(), |it| it.to_string());
        Self {
            processor: digest(assigned.processor, "default"),
            processor_name: names.name(assigned.processor),
            validator: digest(assigned.validator, "none"),
            validator_name: names.name(assigned.validator),
        }
    }
}

/// A tenant in the list of all tenants.
#[derive(Debug, Serialize)]
pub struct TenantSummaryView {
    tenant: String,
    client_id: String,
    contacts: u64,
    jobs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<String>,
    #[serde(rename = "processorName", skip_serializing_if = "Option::is_none")]
    processor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
    #[serde(rename = "validatorName", skip_serializing_if = "Option::is_none")]
    validator_name: Option<String>,
}

impl TenantSummaryView {
    pub(super) fn new(summary: TenantSummary, names: &ComponentNames) -> Self {
        let TenantSummary { tenant, client_id, contacts, jobs, assigned, previous: _ } = summary;
        Self {
            tenant,
            client_id,
            contacts,
            jobs,
            processor: assigned.processor.map(|digest| digest.to_string()),
            processor_name: names.name(assigned.processor),
            validator: assigned.validator.map(|digest| digest.to_string()),
            validator_name: names.name(assigned.validator),
        }
    }
}

/// A tenant with its settings.
#[derive(Debug, Serialize)]
pub struct TenantView {
    tenant: String,
    client_id: String,
    contacts: u64,
    jobs: u64,
    #[serde(flatten)]
    components: TenantComponentsView,
    /// The components that a rollback would give the tenant; `None` if they were never changed.
    rollback: Option<TenantComponentsView>,
    /// All limits, the defaults included.
    limits: TenantLimits,
    /// What the tenant keeps.
    usage: Usage,
    /// As it was set, on one line; `None` if the store's text is not JSON.
    profile: Option<Box<RawValue>>,
}

impl TenantView {
    pub(super) fn new(summary: TenantSummary, names: &ComponentNames, tenant: &Tenant, usage: Usage) -> Self {
        let TenantSummary { tenant: name, client_id, contacts, jobs, assigned, previous } = summary;
        Self {
            tenant: name,
            client_id,
            contacts,
            jobs,
            components: TenantComponentsView::new(assigned, names),
            rollback: previous.map(|previous| TenantComponentsView::new(previous, names)),
            limits: tenant.limits,
            usage,
            // A JSON string holds no line breaks, so those in the text are only white space between its parts.
            profile: RawValue::from_string(tenant.profile.text().replace(['\n', '\r'], " ")).ok(),
        }
    }
}

/// The components that a tenant has after a change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentView<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    components: TenantComponentsView,
    /// Whether the tenant only would have these components.
    #[serde(skip_serializing_if = "is_false")]
    dry_run: bool,
    /// What the trial noticed, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl<'a> AssignmentView<'a> {
    /// Creates the view of the components that the tenant called `tenant` has.
    pub fn new(tenant: &'a str, changed: &ChangedTenant, names: &ComponentNames) -> Self {
        let note = changed.refused_sample.as_ref().map(ToString::to_string);
        Self { tenant, components: TenantComponentsView::new(changed.assigned, names), dry_run: false, note }
    }

    /// Says that nothing was changed.
    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}
