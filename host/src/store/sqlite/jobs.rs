//! Jobs as their clients see them.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{SqliteStore, logs, submit, usage};
use crate::domain::{Counts, Digest, Job, JobId, JobState, Pinned, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::packing::{NewChunk, PackedRows, read_remarks, signed};
use crate::store::usage::{BLOB_ROW_BYTES, IDEMPOTENCY_BYTES, JOB_BYTES};
use crate::store::{Claim, JobStore, NewJob, StoreError, StoredRow, SubmitLimits, SubmitOutcome};

impl JobStore for SqliteStore {
    fn submit_job(&self, job: &NewJob, limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError> {
        let chunks = NewChunk::all_of(job)?;
        let bytes = chunks.iter().map(NewChunk::size).sum::<usize>();
        let now = self.clock.now();
        self.connections.write_growing(bytes as u64, |connection| submit::submit(connection, job, &chunks, limits, now))
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        let now = self.clock.now();
        let row = self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT state, total, created, updated, failed, processor, validator, created_at, started_at,
                            finished_at, expires_at,
                            (SELECT text FROM job_remarks WHERE tenant = ?1 AND job = ?2)
                     FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
                )
                .and_then(|mut statement| statement.query_row(params![tenant.0, id.0, now.0], JobRow::read).optional())
                .context("reading a job")
        })?;
        row.map(|row| row.into_job(id)).transpose()
    }

    fn jobs(&self, tenant: TenantId, unfinished_only: bool, limit: u32) -> Result<Vec<Job>, StoreError> {
        let now = self.clock.now();
        let rows: Vec<(Uuid, JobRow)> = self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT state, total, created, updated, failed, processor, validator, created_at, started_at,
                            finished_at, expires_at, NULL, id
                     FROM jobs WHERE tenant = ?1 AND expires_at > ?2 AND (finished_at IS NULL OR NOT ?3)
                     ORDER BY created_at DESC, id LIMIT ?4",
                )
                .and_then(|mut statement| {
                    let row = |row: &Row<'_>| Ok((row.get(12)?, JobRow::read(row)?));
                    statement.query_map(params![tenant.0, now.0, unfinished_only, limit], row)?.collect()
                })
                .context("listing jobs")
        })?;
        rows.into_iter().map(|(id, row)| row.into_job(JobId(id))).collect()
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
        packed.map_or(Ok(Vec::new()), |packed| packed.cut(&range))
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        const CONTEXT: &str = "deleting a job";
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction().context(CONTEXT)?;
            let deleted = transaction
                .execute(
                    "DELETE FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
                    params![tenant.0, id.0, now.0],
                )
                .context(CONTEXT)?;
            if deleted > 0 {
                delete_parts(&transaction, tenant, id)?;
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

/// The columns of a job.
struct JobRow {
    state: String,
    total: u32,
    counts: Counts,
    pinned: Pinned,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    expires_at: i64,
    remarks: Option<String>,
}

impl JobRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            state: row.get(0)?,
            total: row.get(1)?,
            counts: Counts { created: row.get(2)?, updated: row.get(3)?, failed: row.get(4)? },
            pinned: Pinned {
                processor: Digest(row.get(5)?),
                validator: row.get::<_, Option<[u8; 32]>>(6)?.map(Digest),
            },
            created_at: row.get(7)?,
            started_at: row.get(8)?,
            finished_at: row.get(9)?,
            expires_at: row.get(10)?,
            remarks: row.get(11)?,
        })
    }

    fn into_job(self, id: JobId) -> Result<Job, StoreError> {
        let state = JobState::parse(&self.state)
            .ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{}'", self.state)))?;
        Ok(Job {
            id,
            state,
            total: self.total,
            counts: self.counts,
            remarks: read_remarks(self.remarks.as_deref())?,
            pinned: self.pinned,
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            finished_at: self.finished_at.map(Timestamp),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// Deletes all rows of a job except the one in `jobs`, and takes the whole job off its tenant's stored bytes. A new table with
/// rows of jobs is added here and to the statements of `sweep.rs`.
pub(super) fn delete_parts(connection: &Connection, tenant: TenantId, id: JobId) -> Result<(), StoreError> {
    let mut bytes = JOB_BYTES;
    for (sql, row_bytes) in [
        ("DELETE FROM payloads WHERE tenant = ?1 AND job = ?2 RETURNING size", BLOB_ROW_BYTES),
        ("DELETE FROM results WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(rows)", BLOB_ROW_BYTES),
        ("DELETE FROM job_logs WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(text)", BLOB_ROW_BYTES),
        ("DELETE FROM job_remarks WHERE tenant = ?1 AND job = ?2 RETURNING octet_length(text)", BLOB_ROW_BYTES),
        // A deleted job releases its key.
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
