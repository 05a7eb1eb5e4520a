//! How a client writes items: as JSON, or as a form of one of two types.

use std::collections::HashMap;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::de::IgnoredAny;

use super::header_parameters::HeaderValueParts;
use super::multipart::Boundary;
use super::problem::Problem;
use super::{form, json, multipart};
use crate::domain::ItemList;

/// The format of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
    Multipart(Boundary),
}

impl Format {
    /// Reads the format from `Content-Type`. A body without a type is JSON, as in Mautic.
    ///
    /// # Errors
    /// 415 for another type, and 400 for a form of parts without a boundary.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let value = value.to_str().unwrap_or("?");
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/json" | "application/x-json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => {
                let parts = HeaderValueParts::read(value);
                Ok(Self::Multipart(Boundary::new(parts.as_ref().and_then(|parts| parts.parameter("boundary")))?))
            }
            _ => Err(Problem::unsupported_type(format!(
                "'{essence}' is not a type this call takes; send application/json, application/x-www-form-urlencoded or multipart/form-data."
            ))),
        }
    }

    /// Splits a body into items. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, 415 if JSON was sent as a form.
    pub(super) fn items(&self, body: &[u8], max: usize) -> Result<ItemList, Problem> {
        let list = match self {
            Self::Json => json::split(body, max)?,
            Self::Form => form::split(form::fields(form_text(body)?), max)?,
            Self::Multipart(boundary) => form::split(multipart::fields(body, boundary), max)?,
        };
        refuse_wrapper(&list)?;
        Ok(list)
    }

    /// Reads a body that is one item, and returns the item as JSON.
    ///
    /// # Errors
    /// As [`Self::items`].
    pub(super) fn item(&self, body: &[u8]) -> Result<String, Problem> {
        match self {
            Self::Json => json::whole(body),
            Self::Form => form::whole(form::fields(form_text(body)?)),
            Self::Multipart(boundary) => form::whole(multipart::fields(body, boundary)),
        }
    }

    /// Reads a body of a few named texts; members that are not texts are left out.
    ///
    /// # Errors
    /// As [`Self::items`].
    pub(super) fn fields(&self, body: &[u8]) -> Result<HashMap<String, String>, Problem> {
        match self {
            Self::Json => json::fields(body),
            Self::Form => Ok(form_urlencoded::parse(form_text(body)?).into_owned().collect()),
            Self::Multipart(boundary) => multipart::fields(body, boundary).collect(),
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
