//! Receives bodies: how large and how slow one may be, and how much memory all of them take together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;

use super::body_memory::{BodyMemory, Owner, Reservation, SMALL_BODY_BYTES};
use super::format::Format;
use super::inflate::{Inflater, InflatingTurns};
use super::problem::Problem;
use super::transfer_pace::TransferPace;
use crate::domain::{ItemList, TenantId};

/// How long a body may stand still at its beginning.
const GRACE: Duration = Duration::from_secs(5);
/// How long a body may stand still later, however fast it was before.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The limits of bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodySettings {
    /// Bytes of one body, also after inflating.
    pub max_bytes: usize,
    /// Time for a body to arrive.
    pub timeout: Duration,
    /// Bytes per second at which a body must arrive.
    pub min_bytes_per_second: u64,
    /// Bytes of all large bodies that are being received or split. One body of `max_bytes` always fits.
    pub memory_bytes: usize,
    /// Connections over which bodies may come at a time.
    pub connections: usize,
}

/// Receives bodies within limits.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    settings: BodySettings,
    owner: Owner,
    memory: Arc<BodyMemory>,
    inflating: Arc<InflatingTurns>,
}

impl Bodies {
    /// Creates the limits of operators' bodies. Those of tenants and strangers are made from them, and share the memory.
    pub(super) fn new(settings: BodySettings) -> Self {
        let memory = BodyMemory::new(settings.connections, settings.max_bytes, settings.memory_bytes);
        Self { settings, owner: Owner::Operator, memory: Arc::new(memory), inflating: Arc::new(InflatingTurns::new()) }
    }

    /// Returns the same limits for bodies of a tenant, which share them with other tenants' bodies.
    pub(super) fn of_tenant(&self, tenant: TenantId) -> Self {
        Self { owner: Owner::Tenant(tenant), ..self.clone() }
    }

    /// Returns the limits of bodies of clients that are not authenticated, which may have `max_bytes` each.
    pub(super) fn of_strangers(&self, max_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(self.settings.max_bytes).min(SMALL_BODY_BYTES);
        Self { owner: Owner::Stranger, settings: BodySettings { max_bytes, ..self.settings }, ..self.clone() }
    }

    /// Bytes that a body may have.
    pub(super) fn max_bytes(&self) -> usize {
        self.settings.max_bytes
    }

    /// Receives a body of items.
    ///
    /// # Errors
    /// 415 if its type or encoding is not supported, 413 if it is too large, 408 if it is too slow, 400 if it cannot be
    /// inflated, 503 if there is no memory for it.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: Incoming) -> Result<ItemBody, Problem> {
        let format = Format::from_headers(headers)?;
        Ok(ItemBody { format, body: self.receive_bytes(headers, body).await? })
    }

    /// Receives a body of any type, and inflates it as it arrives.
    ///
    /// # Errors
    /// As [`Self::receive`], but every type is accepted.
    pub(super) async fn receive_bytes(&self, headers: &HeaderMap, body: Incoming) -> Result<ByteBody, Problem> {
        let BodySettings { max_bytes, timeout, .. } = self.settings;
        let inflater = is_gzip(headers)?.then(Inflater::new);
        let declared = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        if declared.is_some_and(|bytes| bytes > max_bytes) {
            return Err(Problem::too_large(max_bytes));
        }
        // The final size of a compressed or chunked body is not known yet.
        let most_bytes = declared.filter(|_| inflater.is_none()).unwrap_or(max_bytes);
        let memory = self.memory.begin(self.owner, most_bytes).await?;
        let given_up = memory.given_up();
        let content = Content { bytes: BytesMut::new(), most_bytes, max_bytes, memory };
        tokio::select! {
            content = self.collect(body, content, inflater) => {
                let Content { bytes, memory, .. } = content?;
                memory.arrived();
                Ok(ByteBody { bytes: bytes.freeze(), _memory: memory })
            }
            () = given_up.notified() => Err(Problem::given_up()),
            () = tokio::time::sleep(timeout) => Err(Problem::too_slow(timeout.as_secs())),
        }
    }

    async fn collect(
        &self,
        body: Incoming,
        mut content: Content,
        mut inflater: Option<Inflater>,
    ) -> Result<Content, Problem> {
        let pace = TransferPace::new(self.settings.min_bytes_per_second, GRACE, LONGEST_PAUSE);
        let mut arrival = Arrival { body, pace, bytes: 0, settings: self.settings };
        while let Some(data) = arrival.next().await? {
            match &mut inflater {
                None => content.append(&data).await?,
                Some(inflater) => {
                    let mut compressed = data.as_ref();
                    while !compressed.is_empty() {
                        let turn = self.inflating.turn(self.owner).await;
                        let inflated = inflater.push(&mut compressed)?;
                        drop(turn);
                        content.append(&inflated).await?;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        if let Some(inflater) = inflater {
            content.append(&inflater.finish()?).await?;
        }
        Ok(content)
    }
}

/// A body as it comes from the client.
struct Arrival {
    body: Incoming,
    pace: TransferPace,
    /// Bytes that have arrived.
    bytes: usize,
    settings: BodySettings,
}

impl Arrival {
    /// Waits for the next bytes of the body. Returns `None` at its end. The time between two calls, in which the server worked
    /// or had no memory, does not count as the client's.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let began_at = Instant::now();
            let Ok(frame) = tokio::time::timeout(self.pace.remaining(), self.body.frame()).await else {
                return Err(Problem::too_low_rate(self.settings.min_bytes_per_second));
            };
            self.pace.stood_still(began_at.elapsed());
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| {
                Problem::bad_request("The body broke off before its end. Nothing was stored; send it again.")
            })?;
            let Ok(data) = frame.into_data() else { continue };
            self.pace.moved(data.len());
            self.bytes += data.len();
            if self.bytes > self.settings.max_bytes {
                return Err(Problem::too_large(self.settings.max_bytes));
            }
            return Ok(Some(data));
        }
    }
}

/// What has arrived of a body, inflated.
struct Content {
    bytes: BytesMut,
    /// Bytes that the content may become, as far as the body's head says.
    most_bytes: usize,
    /// Bytes that any content may have.
    max_bytes: usize,
    memory: Reservation,
}

impl Content {
    async fn append(&mut self, data: &[u8]) -> Result<(), Problem> {
        let bytes = self.bytes.len() + data.len();
        if bytes > self.max_bytes {
            return Err(Problem::too_large(self.max_bytes));
        }
        self.memory.grow_to(bytes).await?;
        if bytes > self.bytes.capacity() && bytes > SMALL_BODY_BYTES && self.most_bytes < self.max_bytes {
            // The system gives memory to a program only once it is written to, so nothing is taken before it arrives.
            self.bytes.reserve(self.most_bytes.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

/// A body that was received. Its memory stays reserved until this is dropped, also after the bytes were taken: the items that
/// are parsed from them need as much.
#[derive(Debug)]
pub(super) struct ByteBody {
    bytes: Bytes,
    _memory: Reservation,
}

impl ByteBody {
    /// Takes the bytes.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes)
    }
}

/// A body of items that was received. Each `take_…` method decodes the body, drops its bytes, and blocks for as long as that
/// takes.
#[derive(Debug)]
pub(super) struct ItemBody {
    format: Format,
    body: ByteBody,
}

impl ItemBody {
    /// Takes the format and the bytes. The memory stays reserved until the body is dropped.
    pub(super) fn take_parts(&mut self) -> (Format, Bytes) {
        (self.format.clone(), self.body.take_bytes())
    }

    /// Returns whether the body is a table, whose columns become fields.
    pub(super) fn may_be_table(&self) -> bool {
        matches!(self.format, Format::Csv { .. })
    }

    /// Takes the items. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, 415 if JSON was sent as a form.
    pub(super) fn take_items(&mut self, max: usize) -> Result<ItemList, Problem> {
        self.format.items(&self.body.take_bytes(), max)
    }

    /// Takes the one item that the body is.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_item(&mut self) -> Result<String, Problem> {
        self.format.item(&self.body.take_bytes())
    }

    /// Takes the text of what an operator wrote, which is read more strictly than items, and refused in other words.
    ///
    /// # Errors
    /// 400 if the body is no text, 415 if JSON was sent as a form.
    pub(super) fn take_operators_text(&mut self) -> Result<String, Problem> {
        self.format.operators_text(&self.body.take_bytes())
    }

    /// Takes the one item that the body is, if it is anything but blanks.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_item_if_any(&mut self) -> Result<Option<String>, Problem> {
        let bytes = self.body.take_bytes();
        if bytes.trim_ascii().is_empty() { Ok(None) } else { self.format.item(&bytes).map(Some) }
    }

    /// Takes the texts that the body consists of, by their names; members that are not texts are left out.
    ///
    /// # Errors
    /// As [`Self::take_items`].
    pub(super) fn take_fields(&mut self) -> Result<HashMap<String, String>, Problem> {
        self.format.fields(&self.body.take_bytes())
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
