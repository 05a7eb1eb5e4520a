//! Endpoints that want to be told of events: what tenants can ask for theirs, and operators for theirs.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::store::{
    NewWebhook, Store, StoreError, TEST_EVENT, WebhookChange, WebhookEvent, WebhookMessage, WebhookOwner, WebhookRecord,
};
use crate::webhooks::{EndpointUrl, EndpointUrlError, SigningSecret, WebhookNetworks};

/// Endpoints that an owner may have.
const MAX_WEBHOOKS: u32 = 10;
/// How long the secret before the present one signs beside it.
const OLD_SECRET_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Tests of an endpoint in [`TEST_INTERVAL`]: a server is asked to send something for nothing.
pub const MAX_WEBHOOK_TESTS: usize = 10;
const TEST_INTERVAL: Duration = Duration::from_secs(60);
/// Messages that are listed.
const MAX_LISTED: u32 = 100;

/// An owner's endpoints, and the messages to them. All methods block.
pub struct Webhooks {
    store: Arc<dyn Store>,
    owner: WebhookOwner,
    networks: WebhookNetworks,
}

/// Why a call about endpoints fails. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no random bytes for a secret.
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The owner has no such endpoint.
    #[error("there is no such webhook")]
    Unknown,
    /// The endpoint has no such message.
    #[error("there is no such message")]
    UnknownMessage,
    /// No messages are sent to the endpoint.
    #[error("the webhook is disabled")]
    Disabled,
    /// The owner has as many endpoints as it may.
    #[error("there are {0} webhooks, which is the limit")]
    TooMany(u32),
    /// The endpoint was tested too often in the last minute.
    #[error("the webhook was tested {MAX_WEBHOOK_TESTS} times in the last minute, which is the limit")]
    TooManyTests,
}

impl Webhooks {
    /// Makes the endpoints of an owner, for servers that also send messages to `networks`.
    pub fn new(store: Arc<dyn Store>, owner: WebhookOwner, networks: WebhookNetworks) -> Self {
        Self { store, owner, networks }
    }

    /// Returns whose the endpoints are.
    pub fn owner(&self) -> WebhookOwner {
        self.owner
    }

    /// Parses the URL of an endpoint that is to be added or changed.
    ///
    /// # Errors
    /// If it is none, or one to which no message would ever be sent.
    pub fn parse_url(&self, text: &str) -> Result<EndpointUrl, EndpointUrlError> {
        self.networks.check(EndpointUrl::parse(text)?)
    }

    /// Adds an endpoint, which is told of `events`; without any, of all that its owner can be told of. Returns its secret, too.
    ///
    /// # Errors
    /// If the owner has as many endpoints as it may.
    pub fn add(
        &self,
        url: &EndpointUrl,
        events: Option<Vec<WebhookEvent>>,
    ) -> Result<(WebhookRecord, SigningSecret), WebhookError> {
        let secret = SigningSecret::random()?;
        let events = events.unwrap_or_else(|| WebhookEvent::of(self.owner));
        let webhook = NewWebhook { id: Uuid::new_v4(), url: url.to_string(), events, secret: secret.reveal() };
        if !self.store.add_webhook(self.owner, &webhook, MAX_WEBHOOKS)? {
            return Err(WebhookError::TooMany(MAX_WEBHOOKS));
        }
        Ok((self.find(webhook.id)?, secret))
    }

    /// Returns all endpoints, the oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn list(&self) -> Result<Vec<WebhookRecord>, WebhookError> {
        Ok(self.store.webhooks(self.owner)?)
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, id: Uuid) -> Result<WebhookRecord, WebhookError> {
        self.list()?.into_iter().find(|webhook| webhook.id == id).ok_or(WebhookError::Unknown)
    }

    /// Changes an endpoint, and returns it.
    ///
    /// # Errors
    /// If there is none.
    pub fn change(&self, id: Uuid, change: &WebhookChange) -> Result<WebhookRecord, WebhookError> {
        known(self.store.change_webhook(self.owner, id, change)?)?;
        self.find(id)
    }

    /// Gives an endpoint another secret; the one before it signs beside it for a day.
    ///
    /// # Errors
    /// If there is no such endpoint.
    pub fn replace_secret(&self, id: Uuid) -> Result<(WebhookRecord, SigningSecret), WebhookError> {
        let secret = SigningSecret::random()?;
        let change = WebhookChange { secret: Some((secret.reveal(), OLD_SECRET_TIME)), ..WebhookChange::default() };
        Ok((self.change(id, &change)?, secret))
    }

    /// Removes an endpoint with its messages.
    ///
    /// # Errors
    /// If there is none.
    pub fn remove(&self, id: Uuid) -> Result<(), WebhookError> {
        known(self.store.remove_webhook(self.owner, id)?)
    }

    /// Has a message sent that shows whether an endpoint takes messages. Returns the message's id.
    ///
    /// # Errors
    /// If there is no such endpoint, it is disabled, or it was tested too often.
    pub fn test(&self, id: Uuid) -> Result<Uuid, WebhookError> {
        self.find_enabled(id)?;
        let since = self.store.now().before(TEST_INTERVAL);
        let is_recent_test = |message: &&WebhookMessage| message.event == TEST_EVENT && message.occurred_at > since;
        let newest = self.store.webhook_messages(self.owner, id, MAX_LISTED)?;
        if newest.iter().filter(is_recent_test).count() >= MAX_WEBHOOK_TESTS {
            return Err(WebhookError::TooManyTests);
        }
        self.store.test_webhook(self.owner, id)?.ok_or(WebhookError::Unknown)
    }

    /// Returns the newest 100 messages of an endpoint, the newest first.
    ///
    /// # Errors
    /// If there is no such endpoint.
    pub fn messages(&self, id: Uuid) -> Result<Vec<WebhookMessage>, WebhookError> {
        self.find(id)?;
        Ok(self.store.webhook_messages(self.owner, id, MAX_LISTED)?)
    }

    /// Has all messages sent again that an endpoint did not take. Returns how many.
    ///
    /// # Errors
    /// If there is no such endpoint, or it is disabled.
    pub fn replay(&self, id: Uuid) -> Result<u64, WebhookError> {
        self.find_enabled(id)?;
        Ok(self.store.replay_messages(self.owner, id, None)?)
    }

    /// Has one message sent again, also one that was taken.
    ///
    /// # Errors
    /// If there is no such endpoint or message, or the endpoint is disabled.
    pub fn replay_one(&self, id: Uuid, message: Uuid) -> Result<(), WebhookError> {
        self.find_enabled(id)?;
        match self.store.replay_messages(self.owner, id, Some(message))? {
            0 => Err(WebhookError::UnknownMessage),
            _ => Ok(()),
        }
    }

    fn find_enabled(&self, id: Uuid) -> Result<WebhookRecord, WebhookError> {
        let webhook = self.find(id)?;
        if webhook.disabled.is_some() { Err(WebhookError::Disabled) } else { Ok(webhook) }
    }
}

fn known(is_known: bool) -> Result<(), WebhookError> {
    if is_known { Ok(()) } else { Err(WebhookError::Unknown) }
}
