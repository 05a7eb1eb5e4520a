//! `/api/webhooks`: a tenant's endpoints, and what was sent to them.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::ItemBody;
use super::format::Format;
use super::problem::Problem;
use super::reply::{Reply, json, no_content};
use crate::domain::TenantId;
use crate::jobs::{MAX_WEBHOOKS, Service};
use crate::operations::{WebhookMessageView, WebhookView};
use crate::store::{WebhookChange, WebhookEvent, WebhookRecord};
use crate::webhooks::{EndpointUrl, SigningSecret};

/// Messages that are listed.
const MAX_LISTED: u32 = 100;

/// A call about endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookCall {
    /// `GET /api/webhooks`.
    List,
    /// `POST /api/webhooks`.
    Add,
    /// `GET /api/webhooks/{id}`.
    Read(Uuid),
    /// `PATCH /api/webhooks/{id}`.
    Change(Uuid),
    /// `DELETE /api/webhooks/{id}`.
    Remove(Uuid),
    /// `POST /api/webhooks/{id}/secret`.
    ReplaceSecret(Uuid),
    /// `POST /api/webhooks/{id}/test`.
    Test(Uuid),
    /// `GET /api/webhooks/{id}/messages`.
    ListMessages(Uuid),
    /// `POST /api/webhooks/{id}/replay`.
    Replay(Uuid),
    /// `POST /api/webhooks/{id}/messages/{message}/replay`.
    ReplayOne(Uuid, Uuid),
}

impl WebhookCall {
    /// Returns whether the call has a body.
    pub(super) fn has_body(self) -> bool {
        matches!(self, Self::Add | Self::Change(_))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEndpoint {
    url: String,
    events: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointChange {
    url: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
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

/// Answers a call about endpoints; blocks. `body` is that of calls that have one.
pub(super) fn answer(
    service: &Service,
    tenant: TenantId,
    call: WebhookCall,
    body: Option<ItemBody>,
) -> Result<Reply, Problem> {
    match call {
        WebhookCall::List => {
            let webhooks = service.webhooks(tenant)?.into_iter().map(|record| WebhookView::new(record, None)).collect();
            Ok(json(StatusCode::OK, &EndpointsBody { webhooks }))
        }
        WebhookCall::Add => add(service, tenant, &read(body)?),
        WebhookCall::Read(id) => show(service, tenant, id, StatusCode::OK, None),
        WebhookCall::Change(id) => {
            let EndpointChange { url, events, enabled } = read(body)?;
            let change = WebhookChange {
                url: url.map(|url| endpoint_url(service, &url).map(|url| url.to_string())).transpose()?,
                events: events.map(|events| parse_events(&events)).transpose()?,
                is_enabled: enabled,
                secret: None,
            };
            known(service.change_webhook(tenant, id, &change)?)?;
            show(service, tenant, id, StatusCode::OK, None)
        }
        WebhookCall::Remove(id) => {
            known(service.remove_webhook(tenant, id)?)?;
            Ok(no_content())
        }
        WebhookCall::ReplaceSecret(id) => {
            let secret = new_secret()?;
            known(service.replace_webhook_secret(tenant, id, &secret)?)?;
            show(service, tenant, id, StatusCode::OK, Some(&secret))
        }
        WebhookCall::Test(id) => {
            let message = service.test_webhook(tenant, id)?.ok_or_else(Problem::unknown_webhook)?;
            Ok(json(StatusCode::ACCEPTED, &MessageReference { id: WebhookMessageView::public_id(message) }))
        }
        WebhookCall::ListMessages(id) => {
            find(service, tenant, id)?;
            let messages =
                service.webhook_messages(tenant, id, MAX_LISTED)?.into_iter().map(WebhookMessageView::from).collect();
            Ok(json(StatusCode::OK, &MessagesBody { messages }))
        }
        WebhookCall::Replay(id) => {
            enabled(&find(service, tenant, id)?)?;
            Ok(json(StatusCode::ACCEPTED, &Replayed { replayed: service.replay_messages(tenant, id, None)? }))
        }
        WebhookCall::ReplayOne(id, message) => {
            enabled(&find(service, tenant, id)?)?;
            match service.replay_messages(tenant, id, Some(message))? {
                0 => Err(Problem::unknown_message()),
                replayed => Ok(json(StatusCode::ACCEPTED, &Replayed { replayed })),
            }
        }
    }
}

fn add(service: &Service, tenant: TenantId, endpoint: &NewEndpoint) -> Result<Reply, Problem> {
    let url = endpoint_url(service, &endpoint.url)?;
    let events = match &endpoint.events {
        Some(events) => parse_events(events)?,
        None => WebhookEvent::ALL.to_vec(),
    };
    let secret = new_secret()?;
    let id =
        service.add_webhook(tenant, &url, events, &secret)?.ok_or_else(|| Problem::too_many_webhooks(MAX_WEBHOOKS))?;
    let mut reply = show(service, tenant, id, StatusCode::CREATED, Some(&secret))?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/webhooks/{id}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(reply)
}

/// Reads a body of JSON.
fn read<T: for<'a> Deserialize<'a>>(body: Option<ItemBody>) -> Result<T, Problem> {
    let Some(mut body) = body else { return Err(Problem::bad_request("There is no body.")) };
    match body.take_parts() {
        (Format::Json, bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| Problem::bad_request(format!("The body cannot be read: {error}. Nothing was changed."))),
        _ => Err(Problem::unsupported_type("This call takes JSON. Nothing was changed.")),
    }
}

fn endpoint_url(service: &Service, text: &str) -> Result<EndpointUrl, Problem> {
    let url = EndpointUrl::parse(text)
        .map_err(|error| Problem::bad_request(format!("'url' cannot be used: {error}. Nothing was changed.")))?;
    if !url.is_tls() && !service.webhook_networks().is_any() {
        return Err(Problem::bad_request(
            "'url' cannot be used: the URL must begin with https://. Nothing was changed.",
        ));
    }
    Ok(url)
}

fn parse_events(names: &[String]) -> Result<Vec<WebhookEvent>, Problem> {
    let all = || WebhookEvent::ALL.map(WebhookEvent::as_str).join(", ");
    if names.is_empty() {
        return Err(Problem::bad_request(format!("'events' must name one of these: {}. Nothing was changed.", all())));
    }
    let event = |name: &String| {
        WebhookEvent::parse(name).ok_or_else(|| {
            Problem::bad_request(format!("'events' can have {}, and not '{name}'. Nothing was changed.", all()))
        })
    };
    let mut events = names.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    events.sort_unstable();
    events.dedup();
    Ok(events)
}

fn new_secret() -> Result<SigningSecret, Problem> {
    SigningSecret::random().map_err(|error| Problem::panicked(&error))
}

fn known(is_known: bool) -> Result<(), Problem> {
    if is_known { Ok(()) } else { Err(Problem::unknown_webhook()) }
}

fn enabled(webhook: &WebhookRecord) -> Result<(), Problem> {
    if webhook.disabled.is_some() { Err(Problem::webhook_disabled()) } else { Ok(()) }
}

fn find(service: &Service, tenant: TenantId, id: Uuid) -> Result<WebhookRecord, Problem> {
    let found = service.webhooks(tenant)?.into_iter().find(|webhook| webhook.id == id);
    found.ok_or_else(Problem::unknown_webhook)
}

fn show(
    service: &Service,
    tenant: TenantId,
    id: Uuid,
    status: StatusCode,
    secret: Option<&SigningSecret>,
) -> Result<Reply, Problem> {
    let webhook = WebhookView::new(find(service, tenant, id)?, secret);
    Ok(json(status, &EndpointBody { webhook }))
}
