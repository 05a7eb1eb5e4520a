//! Jobs as their clients see them.

use std::ops::Range;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{JOB_TABLES, digest, get, number, optional_digest};
use super::usage::ADD_BYTES;
use super::{PostgresStore, job_list, logs, notifications, overlays, submit, undo, webhooks};
use crate::domain::{Counts, GroupId, Job, JobId, JobState, Pinned, TenantId, Timestamp};
use crate::store::packing::{
    PackedChunk, PackedRows, read_mode, read_operation, read_remarks, read_source, read_undo, signed,
};
use crate::store::usage::{BLOB_ROW_BYTES, JOB_BYTES};
use crate::store::{
    CancelOutcome, Claim, JobQuery, JobStore, ListedJob, NewJob, Notification, StoreError, StoredRow, SubmitLimits,
    SubmitOutcome, WebhookEvent,
};
use tokio_postgres::Row;

impl JobStore for PostgresStore {
    fn submit_jobs(&self, jobs: &[NewJob], limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError> {
        let submitted = submit::submit(&self.connections, jobs, limits)?;
        if submitted == SubmitOutcome::Accepted {
            notifications::notify(&self.connections, Notification::JobAccepted);
        }
        Ok(submitted)
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.connections.run("reading a job", async |session| job(session, tenant, id).await)
    }

    fn jobs_of(&self, jobs: &[(TenantId, JobId)]) -> Result<Vec<(TenantId, Job)>, StoreError> {
        self.connections.run("reading jobs", async |session| jobs_of(session, jobs).await)
    }

    fn jobs(&self, query: &JobQuery) -> Result<Vec<ListedJob>, StoreError> {
        self.connections.run("listing jobs", async |session| job_list::list(session, query).await)
    }

    fn group_jobs(&self, tenant: TenantId, group: GroupId) -> Result<Vec<Job>, StoreError> {
        self.connections.run("listing jobs", async |session| job_list::of_group(session, tenant, group).await)
    }

    fn job_owner(&self, job: JobId) -> Result<Option<(TenantId, String)>, StoreError> {
        self.connections.run("looking for a job's tenant", async |session| {
            let sql = "SELECT id, name FROM tenants
                       WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.tenant = tenants.id AND jobs.id = $1)";
            let row = session.query_opt(sql, &[&job.0]).await?;
            Ok(row.map(|row| Ok::<_, StoreError>((TenantId(get(&row, 0)?), get(&row, 1)?))).transpose()?)
        })
    }

    fn job_rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        self.connections.run("reading results", async |session| rows(session, tenant, id, &range).await)
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        let deleted = self.connections.run("deleting a job", async |session| delete(session, tenant, id).await)?;
        if deleted {
            notifications::notify(&self.connections, Notification::JobDeleted { tenant, job: id });
        }
        Ok(deleted)
    }

    fn cancel_job(&self, tenant: TenantId, id: JobId) -> Result<CancelOutcome, StoreError> {
        let outcome = self.connections.run("cancelling a job", async |session| cancel(session, tenant, id).await)?;
        if outcome == CancelOutcome::Cancelled {
            notifications::notify(&self.connections, Notification::JobDeleted { tenant, job: id });
        }
        Ok(outcome)
    }

    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
        self.connections.run("writing a job's log", async |session| logs::append(session, claim, text, limit).await)
    }

    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.connections.run("reading a job's log", async |session| logs::read(session, job).await)
    }
}

async fn job(session: &Session, tenant: TenantId, id: JobId) -> Result<Option<Job>, PgError> {
    const JOB: &str = "
        SELECT id, state, total, created, updated, unchanged, failed, jobs.processor, validator, created_at, started_at,
               finished_at, cancelled_at, jobs.expires_at, operation, mode, source, group_id, dry_run_of,
               applied_as, (SELECT text FROM job_remarks WHERE tenant = $2 AND job = $3), deleted, undo_of,
               kept.undone_as, kept.expires_at
        FROM jobs LEFT JOIN undoable_jobs AS kept ON kept.tenant = $2 AND kept.job = $3
        WHERE jobs.tenant = $2 AND id = $3 AND jobs.expires_at > bulkhead_now($1)";
    let job = session.prepare_cached(JOB).await?;
    let row = session.query_opt(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?;
    Ok(row.map(|row| read(&row)).transpose()?)
}

async fn jobs_of(session: &Session, jobs: &[(TenantId, JobId)]) -> Result<Vec<(TenantId, Job)>, PgError> {
    // Each job is looked up by its key.
    const JOBS: &str = "
        SELECT job.* FROM unnest($2::bigint[], $3::uuid[]) AS wanted (tenant, id)
        CROSS JOIN LATERAL (
          SELECT id, state, total, created, updated, unchanged, failed, jobs.processor, validator, created_at, started_at,
                 finished_at, cancelled_at, jobs.expires_at, operation, mode, source, group_id, dry_run_of,
                 applied_as, (SELECT text FROM job_remarks WHERE tenant = wanted.tenant AND job = wanted.id), deleted,
                 undo_of, kept.undone_as, kept.expires_at, jobs.tenant
          FROM jobs LEFT JOIN undoable_jobs AS kept ON kept.tenant = wanted.tenant AND kept.job = wanted.id
          WHERE jobs.tenant = wanted.tenant AND id = wanted.id AND jobs.expires_at > bulkhead_now($1)
        ) AS job";
    let tenants: Vec<i64> = jobs.iter().map(|(tenant, _)| tenant.0).collect();
    let ids: Vec<uuid::Uuid> = jobs.iter().map(|(_, id)| id.0).collect();
    let statement = session.prepare_cached(JOBS).await?;
    let rows = session.query(&statement, &[&session.clock_shift, &tenants, &ids]).await?;
    let job = |row| Ok((TenantId(get(row, 25)?), read(row)?));
    Ok(rows.iter().map(job).collect::<Result<_, StoreError>>()?)
}

/// Reads a job from its columns: those that [`job`] selects.
pub(super) fn read(row: &Row) -> Result<Job, StoreError> {
    let (id, state, operation) = (JobId(get(row, 0)?), get::<&str>(row, 1)?, get::<&str>(row, 14)?);
    let counts = Counts {
        created: number(row, 3)?,
        updated: number(row, 4)?,
        unchanged: number(row, 5)?,
        failed: number(row, 6)?,
        deleted: number(row, 21)?,
    };
    let (mode, dry_run) = read_mode(get(row, 15)?)?;
    let undoes = read_undo(get::<Option<uuid::Uuid>>(row, 22)?.map(JobId), get(row, 15)?)?;
    let finished_at: Option<i64> = get(row, 11)?;
    Ok(Job {
        id,
        operation: read_operation(operation)?,
        state: JobState::parse(state).ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{state}'")))?,
        total: number(row, 2)?,
        counts,
        mode,
        dry_run,
        applies: get::<Option<uuid::Uuid>>(row, 18)?.map(JobId),
        applied_as: get::<Option<uuid::Uuid>>(row, 19)?.map(JobId),
        undoes,
        undone_as: get::<Option<uuid::Uuid>>(row, 23)?.map(JobId),
        undoable_until: get::<Option<i64>>(row, 24)?.filter(|_| finished_at.is_some()).map(Timestamp),
        source: read_source(get(row, 16)?)?,
        group: get::<Option<uuid::Uuid>>(row, 17)?.map(GroupId),
        remarks: read_remarks(get(row, 20)?)?,
        pinned: Pinned { processor: digest(row, 7)?, validator: optional_digest(row, 8)? },
        created_at: Timestamp(get(row, 9)?),
        started_at: get::<Option<i64>>(row, 10)?.map(Timestamp),
        finished_at: finished_at.map(Timestamp),
        cancelled_at: get::<Option<i64>>(row, 12)?.map(Timestamp),
        expires_at: Timestamp(get(row, 13)?),
    })
}

async fn rows(session: &Session, tenant: TenantId, id: JobId, range: &Range<u64>) -> Result<Vec<StoredRow>, PgError> {
    let (first, end) = signed(range);
    let results = session
        .prepare_cached(
            "SELECT first, rows FROM results WHERE tenant = $1 AND job = $2 AND first < $4
             AND first >= coalesce((SELECT max(first) FROM results WHERE tenant = $1 AND job = $2 AND first <= $3), 0)
             AND first + count > $3
             ORDER BY first LIMIT 1",
        )
        .await?;
    let blobs = session.query(&results, &[&tenant.0, &id.0, &first, &end]).await?;
    let Some(row) = blobs.first() else { return unprocessed_rows(session, tenant, id, range).await };
    Ok(PackedRows::<&[u8]> { first: number(row, 0)?, rows: get(row, 1)? }.cut(range)?)
}

/// Returns the first rows of a range in which a job has no results: none, unless the job was cancelled.
async fn unprocessed_rows(
    session: &Session,
    tenant: TenantId,
    id: JobId,
    range: &Range<u64>,
) -> Result<Vec<StoredRow>, PgError> {
    let (first, end) = signed(range);
    let items = session
        .prepare_cached(
            "SELECT first, items, keys FROM payloads WHERE tenant = $1 AND job = $2 AND first < $4
             AND first + count > $3
             AND EXISTS (SELECT 1 FROM jobs WHERE tenant = $1 AND id = $2 AND cancelled_at IS NOT NULL)
             ORDER BY first LIMIT 1",
        )
        .await?;
    let chunks = session.query(&items, &[&tenant.0, &id.0, &first, &end]).await?;
    let Some(row) = chunks.first() else { return Ok(Vec::new()) };
    let chunk = PackedChunk::<&[u8]> { first: number(row, 0)?, items: get(row, 1)?, keys: get(row, 2)? };
    Ok(chunk.unprocessed(range)?)
}

/// Cancels a job. A commit to the job holds the lock of its row, so this waits for the commit, and a later commit finds the job
/// finished.
async fn cancel(session: &Session, tenant: TenantId, id: JobId) -> Result<CancelOutcome, PgError> {
    const CANCEL: &str = "
        UPDATE jobs
        SET state = $4, finished_at = bulkhead_now($1), cancelled_at = bulkhead_now($1), is_claimed = false,
            epoch = epoch + 1, expires_at = bulkhead_now($1) + retention
        WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1) AND finished_at IS NULL";
    const STATE: &str = "
        SELECT cancelled_at IS NOT NULL FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    let cancel = session.prepare_cached(CANCEL).await?;
    let state = session.prepare_cached(STATE).await?;
    let delete_unneeded = session.prepare_cached(overlays::DELETE_UNNEEDED).await?;
    let completed = JobState::Completed.as_str();
    let cancelled = session
        .transact(async || {
            let ((), cancelled, _) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.execute(&cancel, &[&session.clock_shift, &tenant.0, &id.0, &completed]).await?) },
                async { Ok::<_, PgError>(session.execute(&delete_unneeded, &[&tenant.0, &id.0, &BLOB_ROW_BYTES]).await?) },
            )?;
            if cancelled == 0 {
                return Ok(TxOutcome::RollBack(false));
            }
            webhooks::tell_of_job(session, tenant, id, WebhookEvent::JobCancelled).await?;
            Ok(TxOutcome::Commit(true))
        })
        .await?;
    if !cancelled {
        match session.query_opt(&state, &[&session.clock_shift, &tenant.0, &id.0]).await? {
            Some(row) if get(&row, 0)? => {}
            Some(_) => return Ok(CancelOutcome::Completed),
            None => return Ok(CancelOutcome::Unknown),
        }
    }
    // Apart, because it locks the tenant's counters, which commits lock before their jobs. Also for a job that was cancelled before:
    // it may not have come to this then.
    undo::cancelled(session, tenant, id).await?;
    Ok(CancelOutcome::Cancelled)
}

/// Deletes a job in one round trip, and takes it off the tenant's stored bytes. The job's own row goes before its parts: a commit
/// to the job holds its lock. The idempotency key of a group passes on to another job of the group.
async fn delete(session: &Session, tenant: TenantId, id: JobId) -> Result<bool, PgError> {
    const DELETE: &str = "DELETE FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    // Several servers may delete jobs of one group at once: the later must see which jobs the earlier has left.
    const LOCK_GROUP: &str = "
        SELECT 1 FROM jobs WHERE tenant = $1 AND group_id = (SELECT group_id FROM jobs WHERE tenant = $1 AND id = $2)
        ORDER BY id FOR UPDATE";
    const PASS_KEY_ON: &str = "
        UPDATE idempotency SET job = other.id FROM (
          SELECT others.id FROM jobs AS gone JOIN jobs AS others
            ON others.tenant = $1 AND others.group_id = gone.group_id AND others.id <> gone.id
          WHERE gone.tenant = $1 AND gone.id = $2 ORDER BY others.sequence, others.id LIMIT 1
        ) AS other WHERE tenant = $1 AND job = $2";
    let lock_group = session.prepare_cached(LOCK_GROUP).await?;
    let pass_key_on = session.prepare_cached(PASS_KEY_ON).await?;
    let delete_overlays = session.prepare_cached(overlays::DELETE_UNNEEDED).await?;
    let job = session.prepare_cached(DELETE).await?;
    let mut parts = Vec::new();
    for (table, bytes, row_bytes) in JOB_TABLES {
        // Each part takes itself off, so that no statement works on several tables.
        let sql = format!(
            "WITH gone AS (DELETE FROM {table} WHERE tenant = $1 AND job = $2 RETURNING {bytes} + $3 AS bytes)
             UPDATE tallies SET stored_bytes = stored_bytes - (SELECT coalesce(sum(bytes), 0)::bigint FROM gone)
             WHERE tenant = $1 AND EXISTS (SELECT 1 FROM gone)"
        );
        parts.push((session.prepare_cached(&sql).await?, row_bytes));
    }
    let take_off = session.prepare_cached(ADD_BYTES).await?;
    let forget = session.prepare_cached(undo::FORGET).await?;
    let forget_images = session.prepare_cached(undo::FORGET_IMAGES).await?;
    let ids = [id.0];
    session
        .transact(async || {
            let part = async |place: usize| match parts.get(place) {
                Some((part, row_bytes)) => Ok(session.execute(part, &[&tenant.0, &id.0, row_bytes]).await?),
                None => Ok::<u64, PgError>(0),
            };
            let ((), _, _, _, known, ..) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.execute(&lock_group, &[&tenant.0, &id.0]).await?) },
                async { Ok(session.execute(&pass_key_on, &[&tenant.0, &id.0]).await?) },
                async { Ok(session.execute(&delete_overlays, &[&tenant.0, &id.0, &BLOB_ROW_BYTES]).await?) },
                async { Ok(session.execute(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?) },
                part(0),
                part(1),
                part(2),
                part(3),
                part(4),
                part(5),
                async { Ok(session.execute(&take_off, &[&tenant.0, &-JOB_BYTES]).await?) },
                async { Ok(session.query(&forget, &[&tenant.0, &ids.as_slice()]).await?) },
                async { Ok(session.execute(&forget_images, &[&tenant.0, &ids.as_slice()]).await?) },
            )?;
            Ok(if known > 0 { TxOutcome::Commit(true) } else { TxOutcome::RollBack(false) })
        })
        .await
}
