//! Endpoints of tenants that want to be told of events: what clients can ask for.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::TenantId;
use crate::jobs::{Service, ServiceError};
use crate::store::{NewWebhook, WebhookChange, WebhookEvent, WebhookMessage, WebhookRecord};
use crate::webhooks::{EndpointUrl, SigningSecret, WebhookNetworks};

/// Endpoints that a tenant may have.
pub const MAX_WEBHOOKS: u32 = 10;
/// How long the secret before the present one signs beside it.
const OLD_SECRET_TIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Service {
    /// Returns the networks besides the public Internet that messages may be sent to.
    pub fn webhook_networks(&self) -> &WebhookNetworks {
        &self.webhook_networks
    }

    /// Adds an endpoint, and returns its id; `None` if the tenant has as many as it may.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn add_webhook(
        &self,
        tenant: TenantId,
        url: &EndpointUrl,
        events: Vec<WebhookEvent>,
        secret: &SigningSecret,
    ) -> Result<Option<Uuid>, ServiceError> {
        let webhook = NewWebhook { id: Uuid::new_v4(), url: url.to_string(), events, secret: secret.reveal() };
        Ok(self.store().add_webhook(tenant, &webhook, MAX_WEBHOOKS)?.then_some(webhook.id))
    }

    /// Returns a tenant's endpoints, the oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn webhooks(&self, tenant: TenantId) -> Result<Vec<WebhookRecord>, ServiceError> {
        Ok(self.store().webhooks(tenant)?)
    }

    /// Changes an endpoint. Returns `false` if the tenant has no such endpoint.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn change_webhook(&self, tenant: TenantId, id: Uuid, change: &WebhookChange) -> Result<bool, ServiceError> {
        Ok(self.store().change_webhook(tenant, id, change)?)
    }

    /// Gives an endpoint another secret; the one before it signs beside it for a day. Returns `false` if the tenant has no such
    /// endpoint.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn replace_webhook_secret(
        &self,
        tenant: TenantId,
        id: Uuid,
        secret: &SigningSecret,
    ) -> Result<bool, ServiceError> {
        let change = WebhookChange { secret: Some((secret.reveal(), OLD_SECRET_TIME)), ..WebhookChange::default() };
        self.change_webhook(tenant, id, &change)
    }

    /// Removes an endpoint with its messages. Returns `false` if the tenant has no such endpoint.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn remove_webhook(&self, tenant: TenantId, id: Uuid) -> Result<bool, ServiceError> {
        Ok(self.store().remove_webhook(tenant, id)?)
    }

    /// Has a message sent that shows whether an endpoint takes messages. Returns the message's id; `None` if the tenant has no
    /// such endpoint.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn test_webhook(&self, tenant: TenantId, id: Uuid) -> Result<Option<Uuid>, ServiceError> {
        Ok(self.store().test_webhook(tenant, id)?)
    }

    /// Returns the newest messages of an endpoint.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn webhook_messages(
        &self,
        tenant: TenantId,
        id: Uuid,
        limit: u32,
    ) -> Result<Vec<WebhookMessage>, ServiceError> {
        Ok(self.store().webhook_messages(tenant, id, limit)?)
    }

    /// Has messages sent again: one, or all that were not taken. Returns how many.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn replay_messages(&self, tenant: TenantId, id: Uuid, message: Option<Uuid>) -> Result<u64, ServiceError> {
        Ok(self.store().replay_messages(tenant, id, message)?)
    }
}
