//! Receives bodies: how large and how slow one may be, and how much memory all of them take together.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::format::Format;
use super::problem::Problem;
use crate::domain::ItemList;

/// Bytes of memory that one permit stands for.
const PERMIT_BYTES: usize = 16 << 10;

/// The limits of bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodySettings {
    /// Bytes of one body, also after inflating.
    pub max_bytes: usize,
    /// Time for a body to arrive, and time to wait for memory before that.
    pub timeout: Duration,
    /// Bytes of all bodies that are being received or split. One body of `max_bytes` always fits.
    pub memory_bytes: usize,
}

impl BodySettings {
    /// Returns the permits that one tenant's bodies may hold: half of the memory, but enough for one body of the largest
    /// size.
    pub(super) fn permits_per_tenant(self) -> usize {
        (self.memory_bytes / 2).max(self.max_bytes).div_ceil(PERMIT_BYTES)
    }

    fn permits(self) -> usize {
        self.memory_bytes.max(self.max_bytes).div_ceil(PERMIT_BYTES)
    }
}

/// Receives bodies within limits.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    max_bytes: usize,
    timeout: Duration,
    /// Permits for the memory of all bodies.
    memory: Arc<Semaphore>,
    /// Permits for the memory of one tenant's bodies.
    tenant_memory: Option<Arc<Semaphore>>,
}

impl Bodies {
    pub(super) fn new(settings: BodySettings) -> Self {
        Self {
            max_bytes: settings.max_bytes,
            timeout: settings.timeout,
            memory: Arc::new(Semaphore::new(settings.permits())),
            tenant_memory: None,
        }
    }

    /// Returns these limits with an additional bound on the memory of one tenant's bodies.
    pub(super) fn bounded_by(&self, tenant_memory: Arc<Semaphore>) -> Self {
        Self { tenant_memory: Some(tenant_memory), ..self.clone() }
    }

    /// Returns these limits for smaller bodies.
    pub(super) fn at_most(&self, max_bytes: usize) -> Self {
        Self { max_bytes: max_bytes.min(self.max_bytes), ..self.clone() }
    }

    /// Bytes that a body may have.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Receives a body of items.
    ///
    /// # Errors
    /// 415 if its type or encoding is not supported, 413 if it is too large, 408 if it is too slow, 503 if there is no
    /// memory for it.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: Incoming) -> Result<ItemBody, Problem> {
        let format = Format::from_headers(headers)?;
        Ok(ItemBody { format, body: self.receive_bytes(headers, body).await? })
    }

    /// Receives a body of any type.
    ///
    /// # Errors
    /// As [`Self::receive`], but every type is accepted.
    pub(super) async fn receive_bytes(&self, headers: &HeaderMap, body: Incoming) -> Result<ByteBody, Problem> {
        let gzip = is_gzip(headers)?;
        let declared = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        if declared.is_some_and(|bytes| bytes > self.max_bytes) {
            return Err(Problem::too_large(self.max_bytes));
        }
        // The final size of a compressed or chunked body is not known yet.
        let expected = if gzip { self.max_bytes } else { declared.unwrap_or(self.max_bytes) };
        let memory = self.reserve(expected).await?;
        let read = tokio::time::timeout(self.timeout, collect(body, declared.unwrap_or(0), self.max_bytes)).await;
        let bytes = read.map_err(|_| Problem::too_slow(self.timeout.as_secs()))??;
        Ok(ByteBody { bytes, gzip, max_bytes: self.max_bytes, _memory: memory })
    }

    /// Reserves memory for a body, the tenant's first: a body that waits for its tenant's memory must not hold memory that
    /// other tenants wait for.
    async fn reserve(&self, bytes: usize) -> Result<Reservation, Problem> {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let reserved = async {
            let tenant = match &self.tenant_memory {
                Some(memory) => Some(Arc::clone(memory).acquire_many_owned(permits).await?),
                None => None,
            };
            let all = Arc::clone(&self.memory).acquire_many_owned(permits).await?;
            Ok::<_, AcquireError>(Reservation { _tenant: tenant, _all: all })
        };
        match tokio::time::timeout(self.timeout, reserved).await {
            Ok(Ok(reservation)) => Ok(reservation),
            Ok(Err(_)) | Err(_) => Err(Problem::too_many_large_requests()),
        }
    }
}

/// Memory reserved for a body, until this is dropped.
#[derive(Debug)]
struct Reservation {
    _tenant: Option<OwnedSemaphorePermit>,
    _all: OwnedSemaphorePermit,
}

/// A body that was received. Its memory stays reserved until this is dropped, also after the bytes were taken: the items that
/// are parsed from them need as much.
#[derive(Debug)]
pub(super) struct ByteBody {
    bytes: Bytes,
    gzip: bool,
    max_bytes: usize,
    _memory: Reservation,
}

impl ByteBody {
    /// Takes the bytes, inflated; blocks for as long as that takes.
    ///
    /// # Errors
    /// 400 if the bytes cannot be inflated, 413 if they inflate to too many.
    pub(super) fn take_bytes(&mut self) -> Result<Bytes, Problem> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.gzip { inflate(&bytes, self.max_bytes) } else { Ok(bytes) }
    }
}

/// A body of items that was received. Each `take_…` method inflates and decodes the body, drops its bytes, and blocks for
/// as long as that takes.
#[derive(Debug)]
pub(super) struct ItemBody {
    format: Format,
    body: ByteBody,
}

impl ItemBody {
    /// Takes the items. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, 413 if it inflates to too many bytes, 415 if JSON was sent as
    /// a form.
    pub(super) fn take_items(&mut self, max: usize) -> Result<ItemList, Problem> {
        self.format.items(&self.body.take_bytes()?, max)
    }

    /// Takes the one item that the body is.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_item(&mut self) -> Result<String, Problem> {
        self.format.item(&self.body.take_bytes()?)
    }

    /// Takes the texts that the body consists of, by their names; members that are not texts are left out.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_fields(&mut self) -> Result<HashMap<String, String>, Problem> {
        self.format.fields(&self.body.take_bytes()?)
    }
}

async fn collect(mut body: Incoming, expected: usize, max: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::bad_request(format!("The body broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > max {
                return Err(Problem::too_large(max));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
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

fn inflate(bytes: &[u8], max: usize) -> Result<Bytes, Problem> {
    let mut inflated = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(max as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|error| Problem::bad_request(format!("The body is no gzip: {error}")))?;
    if inflated.len() > max { Err(Problem::too_large(max)) } else { Ok(Bytes::from(inflated)) }
}
