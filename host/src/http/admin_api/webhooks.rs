//! `/admin/webhooks` and `/admin/tenants/{tenant}/webhooks`.

use uuid::Uuid;

use crate::http::body::ItemBody;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::webhooks::{self, WebhookCall};
use crate::operations::Operations;

/// Answers a call about the operators' endpoints; blocks. `body` is that of calls that have one.
pub(super) fn answer(operations: &Operations, call: WebhookCall, body: Option<ItemBody>) -> Result<Reply, Problem> {
    let endpoints = operations.operators_webhooks();
    webhooks::answer_by(&endpoints, call, body, |act| Ok(operations.act_on_own_webhooks(act)?))
}

/// Lists a tenant's endpoints; blocks.
pub(super) fn list(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    webhooks::list(&operations.tenants_webhooks(tenant)?)
}

/// Enables or disables a tenant's endpoint; blocks.
pub(super) fn switch(operations: &Operations, tenant: &str, id: Uuid, body: ItemBody) -> Result<Reply, Problem> {
    let is_enabled = webhooks::read_switch(&operations.tenants_webhooks(tenant)?, body)?;
    Ok(webhooks::show(operations.enable_webhook(tenant, id, is_enabled)?))
}
