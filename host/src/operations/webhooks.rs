//! A tenant's webhooks, as operators see and change them, and their forms for clients and operators alike.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::audit::{Act, Action};
use super::{OperationError, Operations};
use crate::jobs::{WebhookError, Webhooks};
use crate::store::{WebhookChange, WebhookEvent, WebhookMessage, WebhookOwner, WebhookRecord};
use crate::webhooks::{SigningSecret, WebhookNetworks};

/// What the public id of a message begins with.
const MESSAGE_PREFIX: &str = "msg_";

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
    /// As in the message itself.
    r#type: String,
    /// As in the message itself: when the event happened.
    timestamp: String,
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
            r#type: message.event,
            timestamp: message.occurred_at.to_wire(),
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
    /// Also lets endpoints be added in networks that are not the public Internet.
    #[must_use]
    pub fn with_webhook_networks(self, webhook_networks: WebhookNetworks) -> Self {
        Self { webhook_networks, ..self }
    }

    /// Returns the endpoints of the operators.
    pub fn operators_webhooks(&self) -> Webhooks {
        self.webhooks_of(WebhookOwner::Operators)
    }

    /// Returns a tenant's endpoints, for all that tenants can do themselves.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn tenants_webhooks(&self, tenant: &str) -> Result<Webhooks, OperationError> {
        Ok(self.webhooks_of(WebhookOwner::Tenant(self.known_tenant(tenant)?.id)))
    }

    fn webhooks_of(&self, owner: WebhookOwner) -> Webhooks {
        Webhooks::new(Arc::clone(&self.store), owner, self.webhook_networks.clone())
    }

    /// Adds a webhook to a tenant. The view has the secret, which is shown this once.
    ///
    /// # Errors
    /// If there is no such tenant, the URL cannot be used, or the tenant has as many webhooks as it may.
    pub fn add_webhook(
        &self,
        tenant: &str,
        url: &str,
        events: Option<Vec<WebhookEvent>>,
    ) -> Result<WebhookView, OperationError> {
        self.record(Act::new(Action::AddWebhook).tenant(tenant), |act| {
            let webhooks = self.tenants_webhooks(tenant)?;
            let url = webhooks.parse_url(url)?;
            let (webhook, secret) =
                webhooks.add(&url, events).map_err(|error| OperationError::of_webhook(error, tenant, Uuid::nil()))?;
            act.learn_object(webhook.id);
            Ok(WebhookView::new(webhook, Some(&secret)))
        })
    }

    /// Returns a tenant's webhooks, the oldest first.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn webhooks(&self, tenant: &str) -> Result<Vec<WebhookView>, OperationError> {
        let webhooks = self.of_tenant(tenant, Uuid::nil(), Webhooks::list)?;
        Ok(webhooks.into_iter().map(|webhook| WebhookView::new(webhook, None)).collect())
    }

    /// Returns endpoints of the operators and of all tenants, with the tenant's name, those that fail or are disabled first: at most
    /// `limit`.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn all_webhooks(&self, limit: u32) -> Result<Vec<(Option<String>, WebhookRecord)>, OperationError> {
        Ok(self.store.all_webhooks(limit)?)
    }

    /// Enables a webhook, which also sends what it missed, or disables it.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn enable_webhook(&self, tenant: &str, id: Uuid, is_enabled: bool) -> Result<WebhookView, OperationError> {
        let change = WebhookChange { is_enabled: Some(is_enabled), is_by_operators: true, ..WebhookChange::default() };
        let act = Act::new(Action::ChangeWebhook).tenant(tenant).object(id).detail("enabled", is_enabled);
        let changed = self.record(act, |_| self.of_tenant(tenant, id, |webhooks| webhooks.change(id, &change)))?;
        Ok(WebhookView::new(changed, None))
    }

    /// Removes a webhook with its messages.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn remove_webhook(&self, tenant: &str, id: Uuid) -> Result<(), OperationError> {
        let act = Act::new(Action::RemoveWebhook).tenant(tenant).object(id);
        self.record(act, |_| self.of_tenant(tenant, id, |webhooks| webhooks.remove(id)))
    }

    /// Returns the newest messages of a webhook.
    ///
    /// # Errors
    /// If there is no such tenant or webhook.
    pub fn webhook_messages(&self, tenant: &str, id: Uuid) -> Result<Vec<WebhookMessageView>, OperationError> {
        let messages = self.of_tenant(tenant, id, |webhooks| webhooks.messages(id))?;
        Ok(messages.into_iter().map(WebhookMessageView::from).collect())
    }

    /// Has all messages of a webhook sent again that were not taken. Returns how many.
    ///
    /// # Errors
    /// If there is no such tenant or webhook, or the webhook is disabled.
    pub fn replay_webhook(&self, tenant: &str, id: Uuid) -> Result<u64, OperationError> {
        let act = Act::new(Action::ReplayWebhook).tenant(tenant).object(id);
        self.record(act, |_| self.of_tenant(tenant, id, |webhooks| webhooks.replay(id)))
    }

    /// Does something to the endpoint `id` of a tenant.
    fn of_tenant<T>(
        &self,
        tenant: &str,
        id: Uuid,
        work: impl FnOnce(&Webhooks) -> Result<T, WebhookError>,
    ) -> Result<T, OperationError> {
        work(&self.tenants_webhooks(tenant)?).map_err(|error| OperationError::of_webhook(error, tenant, id))
    }
}
