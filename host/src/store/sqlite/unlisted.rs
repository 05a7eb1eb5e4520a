//! What lists and searches go by follows what is committed. A commit only notes, in a few rows, how its contacts are to be
//! found; the indexes are brought up to date when somebody asks or nothing else is to be done. They cost more than the
//! contacts themselves, and nobody waits for a job in order to search.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::connections::Connections;
use super::words;
use crate::domain::{ContactId, TenantId, Timestamp};
use crate::store::error::Doing;
use crate::store::packing::{pack, unpack};
use crate::store::{ContactWrite, StoreError};

const NOTING: &str = "noting how contacts are found";
const LISTING: &str = "bringing lists up to date";
/// Contacts that are noted in one row, so that a row is never too much to work through, however much is committed at once.
const NOTED: usize = 500;
/// Notes that are worked through in one transaction: the index of words is four times faster in tens than one by one, and
/// holds up a commit for a few hundredths of a second at most.
const NOTES: i64 = 10;
/// Time after which no further note is begun: others want to write, too.
const TURN: Duration = Duration::from_millis(40);
/// How long a list may take to be brought up to date while somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Notes how the contacts of a commit are found from now on.
pub(super) fn note(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ContactId],
    writes: &[ContactWrite],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |(id, write): (&ContactId, &ContactWrite)| {
        serde_json::to_string(&(id.0, &write.index_entry.search_text, &write.index_entry.sort_key)).doing(NOTING)
    };
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO unlisted (tenant, sequence, changed_at, entries)
             VALUES (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM unlisted WHERE tenant = ?1), ?2, ?3)",
        )
        .doing(NOTING)?;
    for (ids, writes) in ids.chunks(NOTED).zip(writes.chunks(NOTED)) {
        let entries = ids.iter().zip(writes).map(entry).collect::<Result<Vec<_>, _>>()?;
        let entries = pack(entries.iter().map(String::as_str))?;
        insert.execute(params![tenant.0, now.0, entries]).doing(NOTING)?;
    }
    Ok(())
}

/// Lists everything of one tenant.
pub(super) fn catch_up(connections: &Connections, tenant: TenantId) -> Result<(), StoreError> {
    let started = Instant::now();
    while connections.read(|connection| is_behind(connection, tenant))? {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::IndexBehind);
        }
        connections.write(|connection| index_next(connection, Some(tenant), Timestamp::LAST))?;
    }
    Ok(())
}

fn is_behind(connection: &Connection, tenant: TenantId) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM unlisted WHERE tenant = ?1)")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .doing(LISTING)
}

/// Lists some notes of this or any tenant that were committed by `until`. `false` if there is none.
pub(super) fn index_next(
    connection: &mut Connection,
    tenant: Option<TenantId>,
    until: Timestamp,
) -> Result<bool, StoreError> {
    // Looking needs no lock, and mostly there is nothing.
    let next: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT tenant, sequence FROM unlisted WHERE tenant = coalesce(?1, tenant) AND changed_at <= ?2
             ORDER BY tenant, sequence LIMIT 1",
        )
        .and_then(|mut statement| {
            let tenant = tenant.map(|tenant| tenant.0);
            statement.query_row(params![tenant, until.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .doing(LISTING)?;
    let Some((tenant, first)) = next else { return Ok(false) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(LISTING)?;
    let started = Instant::now();
    for sequence in first..first + NOTES {
        if started.elapsed() > TURN {
            break;
        }
        let note: Option<(i64, Vec<u8>)> = transaction
            .prepare_cached("DELETE FROM unlisted WHERE tenant = ?1 AND sequence = ?2 RETURNING changed_at, entries")
            .and_then(|mut statement| {
                statement.query_row([tenant, sequence], |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .doing(LISTING)?;
        if let Some((changed_at, entries)) = note {
            list(&transaction, TenantId(tenant), changed_at, &unpack(&entries)?)?;
        }
    }
    transaction.commit().doing(LISTING)?;
    Ok(true)
}

fn list(transaction: &Transaction<'_>, tenant: TenantId, changed_at: i64, entries: &str) -> Result<(), StoreError> {
    // A contact that was deleted meanwhile stays unlisted.
    let mut place = transaction
        .prepare_cached(
            "INSERT INTO listed (tenant, contact, changed_at, sort)
             SELECT tenant, id, ?3, ?4 FROM contacts WHERE tenant = ?1 AND id = ?2
             ON CONFLICT (tenant, contact) DO UPDATE SET changed_at = excluded.changed_at, sort = excluded.sort",
        )
        .doing(LISTING)?;
    let mut index = transaction
        .prepare_cached("INSERT OR REPLACE INTO contact_words (rowid, words) VALUES (?1, ?2)")
        .doing(LISTING)?;
    for entry in entries.lines() {
        let (contact, text, sort): (i64, String, String) = serde_json::from_str(entry)
            .map_err(|error| StoreError::Corrupt(format!("how a contact is found: {error}")))?;
        if place.execute(params![tenant.0, contact, changed_at, sort]).doing(LISTING)? > 0 {
            index.execute(params![words::place(tenant, contact), words::marked(tenant, &text)]).doing(LISTING)?;
        }
    }
    Ok(())
}

/// Takes a contact off all lists.
pub(super) fn forget(connection: &Connection, tenant: TenantId, contact: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM listed WHERE tenant = ?1 AND contact = ?2")?.execute([tenant.0, contact])?;
    connection
        .prepare_cached("DELETE FROM contact_words WHERE rowid = ?1")?
        .execute([words::place(tenant, contact)])?;
    Ok(())
}
