//! Jobs as their clients see them.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::apply::Items;
use super::{SqliteStore, job_list, logs, overlays, submit, undo, usage, webhooks};
use crate::domain::{Counts, Digest, GroupId, Job, JobId, JobState, Pinned, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::packing::{
    NewChunk, PackedChunk, PackedRows, read_mode, read_operation, read_remarks, read_source, read_undo, signed,
};
use crate::store::usage::{BLOB_ROW_BYTES, IDEMPOTENCY_BYTES, JOB_BYTES};
use crate::store::{
    CancelOutcome, Claim, JobQuery, JobStore, ListedJob, NewJob, StoreError, StoredRow, SubmitLimits, SubmitOutcome,
    WebhookEvent,
};

impl JobStore for SqliteStore {
    fn submit_jobs(&self, jobs: &[NewJob], limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError> {
        let packed = jobs.iter().map(|job| Ok((job, NewChunk::all_of(job)?)));
        let packed = packed.collect::<Result<Vec<_>, StoreError>>()?;
        let bytes = packed.iter().flat_map(|(_, chunks)| chunks).map(NewChunk::size).sum::<usize>() as u64;
        let mut copied = 0;
        for job in jobs {
            if let Some(dry_run) = job.applies {
                let items = self.connections.read(|connection| Items::stored(connection, job.tenant, dry_run))?;
                copied += items.bytes.max(0).unsigned_abs();
            }
        }
        let now = self.clock.now();
        self.connections.write_growing(bytes + copied, |connection| submit::submit(connection, &packed, limits, now))
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        let now = self.clock.now();
        let row = self.connections.read(|connection| read(connection, tenant, id, now))?;
        row.map(JobRow::into_job).transpose()
    }

    fn jobs_of(&self, jobs: &[(TenantId, JobId)]) -> Result<Vec<(TenantId, Job)>, StoreError> {
        let now = self.clock.now();
        let rows: Vec<(TenantId, JobRow)> = self.connections.read(|connection| {
            let row =
                |(tenant, id): &(TenantId, JobId)| Ok(read(connection, *tenant, *id, now)?.map(|row| (*tenant, row)));
            jobs.iter().map(row).filter_map(Result::transpose).collect()
        })?;
        rows.into_iter().map(|(tenant, row)| Ok((tenant, row.into_job()?))).collect()
    }

    fn jobs(&self, query: &JobQuery) -> Result<Vec<ListedJob>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| job_list::list(connection, query, now))
    }

    fn group_jobs(&self, tenant: TenantId, group: GroupId) -> Result<Vec<Job>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| job_list::of_group(connection, tenant, group, now))
    }

    fn job_owner(&self, job: JobId) -> Result<Option<(TenantId, String)>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, name FROM tenants
                     WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.tenant = tenants.id AND jobs.id = ?1)",
                )
                .and_then(|mut statement| {
                    statement.query_row([job.0], |row| Ok((TenantId(row.get(0)?), row.get(1)?))).optional()
                })
                .context("looking for a job's tenant")
        })
    }

    fn job_rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        let (first, end) = signed(&range);
        let packed: Option<PackedRows> = self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT first, rows FROM results WHERE tenant = ?1 AND job = ?2 AND first < ?4
                     AND first >= coalesce((SELECT max(first) FROM results WHERE tenant = ?1 AND job = ?2 AND first <= ?3), 0)
                     AND first + count > ?3
                     ORDER BY first LIMIT 1",
                )
                .and_then(|mut statement| {
                    let packed = |row: &Row<'_>| Ok(PackedRows { first: row.get(0)?, rows: row.get(1)? });
                    statement.query_row(params![tenant.0, id.0, first, end], packed).optional()
                })
                .context("reading results")
        })?;
        match packed {
            Some(packed) => packed.cut(&range),
            None => self.unprocessed_rows(tenant, id, &range),
        }
    }

    fn cancel_job(&self, tenant: TenantId, id: JobId) -> Result<CancelOutcome, StoreError> {
        const CONTEXT: &str = "cancelling a job";
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let found: Option<(bool, bool)> = transaction
                .query_row(
                    "SELECT finished_at IS NOT NULL, cancelled_at IS NOT NULL FROM jobs
                     WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
                    params![tenant.0, id.0, now.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .context(CONTEXT)?;
            match found {
                None => return Ok(CancelOutcome::Unknown),
                Some((true, true)) => return Ok(CancelOutcome::Cancelled),
                Some((true, false)) => return Ok(CancelOutcome::Completed),
                Some((false, _)) => {}
            }
            transaction
                .execute(
                    "UPDATE jobs SET state = ?3, finished_at = ?4, cancelled_at = ?4, expires_at = ?4 + retention,
                                     lease_until = NULL, epoch = epoch + 1
                     WHERE tenant = ?1 AND id = ?2",
                    params![tenant.0, id.0, JobState::Completed.as_str(), now.0],
                )
                .context(CONTEXT)?;
            let freed = overlays::delete_unneeded(&transaction, tenant, id)?;
            usage::add_bytes(&transaction, tenant, -freed)?;
            undo::cancelled(&transaction, tenant, id)?;
            webhooks::tell_of_job(&transaction, tenant, id, WebhookEvent::JobCancelled, now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(CancelOutcome::Cancelled)
        })
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        const CONTEXT: &str = "deleting a job";
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            pass_key_on(&transaction, tenant, id)?;
            let freed = overlays::delete_unneeded(&transaction, tenant, id)?;
            usage::add_bytes(&transaction, tenant, -freed)?;
            let deleted = transaction
                .execute(
                    "DELETE FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
                    params![tenant.0, id.0, now.0],
                )
                .context(CONTEXT)?;
            if deleted > 0 {
                delete_parts(&transaction, tenant, id)?;
                undo::forget(&transaction, tenant, id)?;
            }
            transaction.commit().context(CONTEXT)?;
            Ok(deleted > 0)
        })
    }

    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
        self.connections.write_growing(text.len() as u64, |connection| logs::append(connection, claim, text, limit))
    }

    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.connections.read(|connection| logs::read(connection, job))
    }
}

impl SqliteStore {
    /// Returns the first rows of a range in which a job has no results: none, unless the job was cancelled.
    fn unprocessed_rows(&self, tenant: TenantId, id: JobId, range: &Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        let (first, end) = signed(range);
        let chunk: Option<PackedChunk> = self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT first, items, keys FROM payloads WHERE tenant = ?1 AND job = ?2 AND first < ?4
                     AND first + count > ?3
                     AND EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2 AND cancelled_at IS NOT NULL)
                     ORDER BY first LIMIT 1",
                )
                .and_then(|mut statement| {
                    let chunk =
                        |row: &Row<'_>| Ok(PackedChunk { first: row.get(0)?, items: row.get(1)?, keys: row.get(2)? });
                    statement.query_row(params![tenant.0, id.0, first, end], chunk).optional()
                })
                .context("reading items")
        })?;
        chunk.map_or(Ok(Vec::new()), |chunk| chunk.unprocessed(range))
    }
}

/// The columns of a job.
pub(super) struct JobRow {
    id: Uuid,
    operation: String,
    mode: Option<String>,
    source: Option<String>,
    group: Option<Uuid>,
    applies: Option<Uuid>,
    applied_as: Option<Uuid>,
    undo_of: Option<Uuid>,
    undone_as: Option<Uuid>,
    undoable_until: Option<i64>,
    state: String,
    total: u32,
    counts: Counts,
    pinned: Pinned,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    cancelled_at: Option<i64>,
    expires_at: i64,
    remarks: Option<String>,
}

impl JobRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            state: row.get(1)?,
            total: row.get(2)?,
            counts: Counts {
                created: row.get(3)?,
                updated: row.get(4)?,
                unchanged: row.get(5)?,
                failed: row.get(6)?,
                deleted: row.get(21)?,
            },
            pinned: Pinned {
                processor: Digest(row.get(7)?),
                validator: row.get::<_, Option<[u8; 32]>>(8)?.map(Digest),
            },
            created_at: row.get(9)?,
            started_at: row.get(10)?,
            finished_at: row.get(11)?,
            cancelled_at: row.get(12)?,
            expires_at: row.get(13)?,
            operation: row.get(14)?,
            mode: row.get(15)?,
            source: row.get(16)?,
            group: row.get(17)?,
            applies: row.get(18)?,
            applied_as: row.get(19)?,
            remarks: row.get(20)?,
            undo_of: row.get(22)?,
            undone_as: row.get(23)?,
            undoable_until: row.get(24)?,
        })
    }

    pub(super) fn into_job(self) -> Result<Job, StoreError> {
        let id = JobId(self.id);
        let state = JobState::parse(&self.state)
            .ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{}'", self.state)))?;
        let operation = read_operation(&self.operation)?;
        let undoes = read_undo(self.undo_of.map(JobId), self.mode.as_deref())?;
        let (mode, dry_run) = read_mode(self.mode.as_deref())?;
        Ok(Job {
            id,
            operation,
            mode,
            dry_run,
            applies: self.applies.map(JobId),
            applied_as: self.applied_as.map(JobId),
            undoes,
            undone_as: self.undone_as.map(JobId),
            undoable_until: self.undoable_until.filter(|_| self.finished_at.is_some()).map(Timestamp),
            source: read_source(self.source.as_deref())?,
            group: self.group.map(GroupId),
            state,
            total: self.total,
            counts: self.counts,
            remarks: read_remarks(self.remarks.as_deref())?,
            pinned: self.pinned,
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            finished_at: self.finished_at.map(Timestamp),
            cancelled_at: self.cancelled_at.map(Timestamp),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// Reads a job that is neither deleted nor expired.
fn read(connection: &Connection, tenant: TenantId, id: JobId, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, state, total, created, updated, unchanged, failed, jobs.processor, validator, created_at, started_at,
                    finished_at, cancelled_at, jobs.expires_at, operation, mode, source, group_id, dry_run_of, applied_as,
                    (SELECT text FROM job_remarks WHERE tenant = ?1 AND job = ?2), deleted, undo_of, kept.undone_as,
                    kept.expires_at
             FROM jobs LEFT JOIN undoable_jobs AS kept ON kept.tenant = ?1 AND kept.job = ?2
             WHERE jobs.tenant = ?1 AND id = ?2 AND jobs.expires_at > ?3",
        )
        .and_then(|mut statement| statement.query_row(params![tenant.0, id.0, now.0], JobRow::read).optional())
        .context("reading a job")
}

/// Gives the idempotency key of a job's group to another job of the group, so that a request that is sent again still finds it.
fn pass_key_on(connection: &Connection, tenant: TenantId, id: JobId) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE idempotency SET job = other.id FROM (
               SELECT others.id FROM jobs AS gone JOIN jobs AS others
                 ON others.tenant = ?1 AND others.group_id = gone.group_id AND others.id <> gone.id
               WHERE gone.tenant = ?1 AND gone.id = ?2 ORDER BY others.sequence, others.id LIMIT 1
             ) AS other WHERE tenant = ?1 AND job = ?2",
        )
        .and_then(|mut statement| statement.execute(params![tenant.0, id.0]))
        .map(drop)
        .context("deleting a job")
}

/// Deletes all rows of a job except the one in `jobs`, and takes the whole job off its tenant's stored bytes. A new table with
/// rows of jobs is added here and to the statements of `sweep.rs`. What is kept to undo the job stays: see `undo.rs`.
pub(super) fn delete_parts(connection: &Connection, tenant: TenantId, id: JobId) -> Result<(), StoreError> {
    let mut bytes = JOB_BYTES;
    for (sql, row_bytes) in [
        ("DELETE FROM payloads WHERE tenant = ?1 AND job = ?2 RETURNING size", BLOB_ROW_BYTES),
        ("DELETE FROM results WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(rows)", BLOB_ROW_BYTES),
        (
            "DELETE FROM overlays WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(marks) + octet_length(contacts)",
            BLOB_ROW_BYTES,
        ),
        ("DELETE FROM job_logs WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(text)", BLOB_ROW_BYTES),
        ("DELETE FROM job_remarks WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(text)", BLOB_ROW_BYTES),
        // A deleted job releases its key, unless the key passed on to another job of its group.
        ("DELETE FROM idempotency WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(key)", IDEMPOTENCY_BYTES),
    ] {
        let deleted: Vec<i64> = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params![tenant.0, id.0], |row| row.get(0))?.collect())
            .context("deleting a job")?;
        bytes += deleted.iter().map(|bytes| bytes + row_bytes).sum::<i64>();
    }
    usage::add_bytes(connection, tenant, -bytes)
}
