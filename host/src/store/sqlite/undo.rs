//! What jobs changed, and how their contacts were before.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{SqliteStore, usage};
use crate::domain::{ContactId, Digest, JobId, TenantId, Timestamp};
use crate::store::before_images::{NewImages, UNDOABLE_JOB_BYTES, kept_limit, read_images, with_unfinished_jobs};
use crate::store::error::Context;
use crate::store::packing::read_mode;
use crate::store::purge::MAX_JOBS_DROPPED;
use crate::store::undo::{EarlierUndo, KeptChanges, Undoability, UndoneJob};
use crate::store::{
    BatchCommit, BeforeImages, ChangeMarks, Claim, StoreError, UndoRefusal, UndoRequest, UndoStore, Undoable,
};
use crate::tenants::TenantLimits;

const READING: &str = "reading what a job changed";
const KEEPING: &str = "keeping what a job changed";

impl UndoStore for SqliteStore {
    fn undoable(&self, tenant: TenantId, request: &UndoRequest) -> Result<Undoable, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| undoable(connection, tenant, request, now))
    }

    fn change_marks(&self, tenant: TenantId, job: JobId) -> Result<Vec<ChangeMarks>, StoreError> {
        let blobs: Vec<(u32, Vec<u8>)> = self.connections.read(|connection| {
            connection
                .prepare_cached("SELECT first, marks FROM before_images WHERE tenant = ?1 AND job = ?2 ORDER BY first")
                .and_then(|mut statement| {
                    statement.query_map(params![tenant.0, job.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                })
                .context(READING)
        })?;
        blobs.iter().map(|(first, marks)| ChangeMarks::read(*first, marks)).collect()
    }

    fn before_images(&self, tenant: TenantId, job: JobId, first: u32) -> Result<BeforeImages, StoreError> {
        type Blobs = (Vec<u8>, Vec<u8>, i64);
        let (blobs, purged): (Option<Blobs>, HashSet<ContactId>) = self.connections.read(|connection| {
            let blobs = connection
                .prepare_cached(
                    "SELECT marks, images, purged_to FROM before_images WHERE tenant = ?1 AND job = ?2 AND first = ?3",
                )
                .and_then(|mut statement| {
                    let blobs = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                    statement.query_row(params![tenant.0, job.0, first], blobs).optional()
                })
                .context(READING)?;
            let purged_to = blobs.as_ref().map_or(i64::MAX, |(.., purged_to): &Blobs| *purged_to);
            Ok((blobs, purged_since(connection, tenant, purged_to)?))
        })?;
        blobs.map_or(Ok(Vec::new()), |(marks, images, _)| read_images(&marks, &images, &purged))
    }

    fn purge_contact(&self, tenant: TenantId, id: ContactId) -> Result<(), StoreError> {
        let Ok(contact) = i64::try_from(id.0) else { return Ok(()) };
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(KEEPING)?;
            let is_gone: bool = transaction
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1 AND next_contact > ?2)
                        AND NOT EXISTS (SELECT 1 FROM contacts WHERE tenant = ?1 AND id = ?2)",
                )
                .and_then(|mut statement| statement.query_row([tenant.0, contact], |row| row.get(0)))
                .context(READING)?;
            if is_gone && !is_purged(&transaction, tenant, contact)? {
                purge(&transaction, tenant, contact, now)?;
            }
            transaction.commit().context(KEEPING)
        })
    }
}

/// Returns the contacts that were deleted after a row was rewritten.
pub(super) fn purged_since(
    connection: &Connection,
    tenant: TenantId,
    sequence: i64,
) -> Result<HashSet<ContactId>, StoreError> {
    connection
        .prepare_cached("SELECT contact FROM purged_contacts WHERE tenant = ?1 AND sequence > ?2")
        .and_then(|mut statement| {
            let contact = |row: &Row<'_>| Ok(ContactId(row.get::<_, i64>(0)?.unsigned_abs()));
            statement.query_map([tenant.0, sequence], contact)?.collect()
        })
        .context(READING)
}

/// Returns whether a job can be undone.
pub(super) fn undoable(
    connection: &Connection,
    tenant: TenantId,
    request: &UndoRequest,
    now: Timestamp,
) -> Result<Undoable, StoreError> {
    let job = request.undo.job;
    let found: Option<(bool, Option<String>, i64)> = connection
        .prepare_cached(
            "SELECT finished_at IS NOT NULL, mode, created + updated + deleted FROM jobs
             WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
        )
        .and_then(|mut statement| {
            let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_row(params![tenant.0, job.0, now.0], columns).optional()
        })
        .context(READING)?;
    let found = found.map(|(is_finished, mode, written)| {
        let (_, dry_run) = read_mode(mode.as_deref())?;
        Ok::<_, StoreError>(UndoneJob { is_finished, is_dry_run: dry_run.is_some(), written })
    });
    let kept = connection
        .prepare_cached(
            "SELECT kept.processor, kept.expires_at, kept.undone_as, other.mode, other.finished_at IS NOT NULL,
                    other.cancelled_at IS NOT NULL, redone.undone_as,
                    EXISTS (SELECT 1 FROM undoable_jobs AS redo
                            WHERE redo.tenant = ?1 AND redo.job = redone.undone_as AND redo.expires_at > ?3)
                    OR EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = redone.undone_as AND finished_at IS NULL)
             FROM undoable_jobs AS kept
             LEFT JOIN jobs AS other ON other.tenant = ?1 AND other.id = kept.undone_as AND other.expires_at > ?3
             LEFT JOIN undoable_jobs AS redone ON redone.tenant = ?1 AND redone.job = kept.undone_as
             WHERE kept.tenant = ?1 AND kept.job = ?2 AND kept.expires_at > ?3",
        )
        .and_then(|mut statement| statement.query_row(params![tenant.0, job.0, now.0], kept_changes).optional())
        .context(READING)?;
    Undoability { job: found.transpose()?, kept }.judge(request)
}

fn kept_changes(row: &Row<'_>) -> rusqlite::Result<KeptChanges> {
    let undone_as = match row.get::<_, Option<Uuid>>(2)? {
        None => None,
        Some(job) => Some(EarlierUndo {
            job: JobId(job),
            mode: row.get(3)?,
            is_finished: row.get(4)?,
            is_cancelled: row.get(5)?,
            undone_as: row.get::<_, Option<Uuid>>(6)?.map(JobId),
            is_redo_kept: row.get(7)?,
        }),
    };
    Ok(KeptChanges { processor: Digest(row.get(0)?), expires_at: Timestamp(row.get(1)?), undone_as })
}

/// Remembers the job that undoes another one. Returns why it cannot, if what the other changed is not kept any more.
pub(super) fn remember_undo(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    undone: JobId,
    undo: JobId,
) -> Result<Option<UndoRefusal>, StoreError> {
    let changed = transaction
        .prepare_cached("UPDATE undoable_jobs SET undone_as = ?3 WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.0, undone.0, undo.0]))
        .context(KEEPING)?;
    Ok((changed == 0).then_some(UndoRefusal::NotKept))
}

/// Keeps how the contacts of a batch were before, so that the job can be undone for a time. Deletes what is kept of the tenant's
/// oldest jobs once the job is finished and the tenant's limit is exceeded; until then nobody knows whether this job itself fits.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    claim: &Claim,
    batch: &BatchCommit,
    (images, ids): (Option<NewImages>, &[ContactId]),
    is_finished: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (tenant, job) = (claim.tenant, claim.job);
    let (Some(images), Some(time)) = (images, claim.undoable_for()) else {
        // The limit may have been another when the job began.
        return if batch.first > 0 { forget(transaction, tenant, job).map(drop) } else { Ok(()) };
    };
    let Some(before) = begin(transaction, claim, batch.first == 0, now.after(time))? else { return Ok(()) };
    let rows = images.with_ids(batch, ids)?;
    let limit = kept_limit(&claim.limits);
    let bytes = rows.iter().map(|row| row.stored_bytes()).sum::<i64>();
    let is_nothing = rows.is_empty() && is_finished && before == UNDOABLE_JOB_BYTES;
    if is_nothing || !fits(transaction, claim, before.saturating_add(bytes), bytes, limit)? {
        forget(transaction, tenant, job)?;
        return if is_finished { make_room(transaction, tenant, job, 0, limit) } else { Ok(()) };
    }
    if is_finished {
        make_room(transaction, tenant, job, bytes, limit)?;
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO before_images (tenant, job, first, purged_to, marks, images)
             SELECT ?1, ?2, ?3, coalesce((SELECT purges FROM usage WHERE tenant = ?1), 0), ?4, ?5",
        )
        .context(KEEPING)?;
    for row in &rows {
        insert.execute(params![tenant.0, job.0, row.first, row.marks, row.images]).context(KEEPING)?;
    }
    transaction
        .prepare_cached("UPDATE undoable_jobs SET bytes = bytes + ?3 WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.0, job.0, bytes]))
        .context(KEEPING)?;
    usage::add_kept_bytes(transaction, tenant, bytes)
}

/// Makes room after a job was cancelled, of which nobody knew before how much it would keep.
pub(super) fn cancelled(transaction: &Transaction<'_>, tenant: TenantId, job: JobId) -> Result<(), StoreError> {
    let limits: Option<String> = transaction
        .prepare_cached("SELECT limits FROM tenants WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)).optional())
        .context(KEEPING)?;
    match limits {
        Some(limits) => make_room(transaction, tenant, job, 0, kept_limit(&TenantLimits::parse_stored(&limits))),
        None => Ok(()),
    }
}

/// Makes a job undoable with its first commit, and for longer with each later one. Returns the bytes that are kept of it; `None` if
/// an earlier commit is not kept, so that the job cannot be undone.
fn begin(
    transaction: &Transaction<'_>,
    claim: &Claim,
    is_first: bool,
    until: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let (tenant, job) = (claim.tenant.0, claim.job.0);
    if !is_first {
        return transaction
            .prepare_cached("UPDATE undoable_jobs SET expires_at = ?3 WHERE tenant = ?1 AND job = ?2 RETURNING bytes")
            .and_then(|mut statement| statement.query_row(params![tenant, job, until.0], |row| row.get(0)).optional())
            .context(KEEPING);
    }
    transaction
        .prepare_cached(
            "INSERT INTO undoable_jobs (tenant, job, processor, bytes, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut statement| {
            statement.execute(params![tenant, job, claim.pinned.processor.0, UNDOABLE_JOB_BYTES, until.0])
        })
        .context(KEEPING)?;
    usage::add_kept_bytes(transaction, claim.tenant, UNDOABLE_JOB_BYTES)?;
    Ok(Some(UNDOABLE_JOB_BYTES))
}

/// Returns whether a job may keep `of_job` bytes, `bytes` of them new. If unfinished jobs of the tenant keep too much together, deletes
/// what is kept of the largest ones; this may be the largest.
fn fits(transaction: &Transaction<'_>, claim: &Claim, of_job: i64, bytes: i64, limit: i64) -> Result<bool, StoreError> {
    if of_job > limit {
        return Ok(false);
    }
    while usage::kept_bytes(transaction, claim.tenant)?.saturating_add(bytes) > with_unfinished_jobs(limit) {
        let largest: Option<(Uuid, i64)> = transaction
            .prepare_cached(
                "SELECT kept.job, kept.bytes
                 FROM jobs INDEXED BY jobs_unfinished
                 CROSS JOIN undoable_jobs AS kept ON kept.tenant = ?1 AND kept.job = jobs.id
                 WHERE jobs.tenant = ?1 AND jobs.finished_at IS NULL AND kept.job <> ?2 ORDER BY kept.bytes DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
                statement.query_row(params![claim.tenant.0, claim.job.0], columns).optional()
            })
            .context(KEEPING)?;
        match largest {
            Some((job, largest)) if largest > of_job => forget(transaction, claim.tenant, JobId(job))?,
            _ => return Ok(false),
        };
    }
    Ok(true)
}

/// Deletes what is kept of some of the tenant's oldest jobs if more than `limit` bytes would be kept with `bytes` more. Spares the
/// job `except`, and jobs that are unfinished or being undone.
fn make_room(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    except: JobId,
    bytes: i64,
    limit: i64,
) -> Result<(), StoreError> {
    let mut kept = usage::kept_bytes(transaction, tenant)?.saturating_add(bytes);
    if kept <= limit {
        return Ok(());
    }
    let oldest: Vec<Uuid> = transaction
        .prepare_cached(
            "SELECT job FROM undoable_jobs AS kept WHERE tenant = ?1 AND job <> ?2
               AND NOT EXISTS (SELECT 1 FROM jobs
                               WHERE tenant = ?1 AND id IN (kept.job, kept.undone_as) AND finished_at IS NULL)
             ORDER BY expires_at LIMIT ?3",
        )
        .and_then(|mut statement| {
            statement.query_map(params![tenant.0, except.0, MAX_JOBS_DROPPED], |row| row.get(0))?.collect()
        })
        .context(KEEPING)?;
    for job in oldest {
        if kept <= limit {
            break;
        }
        kept -= forget(transaction, tenant, JobId(job))?;
    }
    Ok(())
}

/// Deletes what is kept of a job, so that it cannot be undone any more. Returns the bytes that this counted.
pub(super) fn forget(connection: &Connection, tenant: TenantId, job: JobId) -> Result<i64, StoreError> {
    let bytes: Option<i64> = connection
        .prepare_cached("DELETE FROM undoable_jobs WHERE tenant = ?1 AND job = ?2 RETURNING bytes")
        .and_then(|mut statement| statement.query_row(params![tenant.0, job.0], |row| row.get(0)).optional())
        .context(KEEPING)?;
    let Some(bytes) = bytes else { return Ok(0) };
    connection
        .prepare_cached("DELETE FROM before_images WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.0, job.0]))
        .context(KEEPING)?;
    usage::add_kept_bytes(connection, tenant, -bytes)?;
    Ok(bytes)
}

/// Remembers that a client deleted a contact, if there may be before-images of it.
pub(super) fn purge(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    contact: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sequence: Option<i64> = transaction
        .prepare_cached(
            "UPDATE usage SET purges = purges + 1
             WHERE tenant = ?1 AND EXISTS (SELECT 1 FROM undoable_jobs WHERE tenant = ?1) RETURNING purges",
        )
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)).optional())
        .context(KEEPING)?;
    let Some(sequence) = sequence else { return Ok(()) };
    transaction
        .prepare_cached("INSERT INTO purged_contacts (tenant, sequence, contact, purged_at) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute([tenant.0, sequence, contact, now.0]))
        .map(drop)
        .context(KEEPING)
}

/// Returns whether a client deleted a contact lately.
pub(super) fn is_purged(connection: &Connection, tenant: TenantId, contact: i64) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM purged_contacts WHERE tenant = ?1 AND contact = ?2)")
        .and_then(|mut statement| statement.query_row([tenant.0, contact], |row| row.get(0)))
        .context(KEEPING)
}
