//! The calls about endpoints, by method and path.

use hyper::Method;
use uuid::Uuid;

use crate::domain::GroupId;
use crate::http::problem::Problem;
use crate::operations::WebhookMessageView;

/// A call about endpoints. Below `/admin`, the operators' paths are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum WebhookCall {
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
    pub(in crate::http) fn has_body(self) -> bool {
        matches!(self, Self::Add | Self::Change(_))
    }

    /// Returns whether the call changes something, or has something sent.
    pub(in crate::http) fn changes_something(self) -> bool {
        match self {
            Self::List | Self::Read(_) | Self::ListMessages(_) => false,
            Self::Add
            | Self::Change(_)
            | Self::Remove(_)
            | Self::ReplaceSecret(_)
            | Self::Test(_)
            | Self::Replay(_)
            | Self::ReplayOne(..) => true,
        }
    }

    /// Finds the call of a method and of what is behind `/api/webhooks` or `/admin/webhooks`. Returns `None` if there is no such path.
    pub(in crate::http) fn find(method: &Method, rest: &str) -> Option<Result<Self, Problem>> {
        use WebhookCall::{Add, Change, List, ListMessages, Read, Remove, ReplaceSecret, Replay, ReplayOne, Test};
        let parts: Vec<&str> = match rest.strip_prefix('/') {
            Some(rest) => rest.split('/').collect(),
            None if rest.is_empty() => Vec::new(),
            None => return None,
        };
        let id = |text: &str| GroupId::parse(text).map(|GroupId(id)| id);
        // A wrong method is reported even where an id cannot be one.
        let call = |is_right: bool, found: Option<WebhookCall>, missing: fn() -> Problem| {
            is_right.then(|| found.ok_or_else(missing)).transpose()
        };
        let (is_get, is_post) = (*method == Method::GET, *method == Method::POST);
        let unknown: fn() -> Problem = Problem::unknown_webhook;
        let (found, allowed) = match *parts.as_slice() {
            [] if is_get => (Ok(Some(List)), "GET, POST"),
            [] => (Ok(is_post.then_some(Add)), "GET, POST"),
            [webhook] => {
                let found = id(webhook);
                let call = match *method {
                    Method::GET => call(true, found.map(Read), unknown),
                    Method::PATCH => call(true, found.map(Change), unknown),
                    Method::DELETE => call(true, found.map(Remove), unknown),
                    _ => Ok(None),
                };
                (call, "GET, PATCH, DELETE")
            }
            [webhook, "secret"] => (call(is_post, id(webhook).map(ReplaceSecret), unknown), "POST"),
            [webhook, "test"] => (call(is_post, id(webhook).map(Test), unknown), "POST"),
            [webhook, "replay"] => (call(is_post, id(webhook).map(Replay), unknown), "POST"),
            [webhook, "messages"] => (call(is_get, id(webhook).map(ListMessages), unknown), "GET"),
            [webhook, "messages", message, "replay"] => {
                let found =
                    id(webhook).zip(WebhookMessageView::parse_id(message)).map(|(id, message)| ReplayOne(id, message));
                (call(is_post, found, Problem::unknown_message), "POST")
            }
            _ => return None,
        };
        let found = match found {
            Ok(found) => found,
            Err(problem) => return Some(Err(problem)),
        };
        Some(found.ok_or_else(|| Problem::wrong_method(method.as_str(), allowed)))
    }
}
