//! Where tenants and operators want to be told of events, and the messages to them.
//!
//! The transaction in which an event happens also stores its messages, one for each endpoint that wants it. A server takes a
//! message under a lease, sends it, and stores what came of it.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::StoreError;
use crate::domain::{Counts, Digest, JobId, TenantId, Timestamp, Undo};

/// Messages of an endpoint that are kept. Beyond that, the oldest that were taken go, and only without any the oldest of all.
pub(super) const MAX_MESSAGES: u32 = 1_000;

/// The event of a message that shows whether an endpoint takes messages.
pub const TEST_EVENT: &str = "webhook.test";

/// Whose an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookOwner {
    /// The operators of the servers.
    Operators,
    /// A tenant.
    Tenant(TenantId),
}

impl WebhookOwner {
    /// The number of the operators where others have their tenant's; tenants are counted from 1.
    const OPERATORS: i64 = 0;

    /// Returns the owner as the column `tenant` has it.
    pub(super) fn column(self) -> i64 {
        match self {
            Self::Operators => Self::OPERATORS,
            Self::Tenant(tenant) => tenant.0,
        }
    }

    /// Reads what [`Self::column`] returns.
    pub(super) fn read(column: i64) -> Self {
        if column == Self::OPERATORS { Self::Operators } else { Self::Tenant(TenantId(column)) }
    }
}

/// What an endpoint can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WebhookEvent {
    /// Each item of a job has its row.
    JobCompleted,
    /// A job was cancelled.
    JobCancelled,
    /// Each item of a job that undoes another one has its row.
    JobUndone,
    /// A tenant's component keeps failing and was suspended.
    ComponentFailing,
}

impl WebhookEvent {
    /// All events.
    pub const ALL: [Self; 4] = [Self::JobCompleted, Self::JobCancelled, Self::JobUndone, Self::ComponentFailing];

    /// Returns the events of which an owner's endpoints can be told.
    pub fn of(owner: WebhookOwner) -> Vec<Self> {
        match owner {
            WebhookOwner::Operators => vec![Self::ComponentFailing],
            WebhookOwner::Tenant(_) => Self::of_tenants(),
        }
    }

    /// Returns the events of which tenants' endpoints can be told.
    pub fn of_tenants() -> Vec<Self> {
        Self::ALL.into_iter().filter(|event| *event != Self::ComponentFailing).collect()
    }

    /// Returns the event of a job that is completed.
    pub(super) fn of_completed(undoes: Option<Undo>) -> Self {
        if undoes.is_some() { Self::JobUndone } else { Self::JobCompleted }
    }

    /// Returns the event's name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobCompleted => "job.completed",
            Self::JobCancelled => "job.cancelled",
            Self::JobUndone => "job.undone",
            Self::ComponentFailing => "component.failing",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

/// Endpoints and their messages.
pub trait WebhookStore {
    /// Adds an endpoint, unless the owner has `max` endpoints, or is a tenant that is removed. Returns whether it was added.
    fn add_webhook(&self, owner: WebhookOwner, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError>;

    /// Returns an owner's endpoints, the oldest first.
    fn webhooks(&self, owner: WebhookOwner) -> Result<Vec<WebhookRecord>, StoreError>;

    /// Returns endpoints of all owners, those that fail or are disabled first, and then by the tenant's name; those of the operators
    /// have none. At most `limit`.
    fn all_webhooks(&self, limit: u32) -> Result<Vec<(Option<String>, WebhookRecord)>, StoreError>;

    /// Changes an endpoint. Returns `false` if the owner has no such endpoint.
    fn change_webhook(&self, owner: WebhookOwner, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError>;

    /// Removes an endpoint with its messages. Returns `false` if the owner has no such endpoint.
    fn remove_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<bool, StoreError>;

    /// Stores a message that shows whether the endpoint takes messages, and returns its id; `None` if the owner has no such
    /// endpoint.
    fn test_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<Option<Uuid>, StoreError>;

    /// Stores a message to each of the operators' endpoints that want to be told of failing components, at most one an hour for
    /// each component of a tenant, however many servers see it fail.
    fn tell_of_failing_component(&self, failing: &FailingComponent<'_>) -> Result<(), StoreError>;

    /// Returns the newest messages of an endpoint, at most `limit`.
    fn webhook_messages(
        &self,
        owner: WebhookOwner,
        webhook: Uuid,
        limit: u32,
    ) -> Result<Vec<WebhookMessage>, StoreError>;

    /// Makes messages due that were not taken, as if they were new; or one message, also one that was taken. Returns how many.
    fn replay_messages(&self, owner: WebhookOwner, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError>;

    /// Takes a message that is due, of an endpoint of which no other is being sent, for the time of a lease. Passes over owners.
    fn take_message(&self, lease: Duration, passing_over: &[WebhookOwner]) -> Result<Option<DueMessage>, StoreError>;

    /// Stores what came of an attempt. Does nothing if the lease was lost.
    fn finish_message(&self, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), StoreError>;
}

/// A tenant's component that was suspended.
#[derive(Debug, Clone, Copy)]
pub struct FailingComponent<'a> {
    /// The tenant for which it fails.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: &'a str,
    /// The component.
    pub component: Digest,
    /// How it failed last, such as `timed_out`.
    pub failure: &'a str,
    /// How many calls failed in a row.
    pub failures: u32,
    /// For how long it is suspended.
    pub suspended_for: Duration,
}

/// An endpoint to be added.
#[derive(Debug)]
pub struct NewWebhook {
    /// Its id.
    pub id: Uuid,
    /// Where messages are sent to.
    pub url: String,
    /// What it wants to be told of.
    pub events: Vec<WebhookEvent>,
    /// The text of its secret.
    pub secret: String,
}

/// An endpoint.
#[derive(Debug, Clone)]
pub struct WebhookRecord {
    /// Its id.
    pub id: Uuid,
    /// Where messages are sent to.
    pub url: String,
    /// What it wants to be told of.
    pub events: Vec<WebhookEvent>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when, and why, no messages are sent to it.
    pub disabled: Option<(Timestamp, String)>,
    /// How many attempts failed since the last that did not.
    pub failures: u32,
    /// Since when attempts fail.
    pub failing_since: Option<Timestamp>,
}

/// What becomes of an endpoint.
#[derive(Debug, Default)]
pub struct WebhookChange {
    /// Where messages are sent to.
    pub url: Option<String>,
    /// What it wants to be told of.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether messages are sent. To be enabled also makes due what was missed.
    pub is_enabled: Option<bool>,
    /// Whether operators make the change, and not the tenant.
    pub is_by_operators: bool,
    /// Another secret, and how long the one before it signs beside it.
    pub secret: Option<(String, Duration)>,
}

/// A message, as its tenant sees it.
#[derive(Debug, Clone)]
pub struct WebhookMessage {
    /// Its id.
    pub id: Uuid,
    /// What it tells.
    pub event: String,
    /// When that happened.
    pub occurred_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the next attempt is due; `None` if there is none.
    pub due_at: Option<Timestamp>,
    /// When the last attempt was made.
    pub attempted_at: Option<Timestamp>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// The beginning of the last answer, or why there was none.
    pub note: Option<String>,
    /// When the endpoint took it.
    pub delivered_at: Option<Timestamp>,
}

/// A message that is being sent, and its endpoint.
#[derive(Debug, Clone)]
pub struct DueMessage {
    /// Whose the endpoint is.
    pub owner: WebhookOwner,
    /// The name of the tenant whose it is; `None` if it is the operators'.
    pub tenant_name: Option<String>,
    /// The endpoint.
    pub webhook: Uuid,
    /// Where the message is sent to.
    pub url: String,
    /// The texts of the secrets that sign it.
    pub secrets: Vec<String>,
    /// Its id.
    pub id: Uuid,
    /// What it tells.
    pub event: String,
    /// The data of the event: a JSON object.
    pub data: String,
    /// When the event happened.
    pub occurred_at: Timestamp,
    /// How many attempts were made before.
    pub attempts: u32,
    /// How many attempts at the endpoint failed since the last that did not.
    pub failures: u32,
    /// Since when attempts at the endpoint fail.
    pub failing_since: Option<Timestamp>,
    /// When the lease ends, by which the store knows it again.
    pub lease_until: Timestamp,
    /// The store's time.
    pub now: Timestamp,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageOutcome {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub note: String,
    /// Whether the endpoint took the message.
    pub is_delivered: bool,
    /// When the message is sent again, if it is.
    pub again_after: Option<Duration>,
    /// For how long no message is sent to the endpoint.
    pub hold: Duration,
    /// Why the endpoint is disabled, if it is.
    pub disable: Option<String>,
}

/// Returns the data of an event of a job.
pub(super) fn job_data(
    id: JobId,
    total: u32,
    counts: Counts,
    is_cancelled: bool,
    is_dry_run: bool,
    undoes: Option<JobId>,
) -> String {
    let mut data = json!({
        "id": id.to_string(),
        "status": "completed",
        "total": total,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "url": format!("/api/contacts/job/{id}"),
    });
    if is_cancelled && let Some(data) = data.as_object_mut() {
        data.insert(String::from("notProcessed"), json!(total.saturating_sub(counts.processed())));
    }
    if is_dry_run && let Some(data) = data.as_object_mut() {
        data.insert(String::from("dryRun"), json!(true));
    }
    if let (Some(undone), Some(data)) = (undoes, data.as_object_mut()) {
        data.insert(String::from("deleted"), json!(counts.deleted));
        data.insert(String::from("undoes"), json!(undone.to_string()));
    }
    data.to_string()
}

/// Returns why an endpoint that is disabled on request is disabled.
pub(super) fn disable_reason(change: &WebhookChange) -> &'static str {
    if change.is_by_operators { "It was disabled by an operator." } else { "It was disabled by its tenant." }
}

/// Time in which operators are told once of a component of a tenant.
const FAILING_INTERVAL: Duration = Duration::from_secs(60 * 60);

impl FailingComponent<'_> {
    /// Returns the id of the message to an endpoint, which is the same for an hour and on all servers.
    pub(super) fn message_id(&self, webhook: Uuid, now: Timestamp) -> Uuid {
        let hour = now.0.div_euclid(i64::try_from(FAILING_INTERVAL.as_micros()).unwrap_or(i64::MAX));
        let mut hasher = Sha256::new();
        hasher.update(webhook.as_bytes());
        hasher.update(self.tenant.0.to_be_bytes());
        hasher.update(self.component.0);
        hasher.update(hour.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hasher.finalize()).for_each(|(byte, hashed)| *byte = hashed);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// Returns the data of the event.
    pub(super) fn data(&self) -> String {
        json!({
            "tenant": self.tenant_name,
            "component": self.component.to_string(),
            "failure": self.failure,
            "failures": self.failures,
            "suspendedSeconds": self.suspended_for.as_secs(),
        })
        .to_string()
    }
}

/// Logs that messages were deleted that their endpoint had not taken, if there are any.
pub(super) fn log_dropped(tenant: Option<&str>, webhook: Uuid, count: u64) {
    if count > 0 {
        tracing::warn!(
            event = "webhook_messages_dropped",
            tenant,
            %webhook,
            count,
            "messages were deleted that an endpoint had not taken, because it has more than are kept"
        );
    }
}

/// Returns events as a column has them, with blanks around each.
pub(super) fn events_column(events: &[WebhookEvent]) -> String {
    events.iter().fold(String::from(" "), |column, event| column + event.as_str() + " ")
}

/// Reads what [`events_column`] returns. Events of later versions are passed over.
pub(super) fn read_events(column: &str) -> Vec<WebhookEvent> {
    column.split_ascii_whitespace().filter_map(WebhookEvent::parse).collect()
}
