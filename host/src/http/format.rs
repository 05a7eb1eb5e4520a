//! How a client writes items: as JSON or as a form.

use std::collections::HashMap;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::de::IgnoredAny;

use super::problem::Problem;
use super::{form, json};
use crate::domain::ItemList;

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
}

impl Format {
    /// Reads the format from `Content-Type`. A body without a type is JSON, as in Mautic.
    ///
    /// # Errors
    /// 415 for another type.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let value = value.to_str().unwrap_or("?");
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/json" | "application/x-json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            _ => Err(Problem::unsupported_type(format!(
                "'{essence}' is not a type this call takes; send application/json or application/x-www-form-urlencoded."
            ))),
        }
    }

    /// Splits a body into items. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, 415 if JSON was sent as a form.
    pub(super) fn items(self, body: &[u8], max: usize) -> Result<ItemList, Problem> {
        let list = match self {
            Self::Json => json::split(body, max)?,
            Self::Form => form::split(form_text(body)?, max)?,
        };
        refuse_wrapper(&list)?;
        Ok(list)
    }

    /// Reads a body that is one item, and returns the item as JSON.
    ///
    /// # Errors
    /// As [`Self::items`].
    pub(super) fn item(self, body: &[u8]) -> Result<String, Problem> {
        match self {
            Self::Json => json::whole(body),
            Self::Form => form::whole(form_text(body)?),
        }
    }

    /// Reads a body of a few named texts; members that are not texts are left out.
    ///
    /// # Errors
    /// As [`Self::items`].
    pub(super) fn fields(self, body: &[u8]) -> Result<HashMap<String, String>, Problem> {
        match self {
            Self::Json => json::fields(body),
            Self::Form => Ok(form_urlencoded::parse(form_text(body)?).into_owned().collect()),
        }
    }
}

/// Refuses a list that a client put into a member of an object, as other APIs want it: read by the rules, the list would be one
/// contact under the key `contacts`, and not even that.
fn refuse_wrapper(list: &ItemList) -> Result<(), Problem> {
    const WRAPPERS: [&str; 2] = ["contacts", "data"];
    let Some(keys) = &list.keys else { return Ok(()) };
    if list.items.iter().any(|item| item.starts_with('{')) {
        return Ok(());
    }
    let mut members = keys.iter().zip(&list.items);
    match members.find(|(key, item)| WRAPPERS.contains(&key.as_str()) && item.starts_with('[')) {
        Some((key, _)) => Err(Problem::bad_request(format!(
            "The body is an object whose member '{key}' has the contacts. Nothing was stored. Send the list itself, without '{key}' around it."
        ))),
        None => Ok(()),
    }
}

/// Refuses JSON that a client sent as a form, as `curl -d` does unless it is given a type: read as a form, the body would
/// be one contact without any fields.
fn form_text(body: &[u8]) -> Result<&[u8], Problem> {
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'[' | b'{'))
        && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    if is_json {
        return Err(Problem::unsupported_type(
            "The body is JSON, but its Content-Type says that it is a form. Send it with 'Content-Type: application/json'.",
        ));
    }
    Ok(body)
}
