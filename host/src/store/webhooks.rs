//! Where tenants want to be told of events, and the messages to them.
//!
//! The transaction in which an event happens also stores its messages, one for each endpoint that wants it. A server takes a
//! message under a lease, sends it, and stores what came of it.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{Counts, JobId, TenantId, Timestamp};

/// Messages of an endpoint that are kept; older ones go.
pub(super) const MAX_MESSAGES: i64 = 1_000;

/// The event of a message that shows whether an endpoint takes messages.
pub const TEST_EVENT: &str = "webhook.test";

/// What a tenant can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WebhookEvent {
    /// Each item of a job has its row.
    JobCompleted,
    /// A job was cancelled.
    JobCancelled,
}

impl WebhookEvent {
    /// All events.
    pub const ALL: [Self; 2] = [Self::JobCompleted, Self::JobCancelled];

    /// Returns the event's name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobCompleted => "job.completed",
            Self::JobCancelled => "job.cancelled",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

/// Endpoints and their messages.
pub trait WebhookStore {
    /// Adds an endpoint, unless the tenant has `max` endpoints. Returns whether it was added.
    fn add_webhook(&self, tenant: TenantId, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError>;

    /// Returns a tenant's endpoints, the oldest first.
    fn webhooks(&self, tenant: TenantId) -> Result<Vec<WebhookRecord>, StoreError>;

    /// Changes an endpoint. Returns `false` if the tenant has no such endpoint.
    fn change_webhook(&self, tenant: TenantId, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError>;

    /// Removes an endpoint with its messages. Returns `false` if the tenant has no such endpoint.
    fn remove_webhook(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError>;

    /// Stores a message that shows whether the endpoint takes messages, and returns its id; `None` if the tenant has no such
    /// endpoint.
    fn test_webhook(&self, tenant: TenantId, id: Uuid) -> Result<Option<Uuid>, StoreError>;

    /// Returns the newest messages of an endpoint, at most `limit`.
    fn webhook_messages(&self, tenant: TenantId, webhook: Uuid, limit: u32) -> Result<Vec<WebhookMessage>, StoreError>;

    /// Makes messages due that were not taken, as if they were new; or one message, also one that was taken. Returns how many.
    fn replay_messages(&self, tenant: TenantId, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError>;

    /// Takes a message that is due, of an endpoint of which no other is being sent, for the time of a lease. Passes over tenants.
    fn take_message(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<DueMessage>, StoreError>;

    /// Stores what came of an attempt. Does nothing if the lease was lost.
    fn finish_message(&self, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), StoreError>;
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
    /// The tenant.
    pub tenant: TenantId,
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
pub(super) fn job_data(id: JobId, total: u32, counts: Counts, is_cancelled: bool, is_dry_run: bool) -> String {
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
    data.to_string()
}

/// Returns events as a column has them, with blanks around each.
pub(super) fn events_column(events: &[WebhookEvent]) -> String {
    events.iter().fold(String::from(" "), |column, event| column + event.as_str() + " ")
}

/// Reads what [`events_column`] returns. Events of later versions are passed over.
pub(super) fn read_events(column: &str) -> Vec<WebhookEvent> {
    column.split_ascii_whitespace().filter_map(WebhookEvent::parse).collect()
}
