//! The index queue in SQLite, and the index.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::connections::Connections;
use super::word_index::WordWriter;
use crate::domain::{ContactId, IndexEntry, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::index_queue::{self, INDEXING, MAX_ROWS_INDEXED, QUEUEING, pack_entries, unpack_entries};
use crate::store::{ContactWrite, StoreError};

/// How long a transaction may have taken when it begins to index one more row, as commits wait for it.
const MAX_INDEXING_TIME: Duration = Duration::from_millis(40);

/// Bytes by which the database may grow in one transaction of indexing, about: as much as is indexed in that time.
pub(super) const INDEXED_BYTES: u64 = 1 << 20;

/// Queues the contacts of a commit.
pub(super) fn enqueue(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ContactId],
    writes: &[ContactWrite],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO unlisted (tenant, sequence, changed_at, entries)
             VALUES (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM unlisted WHERE tenant = ?1), ?2, ?3)",
        )
        .context(QUEUEING)?;
    for row in pack_entries(ids, writes)? {
        insert.execute(params![tenant.0, now.0, row]).context(QUEUEING)?;
    }
    Ok(())
}

/// Indexes all queued contacts of one tenant.
pub(super) fn catch_up(connections: &Connections, tenant: TenantId) -> Result<(), StoreError> {
    index_queue::catch_up(
        || connections.read(|connection| is_behind(connection, tenant)),
        // Also on a full disk: a list without what was committed before would be wrong.
        || connections.write(|connection| index_next(connection, Some(tenant), Timestamp::LAST)),
    )
}

fn is_behind(connection: &Connection, tenant: TenantId) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM unlisted WHERE tenant = ?1)")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .context(INDEXING)
}

/// Returns whether rows wait that were queued by `until`.
pub(super) fn is_due(connection: &Connection, until: Timestamp) -> Result<bool, StoreError> {
    Ok(next_row(connection, None, until)?.is_some())
}

/// Returns the tenant and the sequence of the first row that was queued by `until`, of one tenant or of any.
fn next_row(
    connection: &Connection,
    tenant: Option<TenantId>,
    until: Timestamp,
) -> Result<Option<(i64, i64)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT tenant, sequence FROM unlisted WHERE tenant = coalesce(?1, tenant) AND changed_at <= ?2
             ORDER BY tenant, sequence LIMIT 1",
        )
        .and_then(|mut statement| {
            let tenant = tenant.map(|tenant| tenant.0);
            statement.query_row(params![tenant, until.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .context(INDEXING)
}

/// Indexes some rows, of one tenant or of any, that were queued by `until`. Returns `false` if there are none.
pub(super) fn index_next(
    connection: &mut Connection,
    tenant: Option<TenantId>,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let next = next_row(connection, tenant, until)?;
    let Some((tenant, first)) = next else { return Ok(false) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(INDEXING)?;
    let started = Instant::now();
    let mut words = WordWriter::new(&transaction, TenantId(tenant))?;
    for sequence in first..first + MAX_ROWS_INDEXED {
        if started.elapsed() > MAX_INDEXING_TIME {
            break;
        }
        let row: Option<(i64, Vec<u8>)> = transaction
            .prepare_cached("DELETE FROM unlisted WHERE tenant = ?1 AND sequence = ?2 RETURNING changed_at, entries")
            .and_then(|mut statement| {
                statement.query_row([tenant, sequence], |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .context(INDEXING)?;
        if let Some((changed_at, entries)) = row {
            index(&mut words, &transaction, TenantId(tenant), changed_at, &entries)?;
        }
    }
    words.finish()?;
    transaction.commit().context(INDEXING)?;
    Ok(true)
}

fn index(
    words: &mut WordWriter<'_>,
    transaction: &Transaction<'_>,
    tenant: TenantId,
    changed_at: i64,
    row: &[u8],
) -> Result<(), StoreError> {
    let prepare = |sql| transaction.prepare_cached(sql).context(INDEXING);
    let mut find = prepare("SELECT sort, origin, words FROM listed WHERE tenant = ?1 AND contact = ?2")?;
    // Inserts nothing for a contact that is listed, or has been deleted.
    let mut insert = prepare(
        "INSERT INTO listed (tenant, contact, changed_at, sort, origin, words)
         SELECT tenant, id, ?3, ?4, ?5, ?6 FROM contacts WHERE tenant = ?1 AND id = ?2 ON CONFLICT DO NOTHING",
    )?;
    let mut update_time = prepare("UPDATE listed SET changed_at = ?3 WHERE tenant = ?1 AND contact = ?2")?;
    let mut update_sort = prepare("UPDATE listed SET sort = ?3 WHERE tenant = ?1 AND contact = ?2")?;
    let mut update_words = prepare("UPDATE listed SET origin = ?3, words = ?4 WHERE tenant = ?1 AND contact = ?2")?;
    for (contact, entry) in unpack_entries(row)? {
        // In SQLite, a deletion removes the contact from the index at once and queues nothing.
        let Some(IndexEntry { search_text, sort_key }) = entry else { continue };
        let hash = hash_of(&search_text);
        let values = params![tenant.0, contact, changed_at, sort_key, words.origin(), hash];
        // First, since most contacts that are queued are new.
        if insert.execute(values).context(INDEXING)? > 0 {
            words.index(contact, search_text, None)?;
            continue;
        }
        let listed: Option<(String, i64, Option<i64>)> = find
            .query_row([tenant.0, contact], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .context(INDEXING)?;
        let Some((sort, origin, before)) = listed else { continue };
        // Each of these writes an index more.
        update_time.execute(params![tenant.0, contact, changed_at]).context(INDEXING)?;
        if sort != sort_key {
            update_sort.execute(params![tenant.0, contact, sort_key]).context(INDEXING)?;
        }
        if before != Some(hash) {
            update_words.execute(params![tenant.0, contact, words.origin(), hash]).context(INDEXING)?;
            words.index(contact, search_text, Some(origin))?;
        }
    }
    Ok(())
}

/// Returns what tells a search text from others. A text whose words are indexed already is not indexed again.
fn hash_of(text: &str) -> i64 {
    let hash: [u8; 32] = Sha256::digest(text).into();
    hash.first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
}

/// Removes a contact from the index.
pub(super) fn remove(connection: &Connection, tenant: TenantId, contact: i64) -> Result<(), StoreError> {
    let origin: Option<i64> = connection
        .prepare_cached("DELETE FROM listed WHERE tenant = ?1 AND contact = ?2 RETURNING origin")
        .and_then(|mut statement| statement.query_row([tenant.0, contact], |row| row.get(0)).optional())
        .context(INDEXING)?;
    let Some(origin) = origin else { return Ok(()) };
    let mut words = WordWriter::new(connection, tenant)?;
    words.remove(contact, origin)?;
    words.finish()
}
