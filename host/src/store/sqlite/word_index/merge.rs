//! Merges segments: small ones in the transaction that made the last of them, large ones a step at a time.
//!
//! A step reads what the segments of a merge have behind the last word that is done, without a lock, since segments do not change.
//! Then it writes that to the new segment, if no other step did so meanwhile. The last step puts the new segment in the place of the
//! others, whose blocks are then deleted a step at a time.

use roaring::RoaringTreemap;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::block::{Block, BlockWriter};
use super::cursor::Cursor;
use super::segments::{self, Merge, Place, Segment};
use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::error::Context;
use crate::store::index_queue::INDEXING;
use crate::store::sqlite::connections::Connections;

/// Segments of a level that are merged.
const FAN_OUT: usize = 8;
/// Contacts of segments that are merged at once at most.
const MAX_AT_ONCE: i64 = 1_000;
/// Merges of one transaction at most.
const MAX_MERGES_AT_ONCE: usize = 16;
/// A segment is merged if one of so many of its contacts is dead.
const DEAD_PART: i64 = 4;
/// Blocks of the new segment from which a step ends, about a megabyte.
const STEP_BLOCKS: usize = 1_000;
/// Bytes of a whole new segment that a full disk is to have room for: a 16th of what is kept for deleting.
const SPARED_BYTES: u64 = 1 << 20;
/// Rows that a step deletes at most.
const STEP_ROWS: usize = 2_000;
/// Dead contacts for which a step writes one more block, because each step reads all of them.
const DEAD_PER_BLOCK: u64 = 250;

/// Merges the segments of a tenant that are due for it, or begins to.
pub(super) fn begin(connection: &Connection, tenant: TenantId) -> Result<(), StoreError> {
    // Each merge leaves fewer segments, or none of its contacts dead.
    for _ in 0..MAX_MERGES_AT_ONCE {
        let segments = segments::all(connection, tenant)?;
        let merges = segments::merges(connection, tenant)?;
        // Those of a level are neighbours.
        let levels = segments.chunk_by(|one, next| one.level == next.level);
        let is_free =
            |of_level: &&[Segment]| of_level.iter().all(|one| merges.iter().all(|merge| merge.level != one.level));
        let Some(due) = levels.filter(is_free).find_map(due) else { return Ok(()) };
        merge_or_begin(connection, tenant, due)?;
    }
    Ok(())
}

/// Returns the segments of a level that are due to be merged: the oldest, so that those of a level stay neighbours.
fn due(of_level: &[Segment]) -> Option<&[Segment]> {
    if of_level.len() >= FAN_OUT {
        return Some(of_level);
    }
    let is_dead = |segment: &Segment| segment.dead > 0 && segment.dead * DEAD_PART > segment.contacts;
    let last = of_level.iter().rposition(is_dead)?;
    of_level.get(..=last)
}

fn merge_or_begin(connection: &Connection, tenant: TenantId, due: &[Segment]) -> Result<(), StoreError> {
    let Some((level, into)) = new_place(due) else { return Ok(()) };
    connection
        .prepare_cached("INSERT INTO word_merges (tenant, level, last_origin, generation) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![tenant.0, level, into.last_origin, into.generation]))
        .context(INDEXING)?;
    if due.iter().map(|segment| segment.contacts).sum::<i64>() > MAX_AT_ONCE {
        return Ok(());
    }
    let merge = Merge { level, into, blocks: 0, done_word: Vec::new() };
    let part = read(connection, tenant, &merge, usize::MAX)?;
    write(connection, tenant, &merge, &part)?;
    // These blocks are few.
    for segment in due {
        delete_blocks(connection, tenant, segment.place(), usize::MAX)?;
        forget_dropped(connection, tenant, segment.place())?;
    }
    Ok(())
}

/// Returns the level of these segments, and what the new segment of their contacts is stored under.
fn new_place(due: &[Segment]) -> Option<(i64, Place)> {
    let last = due.last()?;
    let generation = due.iter().map(|segment| segment.generation).max()? + 1;
    Some((last.level, Place { last_origin: last.last_origin, generation }))
}

/// Deletes some of what merges left, which needs no room on the disk. Returns `false` if nothing is left.
pub(in crate::store::sqlite) fn delete_merged(connections: &Connections) -> Result<bool, StoreError> {
    let Some((tenant, place)) = connections.read(first_dropped)? else { return Ok(false) };
    connections.write(|connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(INDEXING)?;
        delete_some(&transaction, tenant, place)?;
        transaction.commit().context(INDEXING)
    })?;
    Ok(true)
}

/// Does a step of any merge. Returns `false` if no segments are to be merged.
pub(in crate::store::sqlite) fn step(connections: &Connections) -> Result<bool, StoreError> {
    let found = connections.read(|connection| {
        let Some(tenant) = first_merging(connection)? else { return Ok(None) };
        let merges = segments::merges(connection, tenant)?;
        let Some(merge) = merges.into_iter().min_by_key(|merge| merge.level) else { return Ok(None) };
        let part = read(connection, tenant, &merge, STEP_BLOCKS)?;
        Ok(Some((tenant, merge, part)))
    })?;
    let Some((tenant, merge, part)) = found else { return Ok(false) };
    let write = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(INDEXING)?;
        write(&transaction, tenant, &merge, &part)?;
        transaction.commit().context(INDEXING)
    };
    if merge.blocks == 0 && part.is_last && part.bytes() <= SPARED_BYTES {
        // It makes room: what is merged is larger.
        connections.write(write)?;
    } else {
        connections.write_growing(part.bytes(), write)?;
    }
    Ok(true)
}

fn first_merging(connection: &Connection) -> Result<Option<TenantId>, StoreError> {
    connection
        .prepare_cached("SELECT tenant FROM word_merges LIMIT 1")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(TenantId)).optional())
        .context(INDEXING)
}

fn first_dropped(connection: &Connection) -> Result<Option<(TenantId, Place)>, StoreError> {
    connection
        .prepare_cached("SELECT tenant, last_origin, generation FROM word_dropped LIMIT 1")
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok((TenantId(row.get(0)?), Place { last_origin: row.get(1)?, generation: row.get(2)? }))
            };
            statement.query_row([], read).optional()
        })
        .context(INDEXING)
}

/// Returns the segments of a merge, the oldest first.
fn merged(connection: &Connection, tenant: TenantId, merge: &Merge) -> Result<Vec<Segment>, StoreError> {
    Ok(segments::all(connection, tenant)?.into_iter().filter(|segment| merge.takes(segment)).collect())
}

/// Some of a new segment.
struct Part {
    blocks: Vec<Block>,
    /// The last word of these blocks, with all of its contacts.
    done_word: Vec<u8>,
    /// Whether these blocks are the last.
    is_last: bool,
}

impl Part {
    fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| (block.bytes.len() + block.first_word.len()) as u64).sum()
    }
}

/// Reads what the segments of a merge have behind the words that are done, for some `blocks`.
fn read(connection: &Connection, tenant: TenantId, merge: &Merge, blocks: usize) -> Result<Part, StoreError> {
    let mut part = Part { blocks: Vec::new(), done_word: Vec::new(), is_last: true };
    let mut cursors = Vec::new();
    let mut dead_contacts = 0;
    for segment in merged(connection, tenant, merge)? {
        let dead = segments::dead(connection, tenant, segment.place())?;
        dead_contacts += dead.len();
        cursors.push((Cursor::open(connection, tenant, segment.place(), &merge.done_word)?, dead));
    }
    let blocks = blocks.max(usize::try_from(dead_contacts / DEAD_PER_BLOCK).unwrap_or(usize::MAX));
    let mut writer = BlockWriter::default();
    let mut contacts = WordContacts::default();
    while let Some(word) = cursors.iter().filter_map(|(cursor, _)| cursor.word()).min().map(<[u8]>::to_vec) {
        if part.blocks.len() >= blocks {
            part.is_last = false;
            break;
        }
        for (cursor, dead) in &mut cursors {
            cursor.take(&word, |first, last| contacts.add(first, last, dead))?;
        }
        contacts.drain(|contact| part.blocks.extend(writer.push(&word, contact)));
        part.done_word = word;
    }
    part.blocks.extend(writer.finish());
    Ok(part)
}

/// The contacts of one word, which all segments of a merge have together.
#[derive(Default)]
struct WordContacts {
    /// All of them, in any order, while they are few.
    few: Vec<u64>,
    many: RoaringTreemap,
}

impl WordContacts {
    /// Contacts from which a set takes less memory.
    const MANY: usize = 1_000;

    fn add(&mut self, first: u64, last: u64, dead: &RoaringTreemap) {
        if last - first >= Self::MANY as u64 && dead.is_empty() {
            self.many.insert_range(first..=last);
            return;
        }
        let is_alive = |contact: &u64| dead.is_empty() || !dead.contains(*contact);
        if self.few.len() as u64 + (last - first) < Self::MANY as u64 {
            self.few.extend((first..=last).filter(is_alive));
        } else {
            self.many.extend((first..=last).filter(is_alive));
        }
    }

    /// Calls `each` with the contacts, in their order, and forgets them.
    fn drain(&mut self, each: impl FnMut(u64)) {
        if self.many.is_empty() {
            self.few.sort_unstable();
            self.few.dedup();
            self.few.drain(..).for_each(each);
        } else {
            self.many.extend(self.few.drain(..));
            std::mem::take(&mut self.many).into_iter().for_each(each);
        }
    }
}

/// Writes a part of the new segment, unless another step wrote it meanwhile.
fn write(connection: &Connection, tenant: TenantId, merge: &Merge, part: &Part) -> Result<(), StoreError> {
    let Merge { level, into, blocks, .. } = merge;
    let added = i64::try_from(part.blocks.len()).unwrap_or(i64::MAX);
    let taken = connection
        .prepare_cached(
            "UPDATE word_merges SET blocks = blocks + ?6, done_word = ?7
             WHERE tenant = ?1 AND level = ?2 AND last_origin = ?3 AND generation = ?4 AND blocks = ?5",
        )
        .and_then(|mut statement| {
            let Place { last_origin, generation } = into;
            statement.execute(params![tenant.0, level, last_origin, generation, blocks, added, part.done_word])
        })
        .context(INDEXING)?;
    if taken == 0 {
        return Ok(());
    }
    segments::write_blocks(connection, tenant, *into, *blocks, &part.blocks)?;
    if part.is_last { finish(connection, tenant, merge) } else { Ok(()) }
}

/// Puts the new segment in the place of those that were merged.
fn finish(connection: &Connection, tenant: TenantId, merge: &Merge) -> Result<(), StoreError> {
    let merged = merged(connection, tenant, merge)?;
    let run = |sql: &str, values: &[i64]| {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(values)))
            .context(INDEXING)
    };
    for segment in &merged {
        run(
            "INSERT INTO word_dropped (tenant, last_origin, generation) VALUES (?1, ?2, ?3)",
            &[tenant.0, segment.last_origin, segment.generation],
        )?;
        run("DELETE FROM word_segments WHERE tenant = ?1 AND last_origin = ?2", &[tenant.0, segment.last_origin])?;
    }
    run("DELETE FROM word_merges WHERE tenant = ?1 AND level = ?2", &[tenant.0, merge.level])?;
    // The other dead contacts of these segments are left out of the new one.
    let dead: i64 = connection
        .prepare_cached("SELECT count(*) FROM word_dead WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3")
        .and_then(|mut statement| {
            statement.query_row(params![tenant.0, merge.into.last_origin, merge.into.generation], |row| row.get(0))
        })
        .context(INDEXING)?;
    let of_merged: (i64, i64) =
        merged.iter().fold((0, 0), |sum, segment| (sum.0 + segment.contacts, sum.1 + segment.dead));
    let level = if merged.len() >= FAN_OUT { merge.level + 1 } else { merge.level };
    let contacts = (of_merged.0 - of_merged.1 + dead).max(dead);
    let Place { last_origin, generation } = merge.into;
    segments::add(connection, tenant, &Segment { last_origin, generation, level, contacts, dead })
}

/// Deletes some of what a segment left that was merged.
fn delete_some(connection: &Connection, tenant: TenantId, place: Place) -> Result<(), StoreError> {
    if delete_blocks(connection, tenant, place, STEP_ROWS)? < STEP_ROWS {
        forget_dropped(connection, tenant, place)?;
    }
    Ok(())
}

/// Forgets a segment of which nothing is left.
fn forget_dropped(connection: &Connection, tenant: TenantId, place: Place) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM word_dropped WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3")
        .and_then(|mut statement| statement.execute(params![tenant.0, place.last_origin, place.generation]))
        .map(drop)
        .context(INDEXING)
}

/// Deletes blocks and dead contacts of a segment, at most `limit` each. Returns the larger number of the two.
fn delete_blocks(connection: &Connection, tenant: TenantId, place: Place, limit: usize) -> Result<usize, StoreError> {
    const BLOCKS: &str = "DELETE FROM word_blocks WHERE (tenant, last_origin, generation, first_word, number) IN (
        SELECT tenant, last_origin, generation, first_word, number FROM word_blocks
        WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 LIMIT ?4)";
    const DEAD: &str = "DELETE FROM word_dead WHERE (tenant, last_origin, generation, contact) IN (
        SELECT tenant, last_origin, generation, contact FROM word_dead
        WHERE tenant = ?1 AND last_origin = ?2 AND generation = ?3 LIMIT ?4)";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut most = 0;
    for sql in [BLOCKS, DEAD] {
        let deleted = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![tenant.0, place.last_origin, place.generation, limit]))
            .context(INDEXING)?;
        most = most.max(deleted);
    }
    Ok(most)
}
