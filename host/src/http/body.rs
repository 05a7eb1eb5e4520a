//! Receives bodies: how large and how slow one may be, and how much memory all of them take together.

mod arrival;
mod content;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};

use self::arrival::{Arrival, Kept};
use self::content::Content;
use super::body_memory::{BodyMemory, Owner, Reservation, SMALL_BODY_BYTES};
use super::coding_turns::CodingTurns;
use super::content_coding::Coding;
use super::format::Format;
use super::inflate::{Inflater, inflate_small};
use super::problem::Problem;
use crate::domain::{ItemList, Operation, TenantId};

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
    turns: Arc<CodingTurns>,
}

impl Bodies {
    /// Creates the limits of operators' bodies. Those of tenants and strangers are made from them, and share the memory.
    pub(super) fn new(settings: BodySettings, turns: Arc<CodingTurns>) -> Self {
        let memory = BodyMemory::new(settings.connections, settings.max_bytes, settings.memory_bytes);
        Self { settings, owner: Owner::Operator, memory: Arc::new(memory), turns }
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

    /// Returns the same limits for small bodies, such as those of forms.
    pub(super) fn up_to(&self, max_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(self.settings.max_bytes);
        Self { settings: BodySettings { max_bytes, ..self.settings }, ..self.clone() }
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
        let coding = Coding::of_request(headers)?;
        let declared = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        if declared.is_some_and(|bytes| bytes > max_bytes) {
            return Err(Problem::too_large(max_bytes));
        }
        // The final size of a compressed or chunked body is not known yet.
        let most_bytes = declared.filter(|_| coding.is_none()).unwrap_or(max_bytes);
        let most_memory = most_bytes + coding.map_or(0, Inflater::max_memory_bytes);
        let memory = self.memory.begin(self.owner, most_memory).await?;
        let given_up = memory.given_up();
        let content = Content::new(most_bytes, max_bytes, memory);
        tokio::select! {
            content = self.collect(body, content, coding) => {
                let Content { bytes, memory, .. } = content?;
                memory.arrived();
                Ok(ByteBody { bytes: bytes.freeze(), _memory: memory })
            }
            () = given_up.notified() => Err(Problem::given_up()),
            () = tokio::time::sleep(timeout) => Err(Problem::too_slow(timeout.as_secs())),
        }
    }

    async fn collect(&self, body: Incoming, content: Content, coding: Option<Coding>) -> Result<Content, Problem> {
        let mut arrival = Arrival::new(body, self.settings);
        match coding {
            None => fill(content, &mut arrival).await,
            Some(coding) => self.fill_inflated(content, &mut arrival, coding).await,
        }
    }

    async fn fill_inflated(
        &self,
        mut content: Content,
        arrival: &mut Arrival,
        coding: Coding,
    ) -> Result<Content, Problem> {
        let kept = if coding == Coding::Zstd { Kept::of(arrival).await? } else { Kept::default() };
        if kept.is_whole {
            let turn = self.turns.turn(self.owner).await;
            let small = inflate_small(&kept.bytes, SMALL_BODY_BYTES.min(content.max_bytes))?;
            drop(turn);
            if let Some(inflated) = small {
                content.append(&inflated).await?;
                return Ok(content);
            }
            if content.max_bytes <= SMALL_BODY_BYTES {
                return Err(Problem::too_large(content.max_bytes));
            }
        }
        let mut inflater = Inflater::new(coding);
        self.inflate(&kept.bytes, &mut inflater, &mut content).await?;
        drop(kept);
        while let Some(data) = arrival.next().await? {
            self.inflate(&data, &mut inflater, &mut content).await?;
        }
        let rest = inflater.finish()?;
        content.end_decoder();
        content.append(&rest).await?;
        Ok(content)
    }

    /// Inflates bytes that have arrived, in turns.
    async fn inflate(
        &self,
        mut compressed: &[u8],
        inflater: &mut Inflater,
        content: &mut Content,
    ) -> Result<(), Problem> {
        while inflater.has_work(compressed) {
            content.make_room_for_decoder(inflater.memory_bytes()).await?;
            let turn = self.turns.turn(self.owner).await;
            let inflated = inflater.push(&mut compressed)?;
            drop(turn);
            content.append(&inflated).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

async fn fill(mut content: Content, arrival: &mut Arrival) -> Result<Content, Problem> {
    while let Some(data) = arrival.next().await? {
        content.append(&data).await?;
    }
    Ok(content)
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

    /// Takes the items of an operation. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, or is one contact; 415 if JSON was sent as a form.
    pub(super) fn take_items(&mut self, max: usize, operation: Operation) -> Result<ItemList, Problem> {
        self.format.items(&self.body.take_bytes(), max, operation)
    }

    /// Takes the one contact that the body is, for an operation.
    ///
    /// # Errors
    /// As [`Self::take_items`], and 400 if the body is a list.
    pub(super) fn take_contact(&mut self, operation: Operation) -> Result<String, Problem> {
        self.format.contact(&self.body.take_bytes(), operation)
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
