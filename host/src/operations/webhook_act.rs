//! What is done to webhooks over HTTP, by tenants to theirs and by operators to theirs. What operators do is in the audit log.

use uuid::Uuid;

use super::audit::{Act, Action};
use super::{OperationError, Operations};
use crate::jobs::{WebhookError, Webhooks};
use crate::store::{WebhookChange, WebhookEvent, WebhookRecord};
use crate::webhooks::{EndpointUrl, SigningSecret};

/// What is to be done to the webhooks of an owner.
#[derive(Debug)]
pub enum WebhookAct {
    /// Adds a webhook, which is told of these events; without any, of all that its owner can be told of.
    Add(EndpointUrl, Option<Vec<WebhookEvent>>),
    /// Changes a webhook.
    Change(Uuid, WebhookChange),
    /// Removes a webhook with its messages.
    Remove(Uuid),
    /// Gives a webhook another secret.
    ReplaceSecret(Uuid),
    /// Has a message sent that shows whether a webhook takes messages.
    Test(Uuid),
    /// Has all messages sent again that a webhook did not take.
    Replay(Uuid),
    /// Has one message of a webhook sent again.
    ReplayOne(Uuid, Uuid),
}

/// What came of it.
#[derive(Debug)]
pub enum WebhookOutcome {
    /// The new webhook and its secret, which is shown this once.
    Added(WebhookRecord, SigningSecret),
    /// The webhook as it is now.
    Changed(WebhookRecord),
    /// The webhook is gone.
    Removed,
    /// The webhook and its new secret, which is shown this once.
    NewSecret(WebhookRecord, SigningSecret),
    /// The id of the message.
    Tested(Uuid),
    /// How many messages are sent again.
    Replayed(u64),
}

/// Why something could not be done to the operators' webhooks. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorsWebhookError {
    /// The audit log takes no entry.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The webhooks cannot do that.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

impl WebhookAct {
    /// Does it to the webhooks of an owner.
    ///
    /// # Errors
    /// As the method of [`Webhooks`] that does it.
    pub fn perform(self, webhooks: &Webhooks) -> Result<WebhookOutcome, WebhookError> {
        Ok(match self {
            Self::Add(url, events) => {
                let (webhook, secret) = webhooks.add(&url, events)?;
                WebhookOutcome::Added(webhook, secret)
            }
            Self::Change(id, change) => WebhookOutcome::Changed(webhooks.change(id, &change)?),
            Self::Remove(id) => {
                webhooks.remove(id)?;
                WebhookOutcome::Removed
            }
            Self::ReplaceSecret(id) => {
                let (webhook, secret) = webhooks.replace_secret(id)?;
                WebhookOutcome::NewSecret(webhook, secret)
            }
            Self::Test(id) => WebhookOutcome::Tested(webhooks.test(id)?),
            Self::Replay(id) => WebhookOutcome::Replayed(webhooks.replay(id)?),
            Self::ReplayOne(id, message) => {
                webhooks.replay_one(id, message)?;
                WebhookOutcome::Replayed(1)
            }
        })
    }

    /// Describes it for the audit log. A URL can be secret, so none is described.
    fn describe(&self) -> Act {
        match self {
            Self::Add(..) => Act::new(Action::AddWebhook),
            Self::Change(id, _) => Act::new(Action::ChangeWebhook).object(id),
            Self::Remove(id) => Act::new(Action::RemoveWebhook).object(id),
            Self::ReplaceSecret(id) => Act::new(Action::ReplaceWebhookSecret).object(id),
            Self::Test(id) => Act::new(Action::TestWebhook).object(id),
            Self::Replay(id) => Act::new(Action::ReplayWebhook).object(id),
            Self::ReplayOne(id, message) => {
                Act::new(Action::ReplayWebhook).object(id).detail("message", message.to_string())
            }
        }
    }

    /// Returns the webhook that is to be changed.
    fn changed_id(&self) -> Option<Uuid> {
        match self {
            Self::Change(id, _) => Some(*id),
            _ => None,
        }
    }
}

impl Operations {
    /// Does something to the operators' own webhooks.
    ///
    /// # Errors
    /// As [`WebhookAct::perform`], and if there can be no entry in the audit log.
    pub fn act_on_own_webhooks(&self, act: WebhookAct) -> Result<WebhookOutcome, OperatorsWebhookError> {
        let webhooks = self.operators_webhooks();
        self.recorded(act.describe(), OperatorsWebhookError::to_string, |entry| {
            let before = act.changed_id().map(|id| webhooks.find(id)).transpose()?;
            let outcome = act.perform(&webhooks)?;
            match (&outcome, before) {
                (WebhookOutcome::Added(webhook, _), _) => entry.learn_object(webhook.id),
                (WebhookOutcome::Changed(webhook), Some(before)) => learn_change(entry, &before, webhook),
                _ => {}
            }
            Ok(outcome)
        })
    }
}

/// Says in the audit log what a change made different.
fn learn_change(entry: &mut Act, before: &WebhookRecord, after: &WebhookRecord) {
    let changed = [
        ("url", before.url != after.url),
        ("events", before.events != after.events),
        ("enabled", before.disabled.is_some() != after.disabled.is_some()),
    ];
    let changed: Vec<&str> = changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
    entry.learn("changed", changed);
    entry.learn("enabled", after.disabled.is_none());
}
