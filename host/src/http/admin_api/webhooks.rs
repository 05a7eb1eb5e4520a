//! `/admin/webhooks` and `/admin/tenants/{tenant}/webhooks`, whose changes are in the audit log.

use hyper::header::LOCATION;
use uuid::Uuid;

use crate::http::body::ItemBody;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::webhooks::{self, WebhookCall};
use crate::operations::{Act, Action, Operations};

/// Answers a call about the operators' endpoints; blocks. `body` is that of calls that have one.
pub(super) fn answer(operations: &Operations, call: WebhookCall, body: Option<ItemBody>) -> Result<Reply, Problem> {
    let endpoints = operations.operators_webhooks();
    let act = match call {
        WebhookCall::List | WebhookCall::Read(_) | WebhookCall::ListMessages(_) => {
            return webhooks::answer(&endpoints, call, body);
        }
        WebhookCall::Add => Act::new(Action::AddWebhook),
        WebhookCall::Change(id) => Act::new(Action::ChangeWebhook).object(id),
        WebhookCall::Remove(id) => Act::new(Action::RemoveWebhook).object(id),
        WebhookCall::ReplaceSecret(id) => Act::new(Action::ReplaceWebhookSecret).object(id),
        WebhookCall::Test(id) => Act::new(Action::TestWebhook).object(id),
        WebhookCall::Replay(id) => Act::new(Action::ReplayWebhook).object(id),
        WebhookCall::ReplayOne(id, message) => {
            Act::new(Action::ReplayWebhook).object(id).detail("message", message.to_string())
        }
    };
    operations.recorded(act, why, |act| {
        let reply = webhooks::answer(&endpoints, call, body)?;
        // A new endpoint is named by its place.
        let place = reply.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        if let Some((_, id)) = place.and_then(|place| place.rsplit_once('/')) {
            act.learn_object(id);
        }
        Ok(reply)
    })
}

/// Lists a tenant's endpoints; blocks.
pub(super) fn list(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    webhooks::list(&operations.tenants_webhooks(tenant)?)
}

/// Enables or disables a tenant's endpoint; blocks.
pub(super) fn switch(operations: &Operations, tenant: &str, id: Uuid, body: ItemBody) -> Result<Reply, Problem> {
    let act = Act::new(Action::ChangeWebhook).tenant(tenant).object(id);
    operations.recorded(act, why, |_| webhooks::switch(&operations.tenants_webhooks(tenant)?, id, body))
}

fn why(problem: &Problem) -> String {
    problem.message().to_owned()
}
