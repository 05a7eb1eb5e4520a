//! The index queue in PostgreSQL, and the index.
//!
//! The rows of a tenant are numbered under the lock of the tenant's counters, so their order is that of the commits. A server
//! locks the first row and indexes some rows in their order.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connections::{Connections, Session, TxOutcome};
use super::error::PgError;
use super::sql::get;
use super::word_index;
use crate::domain::{TenantId, Timestamp};
use crate::store::StoreError;
use crate::store::index_queue::{self, INDEXING, MAX_ROWS_INDEXED, unpack_entries};

const FIRST: &str = "
    SELECT sequence FROM unlisted
    WHERE tenant = $1 AND sequence = (SELECT min(sequence) FROM unlisted WHERE tenant = $1) FOR UPDATE";

const FIRST_UNLOCKED: &str = "
    SELECT sequence FROM unlisted
    WHERE tenant = $1 AND sequence = (SELECT min(sequence) FROM unlisted WHERE tenant = $1) FOR UPDATE SKIP LOCKED";

const TAKE: &str = "
    DELETE FROM unlisted WHERE tenant = $1 AND sequence < $2 AND changed_at <= $3
    RETURNING sequence, changed_at, entries";

const WRITE: &str = "
    INSERT INTO listed (tenant, contact, changed_at, sort, words)
    SELECT $1, contact, changed_at, sort, array_to_tsvector(string_to_array(words, ' '))
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS new (contact, changed_at, sort, words)
    ON CONFLICT (tenant, contact) DO UPDATE
    SET changed_at = excluded.changed_at, sort = excluded.sort, words = excluded.words";

/// Indexes all queued contacts of one tenant.
pub(super) fn catch_up(connections: &Connections, tenant: TenantId) -> Result<(), StoreError> {
    index_queue::catch_up(
        || connections.run(INDEXING, async |session| is_behind(session, tenant).await),
        || connections.run(INDEXING, async |session| index(session, tenant, Timestamp::LAST, true).await),
    )
}

async fn is_behind(session: &Session, tenant: TenantId) -> Result<bool, PgError> {
    let behind = session.prepare_cached("SELECT EXISTS (SELECT 1 FROM unlisted WHERE tenant = $1)").await?;
    Ok(get(&session.query_one(&behind, &[&tenant.0]).await?, 0)?)
}

/// Indexes some rows of any tenant that were queued by `until`. Returns `false` if there are none that no other server is
/// indexing.
pub(super) async fn index_next(session: &Session, until: Timestamp) -> Result<bool, PgError> {
    let next = session
        .prepare_cached("SELECT tenant FROM unlisted WHERE changed_at <= $1 ORDER BY tenant, sequence LIMIT 1")
        .await?;
    match session.query_opt(&next, &[&until.0]).await? {
        Some(row) => index(session, TenantId(get(&row, 0)?), until, false).await,
        None => Ok(false),
    }
}

/// Indexes some rows of a tenant. If another server is indexing them, waits for it or, without `waits`, returns `false`.
async fn index(session: &Session, tenant: TenantId, until: Timestamp, waits: bool) -> Result<bool, PgError> {
    let lock = session.prepare_cached(if waits { FIRST } else { FIRST_UNLOCKED }).await?;
    let take = session.prepare_cached(TAKE).await?;
    let write = session.prepare_cached(WRITE).await?;
    let remove = session.prepare_cached("DELETE FROM listed WHERE tenant = $1 AND contact = ANY($2::bigint[])").await?;
    session
        .transact(async || {
            let ((), first) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&tenant.0]).await?) },
            )?;
            let Some(first) = first else { return Ok(TxOutcome::RollBack(false)) };
            let end = get::<i64>(&first, 0)?.saturating_add(MAX_ROWS_INDEXED);
            let mut rows = session.query(&take, &[&tenant.0, &end, &until.0]).await?;
            if rows.is_empty() {
                return Ok(TxOutcome::RollBack(false));
            }
            rows.sort_by_key(|row| row.try_get::<_, i64>(0).unwrap_or(i64::MAX));
            let IndexColumns { contacts, changed_at, sort_keys, words, removed } = IndexColumns::of(tenant, &rows)?;
            tokio::try_join!(
                biased;
                async {
                    let values: [&(dyn ToSql + Sync); 5] = [&tenant.0, &contacts, &changed_at, &sort_keys, &words];
                    Ok::<_, PgError>(session.execute(&write, &values).await?)
                },
                async { Ok(session.execute(&remove, &[&tenant.0, &removed]).await?) },
            )?;
            Ok(TxOutcome::Commit(true))
        })
        .await
}

/// The changes that some rows make to the index, as columns.
#[derive(Default)]
struct IndexColumns {
    contacts: Vec<i64>,
    changed_at: Vec<i64>,
    sort_keys: Vec<String>,
    words: Vec<String>,
    /// Contacts that were deleted.
    removed: Vec<i64>,
}

impl IndexColumns {
    /// `rows` are in the order of the commits: sequence, time, packed entries.
    fn of(tenant: TenantId, rows: &[Row]) -> Result<Self, StoreError> {
        // Of several entries of a contact, the last one counts.
        let mut last = BTreeMap::new();
        for row in rows {
            let changed_at: i64 = get(row, 1)?;
            for (contact, entry) in unpack_entries(get(row, 2)?)? {
                last.insert(contact, (changed_at, entry));
            }
        }
        let mut columns = Self::default();
        for (contact, (changed_at, entry)) in last {
            match entry {
                Some(entry) => {
                    columns.contacts.push(contact);
                    columns.changed_at.push(changed_at);
                    // PostgreSQL has no character 0 in text.
                    columns.sort_keys.push(entry.sort_key.replace('\0', "\u{1}"));
                    columns.words.push(word_index::indexed_words(tenant, &entry.search_text));
                }
                None => columns.removed.push(contact),
            }
        }
        Ok(columns)
    }
}
