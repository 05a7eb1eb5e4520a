//! A tenant's webhooks, as operators see and change them, and their forms for clients and operators alike.

use serde::Serialize;
use uuid::Uuid;

use super::{OperationError, Operations};
use crate::domain::TenantId;
use crate::jobs::MAX_WEBHOOKS;
use crate::store::{NewWebhook, WebhookChange, WebhookEvent, WebhookMessage, WebhookRecord};
use crate::webhooks::{EndpointUrl, SigningSecret};

/// What the public id of a message begins with.
const MESSAGE_PREFIX: &str = "msg_";
/// Messages that are listed.
const MAX_LISTED: u32 = 100;

/// A webhook as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    id: String,
    url: String,
    events: Vec<&'static str>,
    enabled: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    /// Attempts that failed since the last that did not.
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// Only when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A message as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessageView {
    id: String,
    event: String,
    occurred_at: String,
    attempts: u32,
    delivered_at: Option<String>,
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The beginning of the last answer, or why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl WebhookView {
    /// Shows a webhook, with its secret if that was just made.
    pub fn new(record: WebhookRecord, secret: Option<&SigningSecret>) -> Self {
        let (disabled_at, disabled_reason) = record.disabled.unzip();
        Self {
            id: record.id.to_string(),
            url: record.url,
            events: record.events.into_iter().map(WebhookEvent::as_str).collect(),
            enabled: disabled_at.is_none(),
            created_at: record.created_at.to_wire(),
            disabled_at: disabled_at.map(|moment| moment.to_wire()),
            disabled_reason,
            failures: record.failures,
            failing_since: record.failing_since.map(|moment| moment.to_wire()),
            secret: secret.map(SigningSecret::reveal),
        }
    }
}

impl From<WebhookMessage> for WebhookMessageView {
    fn from(message: WebhookMessage) -> Self {
        Self {
            id: Self::public_id(message.id),
            event: message.event,
            occurred_at: message.occurred_at.to_wire(),
            attempts: message.attempts,
            delivered_at: message.delivered_at.map(|moment| moment.to_wire()),
            next_attempt_at: message.due_at.map(|moment| moment.to_wire()),
            attempted_at: message.attempted_at.map(|moment| moment.to_wire()),
            status: message.status,
            note: message.note,
        }
    }
}

impl WebhookMessageView {
    /// Returns the public id of a message.
    pub fn public_id(id: Uuid) -> String {
        format!("{MESSAGE_PREFIX}{}", id.simple())
    }

    /// Reads the public id of a message.
    pub fn parse_id(text: &str) -> Option<Uuid> {
        let digits = text.strip_prefix(MESSAGE_PREFIX)?;
        (digits.len() == 32).then(|| Uuid::try_parse(digits).ok()).flatten()
    }
}

impl Operations {
    /// Adds a webhook to a tenant. The view has the secret, which is shown this once.
    ///
    /// # Errors
    /// If there is no such tenant, or the tenant has as many webhooks as it may.
    pub fn add_webhook(
        &self,
        tenant: &str,
        url: &EndpointUrl,
        events: &[WebhookEvent],
    ) -> Result<WebhookView, OperationError> {
        let id = self.tenant_id(tenant)?;
        let secret = SigningSecret::random()?;
        let events = if events.is_empty() { WebhookEvent::ALL.to_vec() } else { events.to_vec() };
        let webhook = NewWebhook { id: Uuid::new_v4(), url: url.to_string(), events, secret: secret.reveal() };
        if !self.store.add_webhook(id, &webhook, MAX_WEBHOOKS)? {
            return Err(OperationError::TooManyWebhooks { tenant: tenant.to_owned(), limit: MAX_WEBHOOKS });
        }
        Ok(WebhookView::new(self.webhook(tenant, webhook.id)?, Some(&secret)))
    }

    /// Returns a tenant's webhooks, the oldest first.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn webhooks(&self, tenant: &str) -> Result<Vec<WebhookView>, OperationError> {
        let webhooks = self.store.webhooks(self.tenant_id(tenant)?)?;
        Ok(webhooks.into_iter().map(|record| WebhookView::new(record, None)).collect())
    }

    /// Enables a webhook, which also sends what it missed, or disables it.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn enable_webhook(&self, tenant: &str, id: Uuid, is_enabled: bool) -> Result<WebhookView, OperationError> {
        let change = WebhookChange { is_enabled: Some(is_enabled), ..WebhookChange::default() };
        self.store.change_webhook(self.tenant_id(tenant)?, id, &change)?;
        Ok(WebhookView::new(self.webhook(tenant, id)?, None))
    }

    /// Removes a webhook with its messages.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn remove_webhook(&self, tenant: &str, id: Uuid) -> Result<(), OperationError> {
        let is_known = self.store.remove_webhook(self.tenant_id(tenant)?, id)?;
        if is_known { Ok(()) } else { Err(OperationError::UnknownWebhook { tenant: tenant.to_owned(), id }) }
    }

    /// Returns the newest messages of a webhook.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn webhook_messages(&self, tenant: &str, id: Uuid) -> Result<Vec<WebhookMessageView>, OperationError> {
        self.webhook(tenant, id)?;
        let messages = self.store.webhook_messages(self.tenant_id(tenant)?, id, MAX_LISTED)?;
        Ok(messages.into_iter().map(WebhookMessageView::from).collect())
    }

    /// Has all messages of a webhook sent again that were not taken. Returns how many.
    ///
    /// # Errors
    /// If there is no such tenant or webhook, or the webhook is disabled.
    pub fn replay_webhook(&self, tenant: &str, id: Uuid) -> Result<u64, OperationError> {
        if self.webhook(tenant, id)?.disabled.is_some() {
            return Err(OperationError::DisabledWebhook { tenant: tenant.to_owned(), id });
        }
        Ok(self.store.replay_messages(self.tenant_id(tenant)?, id, None)?)
    }

    fn webhook(&self, tenant: &str, id: Uuid) -> Result<WebhookRecord, OperationError> {
        let webhooks = self.store.webhooks(self.tenant_id(tenant)?)?;
        let found = webhooks.into_iter().find(|webhook| webhook.id == id);
        found.ok_or_else(|| OperationError::UnknownWebhook { tenant: tenant.to_owned(), id })
    }

    fn tenant_id(&self, tenant: &str) -> Result<TenantId, OperationError> {
        let known = self.store.tenant(tenant)?.map(|tenant| tenant.id);
        known.ok_or_else(|| OperationError::UnknownTenant(tenant.to_owned()))
    }
}
