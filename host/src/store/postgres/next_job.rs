//! Finding the next job and claiming it.
//!
//! A claim costs the same however many jobs wait: an index yields the waiting tenants in the order of their turns, and of
//! each tenant the statements look only at the oldest jobs and at the running ones. Locks: the tenant's queue, then the job.
//! A tenant is passed over while another transaction holds either lock.

use std::cell::RefCell;
use std::time::Duration;

use tokio_postgres::Row;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{digest, get, number, optional_digest, signed};
use crate::domain::{GroupId, JobId, JobState, Pinned, TenantId, Timestamp, TraceParent};
use crate::store::packing::{read_mode, read_operation, read_undo};
use crate::store::profile_cache::ProfileCache;
use crate::store::{Claim, StoreError};
use crate::tenants::TenantLimits;

/// Attempts of one call to claim a job while other servers hold the locks.
const MAX_ATTEMPTS: usize = 3;
/// Tenants that one call passes over at most because their next job is locked.
const MAX_PASSED_OVER: usize = 20;
/// Queues whose `is_waiting` is cleared at a time.
const MAX_IDLE_QUEUES: i64 = 100;

/// Whether no earlier dry run of the job's file is unfinished, if the job is a dry run: those of one file see each other, so they run
/// one after the other.
macro_rules! is_not_behind {
    () => {
        "(group_id IS NULL OR NOT starts_with(coalesce(mode, ''), 'dry_run') OR NOT EXISTS (
               SELECT 1 FROM jobs AS earlier
               WHERE earlier.tenant = jobs.tenant AND earlier.group_id = jobs.group_id
                 AND earlier.sequence < jobs.sequence AND earlier.finished_at IS NULL
                 AND earlier.expires_at > bulkhead_now($1)))"
    };
}

/// Finds the tenant first, then its job: a search for the oldest jobs that drops those of busy tenants would let one tenant's
/// long queue hide all others. A job can be claimed if no worker holds it or its lease has ended, while fewer jobs of its
/// tenant run than its limits allow.
const NEXT: &str = concat!(
    "
    SELECT q.tenant FROM queues AS q
    WHERE q.is_waiting AND q.tenant <> ALL($2::bigint[])
      AND (SELECT count(*) FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until > bulkhead_now($1)
          ) < q.running_jobs
      AND EXISTS (
        SELECT id FROM (
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND NOT is_claimed AND expires_at > bulkhead_now($1)
             AND ",
    is_not_behind!(),
    "
           ORDER BY sequence LIMIT 1)
          UNION ALL
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until <= bulkhead_now($1)
             AND expires_at > bulkhead_now($1) AND ",
    is_not_behind!(),
    "
           ORDER BY sequence LIMIT 1)
        ) AS candidates ORDER BY sequence LIMIT 1
      )
    ORDER BY q.last_served, q.tenant LIMIT 1"
);

/// Claims the tenant's next job by the conditions of [`NEXT`], under the lock of the tenant's queue. No two claims have the
/// same epoch, even if one of them did not take effect.
const TAKE: &str = concat!(
    "
    WITH candidate AS (
      SELECT (
        SELECT id FROM (
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND NOT is_claimed AND expires_at > bulkhead_now($1)
             AND ",
    is_not_behind!(),
    "
           ORDER BY sequence LIMIT 1)
          UNION ALL
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until <= bulkhead_now($1)
             AND expires_at > bulkhead_now($1) AND ",
    is_not_behind!(),
    "
           ORDER BY sequence LIMIT 1)
        ) AS candidates ORDER BY sequence LIMIT 1
      ) AS id
      FROM queues AS q
      WHERE q.tenant = $2
        AND (SELECT count(*) FROM jobs
             WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until > bulkhead_now($1)
            ) < q.running_jobs
    ), free AS (
      SELECT id FROM jobs
      WHERE tenant = $2 AND id = (SELECT id FROM candidate) AND finished_at IS NULL
        AND (NOT is_claimed OR lease_until <= bulkhead_now($1))
      FOR NO KEY UPDATE SKIP LOCKED
    ), served AS (
      UPDATE queues SET last_served = bulkhead_now($1) WHERE tenant = $2 AND EXISTS (SELECT 1 FROM free)
    )
    UPDATE jobs
    SET state = $3, epoch = greatest(epoch + 1, bulkhead_now($1)), attempts = attempts + 1, is_claimed = true,
        lease_until = bulkhead_now($1) + $4, started_at = coalesce(started_at, bulkhead_now($1))
    FROM tenants
    WHERE jobs.tenant = $2 AND jobs.id = (SELECT id FROM free) AND tenants.id = $2
    RETURNING jobs.id, jobs.operation, jobs.processor, jobs.validator,
              coalesce((SELECT text FROM profiles WHERE tenant = $2 AND digest = jobs.profile_digest), jobs.profile),
              jobs.epoch, jobs.attempts,
              jobs.cursor, jobs.total, bulkhead_now($1), tenants.name, tenants.limits, jobs.mode,
              jobs.group_id, jobs.dry_run_of, jobs.undo_of,
              CASE WHEN jobs.started_at = bulkhead_now($1) THEN greatest(0, jobs.started_at - jobs.created_at) END,
              jobs.traceparent"
);

/// The outcome of one attempt to claim a job.
enum Attempt {
    Claimed,
    /// The next job of this tenant is locked.
    JobLocked(i64),
    /// The queues of all tenants with a job to claim are locked.
    QueuesLocked,
}

/// Claims the next job. While the commit is on its way, the claim is in `uncertain`.
pub(super) async fn claim(
    session: &Session,
    profiles: &ProfileCache,
    lease: Duration,
    passing_over: &[TenantId],
    uncertain: &RefCell<Option<Claim>>,
) -> Result<Option<Claim>, PgError> {
    uncertain.take();
    let (mut attempts, mut passed_over) = (0, numbers(passing_over));
    while attempts < MAX_ATTEMPTS && passed_over.len() < passing_over.len() + MAX_PASSED_OVER {
        // Idle workers look often, so looking takes no locks.
        if !has_claimable(session, passing_over).await? {
            if passing_over.is_empty() {
                clear_idle_queues(session).await?;
            }
            break;
        }
        match try_claim(session, profiles, lease, &passed_over, uncertain).await? {
            Attempt::Claimed => return Ok(uncertain.take()),
            Attempt::JobLocked(tenant) => passed_over.push(tenant),
            Attempt::QueuesLocked => attempts += 1,
        }
    }
    Ok(None)
}

async fn try_claim(
    session: &Session,
    profiles: &ProfileCache,
    lease: Duration,
    passed_over: &Vec<i64>,
    uncertain: &RefCell<Option<Claim>>,
) -> Result<Attempt, PgError> {
    let lock = session.prepare_cached(&format!("{NEXT} FOR NO KEY UPDATE OF q SKIP LOCKED")).await?;
    let take = session.prepare_cached(TAKE).await?;
    session
        .transact(async || {
            let ((), found) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&session.clock_shift, passed_over]).await?) }
            )?;
            let Some(found) = found else { return Ok(TxOutcome::RollBack(Attempt::QueuesLocked)) };
            let (tenant, state) = (get::<i64>(&found, 0)?, JobState::InProgress.as_str());
            let row =
                session.query_opt(&take, &[&session.clock_shift, &tenant, &state, &signed(lease.as_micros())]).await?;
            let Some(row) = row else { return Ok(TxOutcome::RollBack(Attempt::JobLocked(tenant))) };
            uncertain.replace(Some(read(tenant, &row, profiles)?));
            Ok(TxOutcome::Commit(Attempt::Claimed))
        })
        .await
}

fn read(tenant: i64, row: &Row, profiles: &ProfileCache) -> Result<Claim, StoreError> {
    let operation: &str = get(row, 1)?;
    let (mode, dry_run) = read_mode(get(row, 12)?)?;
    Ok(Claim {
        tenant: TenantId(tenant),
        tenant_name: get(row, 10)?,
        profile: profiles.parse(get(row, 4)?),
        job: JobId(get(row, 0)?),
        limits: TenantLimits::parse_stored(get(row, 11)?),
        operation: read_operation(operation)?,
        mode,
        dry_run,
        applies: get::<Option<uuid::Uuid>>(row, 14)?.map(JobId),
        undoes: read_undo(get::<Option<uuid::Uuid>>(row, 15)?.map(JobId), get(row, 12)?)?,
        group: get::<Option<uuid::Uuid>>(row, 13)?.map(GroupId),
        pinned: Pinned { processor: digest(row, 2)?, validator: optional_digest(row, 3)? },
        epoch: get(row, 5)?,
        attempts: number(row, 6)?,
        cursor: number(row, 7)?,
        total: number(row, 8)?,
        now: Timestamp(get(row, 9)?),
        waited: get::<Option<i64>>(row, 16)?.map(|waited| Duration::from_micros(waited.unsigned_abs())),
        trace: get::<Option<&str>>(row, 17)?.and_then(TraceParent::parse),
    })
}

/// Returns whether a worker would find a job that passes over these tenants.
pub(super) async fn has_claimable(session: &Session, passing_over: &[TenantId]) -> Result<bool, PgError> {
    let next = session.prepare_cached(NEXT).await?;
    Ok(session.query_opt(&next, &[&session.clock_shift, &numbers(passing_over)]).await?.is_some())
}

fn numbers(tenants: &[TenantId]) -> Vec<i64> {
    tenants.iter().map(|tenant| tenant.0).collect()
}

/// Clears `is_waiting` of queues without an unfinished job. The commit that finishes a job does not do it, because it would
/// have to lock the queue.
pub(super) async fn clear_idle_queues(session: &Session) -> Result<(), PgError> {
    const IDLE_QUEUES: &str = "SELECT q.tenant FROM queues AS q
        WHERE q.is_waiting AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = q.tenant AND finished_at IS NULL)
        LIMIT $1";
    let idle = session.prepare_cached(IDLE_QUEUES).await?;
    let tenants = session.query(&idle, &[&MAX_IDLE_QUEUES]).await?;
    let tenants = tenants.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
    if tenants.is_empty() {
        return Ok(());
    }
    // A transaction that accepts a job holds the queue's lock, so the second statement sees that job or comes before it.
    let lock = session
        .prepare_cached("SELECT tenant FROM queues WHERE tenant = ANY($1) FOR NO KEY UPDATE SKIP LOCKED")
        .await?;
    let clear = session
        .prepare_cached(
            "UPDATE queues AS q SET is_waiting = false WHERE q.tenant = ANY($1)
             AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = q.tenant AND finished_at IS NULL)",
        )
        .await?;
    session
        .transact(async || {
            let ((), locked) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query(&lock, &[&tenants]).await?) }
            )?;
            let locked = locked.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
            session.execute(&clear, &[&locked]).await?;
            Ok(TxOutcome::Commit(()))
        })
        .await
}
