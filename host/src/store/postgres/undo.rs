//! What jobs changed, and how their contacts were before.
//!
//! Transactions that write or delete rows of `undoable_jobs` lock the tenant's counters first, and write the job's `before_images`
//! afterwards. Only the transaction that accepts an undo writes `undone_as` without that lock.

use std::collections::HashSet;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{digest, get, number, signed};
use crate::domain::{ContactId, JobId, TenantId, Timestamp};
use crate::store::before_images::{
    NewImageRow, NewImages, UNDOABLE_JOB_BYTES, kept_limit, read_images, with_unfinished_jobs,
};
use crate::store::packing::read_mode;
use crate::store::purge::MAX_JOBS_DROPPED;
use crate::store::undo::{EarlierUndo, KeptChanges, Undoability, UndoneJob};
use crate::store::{
    BatchCommit, BeforeImages, ChangeMarks, Claim, StoreError, UndoRefusal, UndoRequest, UndoStore, Undoable,
};
use crate::tenants::TenantLimits;

const READING: &str = "reading what a job changed";

/// Deletes what is kept of some jobs, and takes it off what the tenant has stored. Returns the bytes.
pub(super) const FORGET: &str = "
    WITH gone AS (
      DELETE FROM undoable_jobs WHERE tenant = $1 AND job = ANY($2::uuid[]) RETURNING bytes
    ), sum AS (
      SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM gone
    ), counted AS (
      UPDATE tallies SET stored_bytes = stored_bytes - sum.bytes, kept_bytes = kept_bytes - sum.bytes
      FROM sum WHERE tenant = $1 AND sum.bytes > 0
    )
    SELECT bytes FROM sum";
pub(super) const FORGET_IMAGES: &str = "DELETE FROM before_images WHERE tenant = $1 AND job = ANY($2::uuid[])";

/// Makes a job undoable, for longer with each commit.
const KEEP: &str = "
    INSERT INTO undoable_jobs (tenant, job, processor, bytes, expires_at)
    VALUES ($2, $3, $4, $5, bulkhead_now($1) + $6)
    ON CONFLICT (tenant, job) DO UPDATE
    SET bytes = undoable_jobs.bytes + excluded.bytes, expires_at = excluded.expires_at";

const KEEP_IMAGES: &str = "
    INSERT INTO before_images (tenant, job, first, purged_to, marks, images)
    SELECT $1, $2, first, $3, marks, images FROM unnest($4::bigint[], $5::bytea[], $6::bytea[])
      AS new (first, marks, images)";

/// The oldest jobs of a tenant that can be undone, except one and those that are being undone.
const OLDEST: &str = "
    SELECT job, bytes FROM undoable_jobs AS kept WHERE tenant = $1 AND job <> $2
      AND NOT EXISTS (
        SELECT 1 FROM jobs WHERE tenant = $1 AND id IN (kept.job, kept.undone_as) AND finished_at IS NULL)
    ORDER BY expires_at LIMIT $3";

impl UndoStore for PostgresStore {
    fn undoable(&self, tenant: TenantId, request: &UndoRequest) -> Result<Undoable, StoreError> {
        self.connections.run(READING, async |session| undoable(session, tenant, request).await)
    }

    fn change_marks(&self, tenant: TenantId, job: JobId) -> Result<Vec<ChangeMarks>, StoreError> {
        const MARKS: &str = "SELECT first, marks FROM before_images WHERE tenant = $1 AND job = $2 ORDER BY first";
        self.connections.run(READING, async |session| {
            let marks = session.prepare_cached(MARKS).await?;
            let rows = session.query(&marks, &[&tenant.0, &job.0]).await?;
            let read = |row: &Row| ChangeMarks::read(number(row, 0)?, get(row, 1)?);
            Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
        })
    }

    fn before_images(&self, tenant: TenantId, job: JobId, first: u32) -> Result<BeforeImages, StoreError> {
        self.connections.run(READING, async |session| images(session, tenant, job, first).await)
    }

    fn purge_contact(&self, tenant: TenantId, id: ContactId) -> Result<(), StoreError> {
        const PURGE: &str = "
            WITH purged AS (
              UPDATE tallies SET next_note = next_note + 1 WHERE tenant = $2 AND next_contact > $3
                AND EXISTS (SELECT 1 FROM undoable_jobs WHERE tenant = $2)
                AND NOT EXISTS (SELECT 1 FROM contacts WHERE tenant = $2 AND id = $3)
                AND NOT EXISTS (SELECT 1 FROM purged_contacts WHERE tenant = $2 AND contact = $3)
              RETURNING next_note - 1 AS sequence
            )
            INSERT INTO purged_contacts (tenant, sequence, contact, purged_at)
            SELECT $2, sequence, $3, bulkhead_now($1) FROM purged";
        let Ok(contact) = i64::try_from(id.0) else { return Ok(()) };
        self.connections.run("taking a contact out of what is kept", async |session| {
            let purge = session.prepare_cached(PURGE).await?;
            session.execute(&purge, &[&session.clock_shift, &tenant.0, &contact]).await?;
            Ok(())
        })
    }
}

async fn images(session: &Session, tenant: TenantId, job: JobId, first: u32) -> Result<BeforeImages, PgError> {
    const IMAGES: &str = "
        SELECT marks, images, coalesce((
          SELECT array_agg(contact) FROM purged_contacts WHERE tenant = $1 AND sequence > purged_to
        ), '{}') FROM before_images WHERE tenant = $1 AND job = $2 AND first = $3";
    let images = session.prepare_cached(IMAGES).await?;
    let Some(row) = session.query_opt(&images, &[&tenant.0, &job.0, &i64::from(first)]).await? else {
        return Ok(Vec::new());
    };
    Ok(read_images(get(&row, 0)?, get(&row, 1)?, &contacts(get(&row, 2)?))?)
}

/// Returns contacts out of a column.
pub(super) fn contacts(ids: Vec<i64>) -> HashSet<ContactId> {
    ids.into_iter().map(|id| ContactId(id.unsigned_abs())).collect()
}

/// Returns whether a job can be undone.
pub(super) async fn undoable(session: &Session, tenant: TenantId, request: &UndoRequest) -> Result<Undoable, PgError> {
    const JOB: &str = "
        SELECT finished_at IS NOT NULL, mode, created + updated + deleted FROM jobs
        WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    const KEPT: &str = "
        SELECT kept.processor, kept.expires_at, kept.undone_as, other.mode, other.finished_at IS NOT NULL,
               other.cancelled_at IS NOT NULL, redone.undone_as,
               EXISTS (SELECT 1 FROM undoable_jobs AS redo
                       WHERE redo.tenant = $2 AND redo.job = redone.undone_as AND redo.expires_at > bulkhead_now($1))
               OR EXISTS (SELECT 1 FROM jobs WHERE tenant = $2 AND id = redone.undone_as AND finished_at IS NULL)
        FROM undoable_jobs AS kept
        LEFT JOIN jobs AS other ON other.tenant = $2 AND other.id = kept.undone_as AND other.expires_at > bulkhead_now($1)
        LEFT JOIN undoable_jobs AS redone ON redone.tenant = $2 AND redone.job = kept.undone_as
        WHERE kept.tenant = $2 AND kept.job = $3 AND kept.expires_at > bulkhead_now($1)";
    let (job, kept) = (session.prepare_cached(JOB).await?, session.prepare_cached(KEPT).await?);
    let values: [&(dyn ToSql + Sync); 3] = [&session.clock_shift, &tenant.0, &request.undo.job.0];
    let found = session.query_opt(&job, &values).await?;
    let kept = session.query_opt(&kept, &values).await?;
    let found = found.map(|row| {
        let (_, dry_run) = read_mode(get(&row, 1)?)?;
        Ok::<_, StoreError>(UndoneJob {
            is_finished: get(&row, 0)?,
            is_dry_run: dry_run.is_some(),
            written: get(&row, 2)?,
        })
    });
    let kept = kept.map(|row| kept_changes(&row));
    Ok(Undoability { job: found.transpose()?, kept: kept.transpose()? }.judge(request)?)
}

fn kept_changes(row: &Row) -> Result<KeptChanges, StoreError> {
    let undone_as = match get::<Option<Uuid>>(row, 2)? {
        None => None,
        Some(job) => Some(EarlierUndo {
            job: JobId(job),
            mode: get(row, 3)?,
            is_finished: get(row, 4)?,
            is_cancelled: get(row, 5)?,
            undone_as: get::<Option<Uuid>>(row, 6)?.map(JobId),
            is_redo_kept: get(row, 7)?,
        }),
    };
    Ok(KeptChanges { processor: digest(row, 0)?, expires_at: Timestamp(get(row, 1)?), undone_as })
}

/// Remembers the job that undoes another one. Returns why it cannot, if what the other changed is not kept any more.
pub(super) async fn remember_undo(
    session: &Session,
    tenant: TenantId,
    undone: JobId,
    undo: JobId,
) -> Result<Option<UndoRefusal>, PgError> {
    const REMEMBER: &str = "UPDATE undoable_jobs SET undone_as = $3 WHERE tenant = $1 AND job = $2";
    let remember = session.prepare_cached(REMEMBER).await?;
    let changed = session.execute(&remember, &[&tenant.0, &undone.0, &undo.0]).await?;
    Ok((changed == 0).then_some(UndoRefusal::NotKept))
}

/// What a commit keeps, so that its job can be undone.
#[derive(Default)]
pub(super) struct Keeping {
    /// The rows to be stored, and how much longer the job can be undone; `None` if nothing is to be kept.
    rows: Option<(Vec<NewImageRow>, i64)>,
    /// The bytes that they count, with the job's own if it is the first commit.
    pub(super) bytes: i64,
}

/// What a commit finds of what is kept already.
#[derive(Clone, Copy)]
pub(super) struct KeptBefore {
    /// Of this job; `None` if nothing is.
    pub(super) of_job: Option<i64>,
    /// Of all jobs of the tenant.
    pub(super) of_tenant: i64,
}

impl Keeping {
    /// Decides what is kept of a commit. Deletes what is kept of the tenant's oldest jobs once the job is finished and the tenant's limit
    /// is exceeded; until then nobody knows whether this job itself fits. Asks the database only then.
    pub(super) async fn of(
        session: &Session,
        claim: &Claim,
        batch: &BatchCommit,
        (images, ids): (Option<NewImages>, &[ContactId]),
        before: KeptBefore,
        is_finished: bool,
    ) -> Result<Self, PgError> {
        let (Some(images), Some(time)) = (images, claim.undoable_for()) else {
            // The limit may have been another when the job began.
            return Self::forget_if(session, claim, before.of_job.is_some()).await;
        };
        if batch.first > 0 && before.of_job.is_none() {
            return Ok(Self::default());
        }
        let rows = images.with_ids(batch, ids)?;
        let begun = before.of_job.map_or(UNDOABLE_JOB_BYTES, |_| 0);
        let is_nothing = rows.is_empty() && is_finished && before.of_job.unwrap_or(begun) == UNDOABLE_JOB_BYTES;
        let bytes = begun + rows.iter().map(NewImageRow::stored_bytes).sum::<i64>();
        let limit = kept_limit(&claim.limits);
        let of_job = before.of_job.unwrap_or(0).saturating_add(bytes);
        let of_tenant = before.of_tenant.saturating_add(bytes);
        let freed = if is_nothing { None } else { fits(session, claim, of_job, of_tenant, limit).await? };
        let Some(freed) = freed else {
            let forgotten = Self::forget_if(session, claim, before.of_job.is_some()).await;
            if is_finished {
                let kept = before.of_tenant.saturating_sub(before.of_job.unwrap_or(0));
                make_room(session, claim.tenant, claim.job, kept, limit).await?;
            }
            return forgotten;
        };
        if is_finished {
            make_room(session, claim.tenant, claim.job, of_tenant.saturating_sub(freed), limit).await?;
        }
        Ok(Self { rows: Some((rows, signed(time.as_micros()))), bytes })
    }

    async fn forget_if(session: &Session, claim: &Claim, is_kept: bool) -> Result<Self, PgError> {
        if is_kept {
            forget(session, claim.tenant, &[claim.job.0]).await?;
        }
        Ok(Self::default())
    }

    /// Stores the rows. Sends all statements when it is first polled.
    pub(super) async fn write(&self, session: &Session, claim: &Claim, purged_to: i64) -> Result<(), PgError> {
        let Some((rows, time)) = &self.rows else { return Ok(()) };
        let (tenant, job, processor) = (claim.tenant.0, claim.job.0, claim.pinned.processor.0.as_slice());
        let keep = session.prepare_cached(KEEP).await?;
        let keep_images = session.prepare_cached(KEEP_IMAGES).await?;
        let firsts: Vec<i64> = rows.iter().map(|row| i64::from(row.first)).collect();
        let marks: Vec<&[u8]> = rows.iter().map(|row| row.marks.as_slice()).collect();
        let images: Vec<&[u8]> = rows.iter().map(|row| row.images.as_slice()).collect();
        tokio::try_join!(
            biased;
            async {
                let values: [&(dyn ToSql + Sync); 6] =
                    [&session.clock_shift, &tenant, &job, &processor, &self.bytes, time];
                Ok::<_, PgError>(session.execute(&keep, &values).await?)
            },
            async {
                if rows.is_empty() {
                    return Ok(0);
                }
                Ok(session.execute(&keep_images, &[&tenant, &job, &purged_to, &firsts, &marks, &images]).await?)
            },
        )?;
        Ok(())
    }
}

/// Makes room after a job was cancelled, of which nobody knew before how much it would keep.
pub(super) async fn cancelled(session: &Session, tenant: TenantId, job: JobId) -> Result<(), PgError> {
    const KEPT: &str = "
        SELECT kept_bytes, (SELECT limits FROM tenants WHERE id = $1) FROM tallies WHERE tenant = $1 FOR UPDATE";
    let kept = session.prepare_cached(KEPT).await?;
    session
        .transact(async || {
            session.begin().await?;
            if let Some(row) = session.query_opt(&kept, &[&tenant.0]).await?
                && let Some(limits) = get::<Option<&str>>(&row, 1)?
            {
                let limit = kept_limit(&TenantLimits::parse_stored(limits));
                make_room(session, tenant, job, get(&row, 0)?, limit).await?;
            }
            Ok(TxOutcome::Commit(()))
        })
        .await
}

/// Prepares the statements of [`Keeping::write`], so that they are sent at once.
pub(super) async fn prepare(session: &Session) -> Result<(), PgError> {
    session.prepare_cached(KEEP).await?;
    session.prepare_cached(KEEP_IMAGES).await?;
    Ok(())
}

/// Returns whether a job may keep `of_job` bytes when the tenant keeps `of_tenant`. If unfinished jobs of the tenant keep too much
/// together, deletes what is kept of the largest ones, and returns those bytes; `None` if this one is the largest, or too large.
async fn fits(
    session: &Session,
    claim: &Claim,
    of_job: i64,
    of_tenant: i64,
    limit: i64,
) -> Result<Option<i64>, PgError> {
    const LARGEST: &str = "
        SELECT kept.job, kept.bytes FROM jobs JOIN undoable_jobs AS kept ON kept.tenant = $1 AND kept.job = jobs.id
        WHERE jobs.tenant = $1 AND jobs.finished_at IS NULL AND kept.job <> $2 ORDER BY kept.bytes DESC LIMIT 1";
    if of_job > limit {
        return Ok(None);
    }
    let mut freed = 0;
    while of_tenant.saturating_sub(freed) > with_unfinished_jobs(limit) {
        let largest = session.prepare_cached(LARGEST).await?;
        let Some(row) = session.query_opt(&largest, &[&claim.tenant.0, &claim.job.0]).await? else { return Ok(None) };
        let bytes: i64 = get(&row, 1)?;
        if bytes <= of_job {
            return Ok(None);
        }
        forget(session, claim.tenant, &[get(&row, 0)?]).await?;
        freed += bytes;
    }
    Ok(Some(freed))
}

/// Deletes what is kept of some of the tenant's oldest jobs if more than `limit` of `kept` bytes would be kept. Spares the job
/// `except`, and jobs that are unfinished or being undone.
async fn make_room(
    session: &Session,
    tenant: TenantId,
    except: JobId,
    mut kept: i64,
    limit: i64,
) -> Result<(), PgError> {
    if kept <= limit {
        return Ok(());
    }
    let oldest = session.prepare_cached(OLDEST).await?;
    let mut jobs: Vec<Uuid> = Vec::new();
    for row in session.query(&oldest, &[&tenant.0, &except.0, &MAX_JOBS_DROPPED]).await? {
        if kept > limit {
            kept -= get::<i64>(&row, 1)?;
            jobs.push(get(&row, 0)?);
        }
    }
    forget(session, tenant, &jobs).await
}

/// Deletes what is kept of some jobs, so that they cannot be undone any more.
pub(super) async fn forget(session: &Session, tenant: TenantId, jobs: &[Uuid]) -> Result<(), PgError> {
    let (forget, images) = (session.prepare_cached(FORGET).await?, session.prepare_cached(FORGET_IMAGES).await?);
    session.query(&forget, &[&tenant.0, &jobs]).await?;
    session.execute(&images, &[&tenant.0, &jobs]).await?;
    Ok(())
}
