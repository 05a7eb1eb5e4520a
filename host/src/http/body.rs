//! Bodies: what they may be, how large, how slow, and how much memory all of them together take.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::de::IgnoredAny;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use super::share::Shares;
use super::{form, json};
use crate::store::Batch;

/// Bytes that one permit of the budget stands for.
const UNIT: usize = 16 << 10;

/// Limits of bodies.
#[derive(Debug, Clone)]
pub(super) struct BodyLimits {
    /// Bytes of one, also after inflating.
    pub(super) bytes: usize,
    /// Time for one to arrive, and to wait for memory.
    pub(super) time: Duration,
    /// Memory for all of them; each takes its share before it is read.
    budget: Arc<Semaphore>,
    /// What one tenant may take of it.
    share: Option<Arc<Semaphore>>,
}

impl BodyLimits {
    pub(super) fn new(bytes: usize, time: Duration, budget: usize) -> Self {
        // A body as large as allowed must fit.
        Self { bytes, time, budget: Arc::new(Semaphore::new(budget.max(bytes).div_ceil(UNIT))), share: None }
    }

    /// Shares of tenants: none may take more than half of the memory, unless one body is as large as that.
    pub(super) fn shares(bytes: usize, budget: usize) -> Shares {
        Shares::new((budget / 2).max(bytes).div_ceil(UNIT))
    }

    /// The same for a tenant, within its share.
    pub(super) fn within(&self, share: Arc<Semaphore>) -> Self {
        Self { share: Some(share), ..self.clone() }
    }

    /// The same for smaller bodies.
    pub(super) fn at_most(&self, bytes: usize) -> Self {
        Self { bytes: bytes.min(self.bytes), ..self.clone() }
    }
}

/// How a list of items is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    Bytes,
}

/// A body that arrived. While this lives, its share of the memory is taken.
#[derive(Debug)]
pub(super) struct ReceivedBody {
    bytes: Bytes,
    format: Format,
    gzip: bool,
    limit: usize,
    _taken: Taken,
}

/// Memory that is taken, out of the tenant's share and out of everybody's.
#[derive(Debug)]
struct Taken {
    _own: Option<OwnedSemaphorePermit>,
    _all: OwnedSemaphorePermit,
}

/// Reads a body.
///
/// # Errors
/// 415 for another type or encoding, 413 if it is too large, 408 if it is too slow, 503 if there is no memory for it.
pub(super) async fn receive(headers: &HeaderMap, body: Incoming, limits: &BodyLimits) -> Result<ReceivedBody, Problem> {
    receive_as(format(headers)?, headers, body, limits).await
}

/// Reads a body that is no text, of whatever type.
///
/// # Errors
/// As [`receive`], but for types.
pub(super) async fn receive_bytes(
    headers: &HeaderMap,
    body: Incoming,
    limits: &BodyLimits,
) -> Result<ReceivedBody, Problem> {
    receive_as(Format::Bytes, headers, body, limits).await
}

async fn receive_as(
    format: Format,
    headers: &HeaderMap,
    body: Incoming,
    limits: &BodyLimits,
) -> Result<ReceivedBody, Problem> {
    let gzip = is_gzip(headers)?;
    let declared = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    if declared.is_some_and(|bytes| bytes > limits.bytes) {
        return Err(Problem::too_large(limits.bytes));
    }
    // What a compressed or chunked body comes to is not known yet.
    let expected = if gzip { limits.bytes } else { declared.unwrap_or(limits.bytes) };
    let taken = take(expected, limits).await?;
    let read = tokio::time::timeout(limits.time, collect(body, declared.unwrap_or(0), limits.bytes)).await;
    let bytes = read.map_err(|_| Problem::too_slow(limits.time.as_secs()))??;
    Ok(ReceivedBody { bytes, format, gzip, limit: limits.bytes, _taken: taken })
}

/// Takes memory for a body, the tenant's share first: who waits for that holds nothing that others wait for.
async fn take(bytes: usize, limits: &BodyLimits) -> Result<Taken, Problem> {
    let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
    let taken = async {
        let own = match &limits.share {
            Some(share) => Some(Arc::clone(share).acquire_many_owned(units).await?),
            None => None,
        };
        Ok::<_, AcquireError>(Taken { _own: own, _all: Arc::clone(&limits.budget).acquire_many_owned(units).await? })
    };
    match tokio::time::timeout(limits.time, taken).await {
        Ok(Ok(taken)) => Ok(taken),
        Ok(Err(_)) | Err(_) => {
            Err(Problem::unavailable("Too many large requests at once. Nothing was stored; send it again."))
        }
    }
}

async fn collect(mut body: Incoming, expected: usize, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::bad_request(format!("The body broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > limit {
                return Err(Problem::too_large(limit));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// Without a type, JSON is meant, as with Mautic.
fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let value = value.to_str().unwrap_or("?");
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/json" | "application/x-json" => Ok(Format::Json),
        "application/x-www-form-urlencoded" => Ok(Format::Form),
        _ => Err(Problem::unsupported_type(format!(
            "'{essence}' is not a type this call takes; send application/json or application/x-www-form-urlencoded."
        ))),
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(false) };
    match value.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        other => Err(Problem::unsupported_type(format!(
            "'{other}' is not an encoding this call takes; send the body as it is, or as gzip."
        ))),
    }
}

impl ReceivedBody {
    /// The bytes, inflated.
    ///
    /// # Errors
    /// 400 if they cannot be inflated, 413 if they inflate to too much.
    pub(super) fn take_bytes(&mut self) -> Result<Bytes, Problem> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.gzip { inflate(&bytes, self.limit) } else { Ok(bytes) }
    }

    /// As [`Self::take_items`], but all of the body is one item.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_item(&mut self) -> Result<String, Problem> {
        let bytes = self.take_bytes()?;
        match self.format {
            Format::Form => form::whole(form_text(&bytes)?),
            Format::Json | Format::Bytes => json::whole(&bytes),
        }
    }

    /// As [`Self::take_items`], but the body is a handful of texts by name; what is no text is left out.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_fields(&mut self) -> Result<HashMap<String, String>, Problem> {
        let bytes = self.take_bytes()?;
        match self.format {
            Format::Form => Ok(form_urlencoded::parse(form_text(&bytes)?).into_owned().collect()),
            Format::Json | Format::Bytes => json::fields(&bytes),
        }
    }

    /// Inflates, decodes, splits and drops the bytes; blocks for as long as that takes. Of more than `max` items, `max` + 1 are
    /// returned.
    ///
    /// # Errors
    /// 400 with line and column if it cannot be decoded, 413 if it inflates to too much, 415 if it is JSON and said to be a
    /// form.
    pub(super) fn take_items(&mut self, max: usize) -> Result<Batch, Problem> {
        let bytes = self.take_bytes()?;
        match self.format {
            Format::Form => form::split(form_text(&bytes)?, max),
            Format::Json | Format::Bytes => json::split(&bytes, max),
        }
    }
}

/// A form, unless it is JSON that a client forgot to call so, as `curl -d` does: read as a form it would be one contact
/// without anything in it.
fn form_text(bytes: &Bytes) -> Result<&[u8], Problem> {
    let is_json = matches!(bytes.trim_ascii_start().first(), Some(b'[' | b'{'))
        && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    if is_json {
        return Err(Problem::unsupported_type(
            "The body is JSON, but its Content-Type says that it is a form. Send it with 'Content-Type: application/json'.",
        ));
    }
    Ok(bytes)
}

fn inflate(bytes: &[u8], limit: usize) -> Result<Bytes, Problem> {
    let mut inflated = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(limit as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|error| Problem::bad_request(format!("The body is no gzip: {error}")))?;
    if inflated.len() > limit { Err(Problem::too_large(limit)) } else { Ok(Bytes::from(inflated)) }
}
