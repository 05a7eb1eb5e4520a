//! `/api/webhooks`: a tenant's endpoints, and what was sent to them; and `/admin/webhooks`, which has the operators'.

mod call;

use std::fmt;

pub(super) use call::WebhookCall;
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;

use super::body::ItemBody;
use super::format::Format;
use super::problem::Problem;
use super::reply::{Reply, json, no_content};
use crate::jobs::Webhooks;
use crate::operations::{WebhookAct, WebhookMessageView, WebhookOutcome, WebhookView};
use crate::operator_json::JsonText;
use crate::store::{WebhookChange, WebhookEvent, WebhookOwner, WebhookRecord};
use crate::webhooks::{EndpointUrl, SigningSecret};

/// Characters that are shown of what a client sent.
const MAX_SHOWN_CHARS: usize = 50;

/// What a client says of an endpoint.
struct Wanted {
    url: Option<EndpointUrl>,
    events: Option<Vec<WebhookEvent>>,
    is_enabled: Option<bool>,
}

#[derive(Serialize)]
struct EndpointBody {
    webhook: WebhookView,
}

#[derive(Serialize)]
struct EndpointsBody {
    webhooks: Vec<WebhookView>,
}

#[derive(Serialize)]
struct MessagesBody {
    messages: Vec<WebhookMessageView>,
}

#[derive(Serialize)]
struct MessageReference {
    id: String,
}

#[derive(Serialize)]
struct Replayed {
    replayed: u64,
}

/// Answers a call about a tenant's endpoints; blocks. `body` is that of calls that have one.
pub(super) fn answer(webhooks: &Webhooks, call: WebhookCall, body: Option<ItemBody>) -> Result<Reply, Problem> {
    answer_by(webhooks, call, body, |act| Ok(act.perform(webhooks)?))
}

/// Answers a call about an owner's endpoints, where `perform` does what the call asks for; blocks.
pub(super) fn answer_by(
    webhooks: &Webhooks,
    call: WebhookCall,
    body: Option<ItemBody>,
    perform: impl FnOnce(WebhookAct) -> Result<WebhookOutcome, Problem>,
) -> Result<Reply, Problem> {
    let act = match call {
        WebhookCall::List => return list(webhooks),
        WebhookCall::Read(id) => return Ok(show(WebhookView::new(webhooks.find(id)?, None))),
        WebhookCall::ListMessages(id) => {
            let messages = webhooks.messages(id)?.into_iter().map(WebhookMessageView::from).collect();
            return Ok(json(StatusCode::OK, &MessagesBody { messages }));
        }
        WebhookCall::Add => {
            let Wanted { url, events, .. } = read(webhooks, body, &["url", "events"])?;
            WebhookAct::Add(url.ok_or_else(|| unreadable("url: this must be given"))?, events)
        }
        WebhookCall::Change(id) => {
            let Wanted { url, events, is_enabled } = read(webhooks, body, &["url", "events", "enabled"])?;
            let is_by_operators = webhooks.owner() == WebhookOwner::Operators;
            let url = url.map(|url| url.to_string());
            WebhookAct::Change(id, WebhookChange { url, events, is_enabled, is_by_operators, secret: None })
        }
        WebhookCall::Remove(id) => WebhookAct::Remove(id),
        WebhookCall::ReplaceSecret(id) => WebhookAct::ReplaceSecret(id),
        WebhookCall::Test(id) => WebhookAct::Test(id),
        WebhookCall::Replay(id) => WebhookAct::Replay(id),
        WebhookCall::ReplayOne(id, message) => WebhookAct::ReplayOne(id, message),
    };
    Ok(match perform(act)? {
        WebhookOutcome::Added(webhook, secret) => added(webhooks.owner(), webhook, &secret),
        WebhookOutcome::Changed(webhook) => show(WebhookView::new(webhook, None)),
        WebhookOutcome::NewSecret(webhook, secret) => show(WebhookView::new(webhook, Some(&secret))),
        WebhookOutcome::Removed => no_content(),
        WebhookOutcome::Tested(message) => {
            json(StatusCode::ACCEPTED, &MessageReference { id: WebhookMessageView::public_id(message) })
        }
        WebhookOutcome::Replayed(replayed) => json(StatusCode::ACCEPTED, &Replayed { replayed }),
    })
}

/// Lists an owner's endpoints; blocks.
pub(super) fn list(webhooks: &Webhooks) -> Result<Reply, Problem> {
    let webhooks = webhooks.list()?.into_iter().map(|record| WebhookView::new(record, None)).collect();
    Ok(json(StatusCode::OK, &EndpointsBody { webhooks }))
}

/// Reads whether a tenant's endpoint is to be enabled.
pub(super) fn read_switch(webhooks: &Webhooks, body: ItemBody) -> Result<bool, Problem> {
    let Wanted { is_enabled, .. } = read(webhooks, Some(body), &["enabled"])?;
    is_enabled.ok_or_else(|| unreadable("enabled: this must be given"))
}

/// Shows an endpoint.
pub(super) fn show(webhook: WebhookView) -> Reply {
    json(StatusCode::OK, &EndpointBody { webhook })
}

fn added(owner: WebhookOwner, webhook: WebhookRecord, secret: &SigningSecret) -> Reply {
    let root = match owner {
        WebhookOwner::Tenant(_) => "/api/webhooks",
        WebhookOwner::Operators => "/admin/webhooks",
    };
    let location = HeaderValue::from_str(&format!("{root}/{}", webhook.id));
    let mut reply = json(StatusCode::CREATED, &EndpointBody { webhook: WebhookView::new(webhook, Some(secret)) });
    if let Ok(location) = location {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// Reads a body of JSON that has no other members than `known`.
fn read(webhooks: &Webhooks, body: Option<ItemBody>, known: &[&str]) -> Result<Wanted, Problem> {
    let Some(mut body) = body else { return Err(unreadable("there is none")) };
    let (Format::Json, bytes) = body.take_parts() else {
        return Err(Problem::unsupported_type("This call takes JSON. Nothing was changed."));
    };
    let text = str::from_utf8(&bytes).map_err(|_| unreadable("this is not a text in UTF-8"))?;
    let members = JsonText::parse(text).and_then(|body| body.object(known));
    let mut members = members.map_err(|error| unreadable(&error))?;
    let (url, events, enabled) = (members.take("url"), members.take("events"), members.take_optional("enabled"));
    Ok(Wanted {
        url: url.map(|url| read_url(webhooks, &url)).transpose()?,
        events: events.filter(|events| !events.is_null()).map(|events| read_events(webhooks, &events)).transpose()?,
        is_enabled: enabled.map(|enabled| enabled.boolean()).transpose().map_err(|error| unreadable(&error))?,
    })
}

fn unreadable(reason: impl fmt::Display) -> Problem {
    Problem::bad_request(format!("The body cannot be read: {reason}. Nothing was changed."))
}

fn read_url(webhooks: &Webhooks, url: &JsonText<'_>) -> Result<EndpointUrl, Problem> {
    let text = url.text().map_err(|error| unreadable(&error))?;
    webhooks
        .parse_url(&text)
        .map_err(|error| Problem::bad_request(format!("'url' cannot be used: {error}. Nothing was changed.")))
}

fn read_events(webhooks: &Webhooks, events: &JsonText<'_>) -> Result<Vec<WebhookEvent>, Problem> {
    let known = WebhookEvent::of(webhooks.owner());
    let all = || known.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ");
    let names = events.list().and_then(|names| names.iter().map(JsonText::text).collect::<Result<Vec<_>, _>>());
    let names = names.map_err(|error| unreadable(&error))?;
    if names.is_empty() {
        return Err(Problem::bad_request(format!("'events' must name one of these: {}. Nothing was changed.", all())));
    }
    let event = |name: &String| {
        WebhookEvent::parse(name).filter(|event| known.contains(event)).ok_or_else(|| {
            let name: String = name.chars().take(MAX_SHOWN_CHARS).collect();
            Problem::bad_request(format!("'events' can have {}, and not '{name}'. Nothing was changed.", all()))
        })
    };
    let mut events = names.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    events.sort_unstable();
    events.dedup();
    Ok(events)
}
