//! The segments of a tenant's word index, as the database has them.
//!
//! The indexing transactions of a tenant are numbered: each has an origin. Its words become a segment, which never changes. A
//! merge makes one segment of several neighbours. A segment covers the origins behind those of the segment before it, up to its
//! last one; so an origin leads to the segment that has the words of a contact which was indexed then.

use rusqlite::{Connection, OptionalExtension, params};

use super::block::Block;
use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::error::Context;
use crate::store::index_queue::INDEXING;

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// The last origin that it covers.
    pub(super) last_origin: i64,
    /// How many merges it went through; with the last origin, what its blocks are stored under.
    pub(super) generation: i64,
    /// How many times its contacts were multiplied: segments of one level are merged into one of the next.
    pub(super) level: i64,
    /// How many contacts have words in it, those included that have not any more.
    pub(super) contacts: i64,
    /// How many of these contacts have been indexed again or deleted since.
    pub(super) dead: i64,
}

/// What blocks, and the contacts that are dead in them, are stored under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) last_origin: i64,
    pub(super) generation: i64,
}

impl Segment {
    pub(super) fn place(&self) -> Place {
        Place { last_origin: self.last_origin, generation: self.generation }
    }
}

/// A merge that is under way: of the segments of one level whose last origin is at most that of the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    pub(super) level: i64,
    /// What the new segment is stored under.
    pub(super) into: Place,
    /// How many blocks of it are written.
    pub(super) blocks: i64,
    /// The last word that these blocks have, with all of its contacts.
    pub(super) done_word: Vec<u8>,
}

impl Merge {
    /// Returns whether a segment is merged by this.
    pub(super) fn takes(&self, segment: &Segment) -> bool {
        segment.level == self.level && segment.last_origin <= self.into.last_origin
    }
}

/// Returns the segments of a tenant, the oldest first.
pub(super) fn all(connection: &Connection, tenant: TenantId) -> Result<Vec<Segment>, StoreError> {
    connection
        .prepare_cached(
            "SELECT last_origin, generation, level, contacts, dead FROM word_segments WHERE tenant = ?1 ORDER BY last_origin",
        )
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Segment {
                    last_origin: row.get(0)?,
                    generation: row.get(1)?,
                    level: row.get(2)?,
                    contacts: row.get(3)?,
                    dead: row.get(4)?,
                })
            };
            statement.query_map([tenant.0], read)?.collect()
        })
        .context(INDEXING)
}

/// Returns the merges of a tenant that are under way.
pub(super) fn merges(connection: &Connection, tenant: TenantId) -> Result<Vec<Merge>, StoreError> {
    connection
        .prepare_cached("SELECT level, last_origin, generation, blocks, done_word FROM word_merges WHERE tenant = ?1")
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                let into = Place { last_origin: row.get(1)?, generation: row.get(2)? };
                Ok(Merge { level: row.get(0)?, into, blocks: row.get(3)?, done_word: row.get(4)? })
            };
            statement.query_map([tenant.0], read)?.collect()
        })
        .context(INDEXING)
}

pub(super) fn add(connection: &Connection, tenant: TenantId, segment: &Segment) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO word_segments (tenant, last_origin, generation, level, contacts, dead) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            let Segment { last_origin, generation, level, contacts, dead } = *segment;
            statement.execute(params![tenant.0, last_origin, generation, level, contacts, dead])
        })
        .map(drop)
        .context(INDEXING)
}

/// Writes blocks of a segment, whose numbers begin with `first`.
pub(super) fn write_blocks(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    first: i64,
    blocks: &[Block],
) -> Result<(), StoreError> {
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO word_blocks (tenant, last_origin, generation, first_word, number, postings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .context(INDEXING)?;
    for (number, block) in (first..).zip(blocks) {
        insert
            .execute(params![tenant.0, place.last_origin, place.generation, block.first_word, number, block.bytes])
            .context(INDEXING)?;
    }
    Ok(())
}

/// Records that a contact's words in a segment do not count any more. Does nothing if they did not before.
pub(super) fn add_dead(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    contact: i64,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO word_dead (tenant, last_origin, generation, contact) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![tenant.0, place.last_origin, place.generation, contact])
}

/// Counts dead contacts of a segment.
pub(super) fn count_dead(
    connection: &Connection,
    tenant: TenantId,
    last_origin: i64,
    count: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE word_segments SET dead = dead + ?3 WHERE tenant = ?1 AND last_origin = ?2")?
        .execute(params![tenant.0, last_origin, count])
        .map(drop)
}

/// Returns the contacts that are dead in a segment.
pub(super) fn dead(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
) -> Result<roaring::RoaringTreemap, StoreError> {
    connection
        .prepare_cached(
            "SELECT contact FROM word_dead WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 ORDER BY contact",
        )
        .and_then(|mut statement| {
            let values = params![tenant.0, place.last_origin, place.generation];
            statement.query_map(values, |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?.collect()
        })
        .context(INDEXING)
}

/// Returns whether a contact is dead in a segment.
pub(super) fn is_dead(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    contact: u64,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(
            "SELECT EXISTS (
               SELECT 1 FROM word_dead WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 AND contact = ?4)",
        )
        .and_then(|mut statement| {
            let contact = i64::try_from(contact).unwrap_or(i64::MAX);
            statement.query_row(params![tenant.0, place.last_origin, place.generation, contact], |row| row.get(0))
        })
        .context(INDEXING)
}

/// Where a block is in its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockKey {
    pub(super) first_word: Vec<u8>,
    pub(super) number: i64,
}

/// Returns the last block that begins before a word, which may have that word.
pub(super) fn block_before(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    word: &[u8],
) -> Result<Option<BlockKey>, StoreError> {
    connection
        .prepare_cached(
            "SELECT first_word, number FROM word_blocks
             WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 AND first_word < ?4
             ORDER BY first_word DESC, number DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            let values = params![tenant.0, place.last_origin, place.generation, word];
            statement.query_row(values, |row| Ok(BlockKey { first_word: row.get(0)?, number: row.get(1)? })).optional()
        })
        .context(INDEXING)
}

/// Calls `read` with each block from one on whose first word is before `below`.
pub(super) fn each_block(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    from: &BlockKey,
    below: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT postings FROM word_blocks
             WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3
               AND (first_word, number) >= (?4, ?5) AND first_word < ?6
             ORDER BY first_word, number",
        )
        .context(INDEXING)?;
    let values = params![tenant.0, place.last_origin, place.generation, from.first_word, from.number, below];
    let mut rows = statement.query(values).context(INDEXING)?;
    while let Some(row) = rows.next().context(INDEXING)? {
        let postings = row.get_ref(0).context(INDEXING)?.as_blob().context(INDEXING)?;
        read(postings)?;
    }
    Ok(())
}

/// Returns the first block at a place or behind it.
pub(super) fn block_from(
    connection: &Connection,
    tenant: TenantId,
    place: Place,
    from: &BlockKey,
) -> Result<Option<(BlockKey, Vec<u8>)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT first_word, number, postings FROM word_blocks
             WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 AND (first_word, number) >= (?4, ?5)
             ORDER BY first_word, number LIMIT 1",
        )
        .and_then(|mut statement| {
            let values = params![tenant.0, place.last_origin, place.generation, from.first_word, from.number];
            let read =
                |row: &rusqlite::Row<'_>| Ok((BlockKey { first_word: row.get(0)?, number: row.get(1)? }, row.get(2)?));
            statement.query_row(values, read).optional()
        })
        .context(INDEXING)
}
