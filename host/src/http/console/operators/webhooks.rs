//! The endpoints of all owners, and the messages to one of them.

use maud::{Markup, html};
use uuid::Uuid;

use super::links::{encoded, tenant_link};
use super::route::EndpointOwner;
use super::{Answer, Asked, looks_only};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{count, exact_moment, moment};
use crate::http::problem::Problem;
use crate::jobs::Webhooks;
use crate::operations::{OperationError, Operations, WebhookAct, WebhookMessageView};
use crate::store::{WebhookChange, WebhookEvent, WebhookMessage, WebhookRecord};

/// Endpoints that are shown.
const MAX_SHOWN: u32 = 200;

/// Returns how many endpoints fail or are disabled, up to those that are shown; blocks.
pub(super) fn failing(operations: &Operations) -> Result<usize, OperationError> {
    let is_failing = |webhook: &WebhookRecord| webhook.disabled.is_some() || webhook.failing_since.is_some();
    Ok(operations.all_webhooks(MAX_SHOWN)?.iter().take_while(|(_, webhook)| is_failing(webhook)).count())
}

/// Returns the page with the endpoints of all owners; blocks.
pub(super) fn list(asked: &Asked) -> Result<Page, Problem> {
    let mut webhooks = asked.operations.all_webhooks(MAX_SHOWN + 1)?;
    let has_more = webhooks.len() > MAX_SHOWN as usize;
    webhooks.truncate(MAX_SHOWN as usize);
    let content = html! {
        @if webhooks.is_empty() {
            div.empty { p { "Nobody wants to be told of anything: there is no webhook." } }
        } @else {
            (table(webhooks.iter().map(|(owner, webhook)| (owner.as_deref(), webhook))))
            p.quiet {
                "Those that fail or are disabled come first."
                @if has_more { " There are more than " (MAX_SHOWN) "; the pages of tenants show theirs." }
            }
        }
    };
    Ok(Page::new("Webhooks", content).at(Place::Webhooks))
}

/// Returns a table of endpoints, each with its owner's name; the operators have none.
pub(super) fn table<'a>(webhooks: impl Iterator<Item = (Option<&'a str>, &'a WebhookRecord)>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Webhooks" {
            table {
                thead { tr { th scope="col" { "URL" } th scope="col" { "Whose" } th scope="col" { "State" } th scope="col" { "Told of" } } }
                tbody { @for (owner, webhook) in webhooks {
                    tr {
                        th scope="row" { a href=(path(owner, webhook.id)) { (webhook.url) } }
                        td { @match owner { Some(name) => (tenant_link(name)), None => "operators" } }
                        td { (state(webhook)) }
                        td { (webhook.events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ")) }
                    }
                } }
            }
        }
    }
}

fn path(owner: Option<&str>, id: Uuid) -> String {
    owner.map_or_else(|| format!("/ops/webhooks/{id}"), |name| format!("/ops/tenants/{}/webhooks/{id}", encoded(name)))
}

fn state(webhook: &WebhookRecord) -> Markup {
    let (kind, words) = match (&webhook.disabled, webhook.failing_since) {
        (Some((at, why)), _) => ("stopped", format!("disabled {}: {why}", moment(*at))),
        (None, Some(since)) => {
            let failures = count(u64::from(webhook.failures), "attempt", "attempts");
            ("partly", format!("{failures} failed since {}", moment(since)))
        }
        (None, None) => ("done", String::from("enabled")),
    };
    html! { span.state.long data-state=(kind) { (words) } }
}

/// Returns the page of an endpoint; blocks.
pub(super) fn page(asked: &Asked, owner: &EndpointOwner, id: Uuid) -> Result<Page, Problem> {
    let webhooks = of(asked, owner)?;
    let webhook = webhooks.find(id)?;
    let messages = webhooks.messages(id)?;
    let path = path(name(owner), id);
    let said = match asked.query.text("done") {
        Some("enabled") => Some("It is enabled, and gets what it missed."),
        Some("disabled") => Some("It is disabled."),
        Some("replayed") => Some("The messages that it did not take are on their way again."),
        _ => None,
    };
    let content = html! {
        p { a href="/ops/webhooks" { "All webhooks" } }
        @if let Some(said) = said { p.note.good role="status" { (said) } }
        dl.facts {
            div { dt { "URL" } dd { code { (webhook.url) } } }
            div { dt { "Whose" } dd { @match name(owner) { Some(name) => (tenant_link(name)), None => "operators" } } }
            div { dt { "State" } dd { (state(&webhook)) } }
            div { dt { "Told of" } dd { (webhook.events.iter().copied().map(WebhookEvent::as_str).collect::<Vec<_>>().join(", ")) } }
            div { dt { "Added" } dd { (moment(webhook.created_at)) } }
        }
        @if asked.may_change { (buttons(&path, webhook.disabled.is_none())) } @else { (looks_only()) }
        h2 id="messages" { "The newest messages" }
        (messages_table(&messages, webhook.disabled.is_none()))
    };
    Ok(Page::new("Webhook", content).at(Place::Webhooks))
}

fn buttons(path: &str, is_enabled: bool) -> Markup {
    html! {
        div.actions {
            @if is_enabled {
                form method="post" action={ (path) "/replay" } { button type="submit" { "Send again what it did not take" } }
            }
            form method="post" action={ (path) "/switch" } {
                input type="hidden" name="enabled" value=(if is_enabled { "" } else { "1" });
                @if is_enabled { button.danger type="submit" aria-describedby="disabling" { "Disable" } } @else { button.primary type="submit" { "Enable" } }
            }
        }
        @if is_enabled { p.quiet id="disabling" { "Nothing is sent to a disabled webhook. Enabled again, it gets what it missed." } }
    }
}

fn messages_table(messages: &[WebhookMessage], is_enabled: bool) -> Markup {
    html! {
        @if messages.is_empty() {
            div.empty { p { "Nothing has been sent to it." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="messages" {
                table {
                    thead { tr {
                        th scope="col" { "Happened" } th scope="col" { "Event" } th scope="col" { "State" } th.number scope="col" { "Attempts" }
                        th scope="col" { "Last answer" } th scope="col" { "Message" }
                    } }
                    tbody { @for message in messages {
                        tr {
                            th scope="row" { (exact_moment(message.occurred_at)) }
                            td { (message.event) }
                            td { (delivery(message, is_enabled)) }
                            td.number { (message.attempts) }
                            td {
                                @if let Some(status) = message.status { (status) " " }
                                @if let Some(note) = &message.note { span.quiet { (note) } }
                            }
                            td { code { (WebhookMessageView::public_id(message.id)) } }
                        }
                    } }
                }
            }
        }
    }
}

fn delivery(message: &WebhookMessage, is_enabled: bool) -> Markup {
    let (kind, words) = match (message.delivered_at, message.due_at) {
        (Some(at), _) => ("done", format!("taken {}", exact_moment(at))),
        (None, Some(due)) if message.attempts == 0 => ("waiting", format!("goes out {}", exact_moment(due))),
        (None, Some(due)) => ("partly", format!("next attempt {}", exact_moment(due))),
        (None, None) if is_enabled => ("stopped", String::from("given up")),
        (None, None) => ("waiting", String::from("waits until the webhook is enabled")),
    };
    html! { span.state.long data-state=(kind) { (words) } }
}

/// Enables or disables an endpoint; blocks.
pub(super) fn switch(asked: &Asked, owner: &EndpointOwner, id: Uuid) -> Result<Answer, Problem> {
    let is_enabled = asked.form.is_on("enabled");
    match owner {
        EndpointOwner::Operators => {
            let change =
                WebhookChange { is_enabled: Some(is_enabled), is_by_operators: true, ..WebhookChange::default() };
            asked.operations.act_on_own_webhooks(WebhookAct::Change(id, change))?;
        }
        EndpointOwner::Tenant(name) => {
            asked.operations.enable_webhook(name, id, is_enabled)?;
        }
    }
    Ok(done(owner, id, if is_enabled { "enabled" } else { "disabled" }))
}

/// Has all messages sent again that an endpoint did not take; blocks.
pub(super) fn replay(asked: &Asked, owner: &EndpointOwner, id: Uuid) -> Result<Answer, Problem> {
    match owner {
        EndpointOwner::Operators => {
            asked.operations.act_on_own_webhooks(WebhookAct::Replay(id))?;
        }
        EndpointOwner::Tenant(name) => {
            asked.operations.replay_webhook(name, id)?;
        }
    }
    Ok(done(owner, id, "replayed"))
}

fn done(owner: &EndpointOwner, id: Uuid, what: &str) -> Answer {
    Answer::Elsewhere(format!("{}?done={what}", path(name(owner), id)))
}

fn name(owner: &EndpointOwner) -> Option<&str> {
    match owner {
        EndpointOwner::Operators => None,
        EndpointOwner::Tenant(name) => Some(name),
    }
}

fn of(asked: &Asked, owner: &EndpointOwner) -> Result<Webhooks, Problem> {
    Ok(match owner {
        EndpointOwner::Operators => asked.operations.operators_webhooks(),
        EndpointOwner::Tenant(name) => asked.operations.tenants_webhooks(name)?,
    })
}
