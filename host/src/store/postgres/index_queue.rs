//! What lists and searches go by follows what is committed. A commit only notes, in a few rows, how its contacts are to be
//! found; the indexes are brought up to date when somebody asks or nothing else is to be done. They cost more than the
//! contacts themselves, and nobody waits for a job in order to search.
//!
//! Notes of a tenant are numbered under its tally's lock, so their order is that of the commits. Whoever has locked the
//! first of them lists; what stands in the lists is what the notes say, one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::connections::{Connections, Session, TxOutcome};
use super::error::PgError;
use super::sql::get;
use super::words;
use crate::domain::{ContactId, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::packing::{pack, unpack};
use crate::store::{ContactWrite, StoreError};

const NOTING: &str = "noting how contacts are found";
pub(super) const INDEXING: &str = "bringing lists up to date";
/// Contacts that are noted in one row, so that a row is never too much to work through, however much is committed at once.
const NOTED: usize = 500;
/// Notes that are worked through in one transaction.
const NOTES: i64 = 10;
/// How long a list may take to be brought up to date while somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line of a note: a contact, and its words and place in lists unless it was deleted.
type Entry<'a> = (u64, Option<&'a str>, Option<&'a str>);

/// How many notes it takes to say how these contacts are found.
pub(super) fn notes(writes: &[ContactWrite]) -> usize {
    writes.len().div_ceil(NOTED)
}

/// How the contacts of a commit are found from now on, a note each.
pub(super) fn entries(ids: &[ContactId], writes: &[ContactWrite]) -> Result<Vec<Vec<u8>>, StoreError> {
    let line = |(id, write): (&ContactId, &ContactWrite)| {
        let entry: Entry<'_> = (id.0, Some(&write.index_entry.search_text), Some(&write.index_entry.sort_key));
        serde_json::to_string(&entry).context(NOTING)
    };
    let note = |(ids, writes): (&[ContactId], &[ContactWrite])| {
        let lines = ids.iter().zip(writes).map(line).collect::<Result<Vec<_>, _>>()?;
        pack(lines.iter().map(String::as_str))
    };
    ids.chunks(NOTED).zip(writes.chunks(NOTED)).map(note).collect()
}

/// That a contact is not found any more.
pub(super) fn removal(id: ContactId) -> Result<Vec<u8>, StoreError> {
    let entry: Entry<'_> = (id.0, None, None);
    pack([serde_json::to_string(&entry).context(NOTING)?.as_str()])
}

/// Lists everything of one tenant.
pub(super) fn catch_up(connections: &Connections, tenant: TenantId) -> Result<(), StoreError> {
    let started = Instant::now();
    while connections.run(INDEXING, async |session| is_behind(session, tenant).await)? {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::IndexBehind);
        }
        connections.run(INDEXING, async |session| list(session, tenant, Timestamp::LAST, true).await)?;
    }
    Ok(())
}

async fn is_behind(session: &Session, tenant: TenantId) -> Result<bool, PgError> {
    let behind = session.prepare_cached("SELECT EXISTS (SELECT 1 FROM unlisted WHERE tenant = $1)").await?;
    Ok(get(&session.query_one(&behind, &[&tenant.0]).await?, 0)?)
}

/// Lists some notes of any tenant that were made by `until`. `false` if there is none that nobody else is at.
pub(super) async fn index_next(session: &Session, until: Timestamp) -> Result<bool, PgError> {
    let next = session
        .prepare_cached("SELECT tenant FROM unlisted WHERE changed_at <= $1 ORDER BY tenant, sequence LIMIT 1")
        .await?;
    match session.query_opt(&next, &[&until.0]).await? {
        Some(row) => list(session, TenantId(get(&row, 0)?), until, false).await,
        None => Ok(false),
    }
}

/// Lists some notes of a tenant. If another host is at them, it is waited for or, `false`, left alone.
async fn list(session: &Session, tenant: TenantId, until: Timestamp, is_awaited: bool) -> Result<bool, PgError> {
    const FIRST: &str = "SELECT sequence FROM unlisted WHERE tenant = $1
        AND sequence = (SELECT min(sequence) FROM unlisted WHERE tenant = $1) FOR UPDATE";
    const FREE_FIRST: &str = "SELECT sequence FROM unlisted WHERE tenant = $1
        AND sequence = (SELECT min(sequence) FROM unlisted WHERE tenant = $1) FOR UPDATE SKIP LOCKED";
    let lock = session.prepare_cached(if is_awaited { FIRST } else { FREE_FIRST }).await?;
    let take = session
        .prepare_cached(
            "DELETE FROM unlisted WHERE tenant = $1 AND sequence < $2 AND changed_at <= $3
             RETURNING sequence, changed_at, entries",
        )
        .await?;
    let write = session
        .prepare_cached(
            "INSERT INTO listed (tenant, contact, changed_at, sort, words)
             SELECT $1, contact, changed_at, sort, array_to_tsvector(string_to_array(words, ' '))
             FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS new (contact, changed_at, sort, words)
             ON CONFLICT (tenant, contact) DO UPDATE
             SET changed_at = excluded.changed_at, sort = excluded.sort, words = excluded.words",
        )
        .await?;
    let remove = session.prepare_cached("DELETE FROM listed WHERE tenant = $1 AND contact = ANY($2::bigint[])").await?;
    session
        .transact(async || {
            let ((), first) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&tenant.0]).await?) },
            )?;
            let Some(first) = first else { return Ok(TxOutcome::RollBack(false)) };
            let end = get::<i64>(&first, 0)?.saturating_add(NOTES);
            let mut notes = session.query(&take, &[&tenant.0, &end, &until.0]).await?;
            if notes.is_empty() {
                return Ok(TxOutcome::RollBack(false));
            }
            notes.sort_by_key(|note| note.try_get::<_, i64>(0).unwrap_or(i64::MAX));
            let lists = Lists::of(tenant, &notes)?;
            tokio::try_join!(
                biased;
                async {
                    let (times, sorts, words) = (&lists.changed_at, &lists.sorts, &lists.words);
                    Ok::<_, PgError>(
                        session.execute(&write, &[&tenant.0, &lists.contacts, times, sorts, words]).await?,
                    )
                },
                async { Ok(session.execute(&remove, &[&tenant.0, &lists.removed]).await?) },
            )?;
            Ok(TxOutcome::Commit(true))
        })
        .await
}

/// What some notes come to, as columns.
#[derive(Default)]
struct Lists {
    contacts: Vec<i64>,
    changed_at: Vec<i64>,
    sorts: Vec<String>,
    words: Vec<String>,
    removed: Vec<i64>,
}

impl Lists {
    fn of(tenant: TenantId, notes: &[Row]) -> Result<Self, StoreError> {
        // Of several notes about a contact, the last one counts.
        let mut last = BTreeMap::new();
        for note in notes {
            let changed_at: i64 = get(note, 1)?;
            for line in unpack(get(note, 2)?)?.lines() {
                let (contact, text, sort): (i64, Option<String>, Option<String>) = serde_json::from_str(line)
                    .map_err(|error| StoreError::Corrupt(format!("how a contact is found: {error}")))?;
                last.insert(contact, (changed_at, text.zip(sort)));
            }
        }
        let mut lists = Self::default();
        for (contact, (changed_at, found)) in last {
            match found {
                Some((text, sort)) => {
                    lists.contacts.push(contact);
                    lists.changed_at.push(changed_at);
                    // PostgreSQL has no character 0 in text.
                    lists.sorts.push(sort.replace('\0', "\u{1}"));
                    lists.words.push(words::marked(tenant, &text));
                }
                None => lists.removed.push(contact),
            }
        }
        Ok(lists)
    }
}
