//! `/admin/webhooks` and `/admin/tenants/{tenant}/webhooks`, whose changes are in the audit log.

use hyper::header::LOCATION;
use uuid::Uuid;

use crate::http::body::ItemBody;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::webhooks::{self, WebhookCall};
use crate::jobs::Webhooks;
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
        if let WebhookCall::Change(id) = call {
            return recorded_change(act, &endpoints, id, || webhooks::answer(&endpoints, call, body));
        }
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
    operations.recorded(act, why, |act| {
        let endpoints = operations.tenants_webhooks(tenant)?;
        recorded_change(act, &endpoints, id, || webhooks::switch(&endpoints, id, body))
    })
}

/// Says in the audit log what a change made different. A URL can be secret.
fn recorded_change(
    act: &mut Act,
    endpoints: &Webhooks,
    id: Uuid,
    change: impl FnOnce() -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let before = endpoints.find(id)?;
    let reply = change()?;
    let after = endpoints.find(id)?;
    let changed = [
        ("url", before.url != after.url),
        ("events", before.events != after.events),
        ("enabled", before.disabled.is_some() != after.disabled.is_some()),
    ];
    let changed: Vec<&str> = changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
    act.learn("changed", changed);
    act.learn("enabled", after.disabled.is_none());
    Ok(reply)
}

fn why(problem: &Problem) -> String {
    problem.message().to_owned()
}
