//! Who works on what: claims, leases and the items to work on.
//!
//! A claim costs the same however many jobs wait: tenants that wait are found by an index in the order of their turns, and
//! of each only its oldest jobs and those that run are looked at. Locks: the tenant's queue, then the job; the tenant is
//! passed over if somebody else has either.

use std::cell::RefCell;
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{digest, get, number, optional_digest, signed};
use crate::domain::{ItemList, JobId, JobState, Operation, Pinned, TenantId, Timestamp};
use crate::store::packing::{PackedChunk, READ_AHEAD, unpack_some};
use crate::store::profile_cache::ProfileCache;
use crate::store::{Claim, ClaimId, StoreError};
use crate::tenants::TenantLimits;

/// How often to look again while others are at it.
const LOOKS: usize = 3;
/// Tenants that are passed over at a time: their next job is locked by somebody who does not let go of it.
const PASSED_OVER: usize = 20;
/// Queues that are taken out of those that wait at a time.
const SETTLED: i64 = 100;

/// The tenant first, then its job: picking the oldest jobs and dropping those of busy tenants would let one tenant's
/// long queue hide everybody else's. A job can be claimed if nobody has it, or its holder let the lease end; and only while
/// fewer jobs of its tenant run than its limits allow.
const NEXT: &str = "
    SELECT q.tenant FROM queues AS q
    WHERE q.is_waiting AND q.tenant <> ALL($2::bigint[])
      AND (SELECT count(*) FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until > bulkhead_now($1)
          ) < q.running_jobs
      AND EXISTS (
        SELECT id FROM (
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND NOT is_claimed AND expires_at > bulkhead_now($1)
           ORDER BY sequence LIMIT 1)
          UNION ALL
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until <= bulkhead_now($1)
             AND expires_at > bulkhead_now($1)
           ORDER BY sequence LIMIT 1)
        ) AS candidates ORDER BY sequence LIMIT 1
      )
    ORDER BY q.last_served, q.tenant LIMIT 1";

/// Looks once more, by the conditions of [`NEXT`], now that nobody else can claim anything of this tenant. An epoch is a
/// claim's alone, also one of a claim that did not take effect.
const TAKE: &str = "
    WITH candidate AS (
      SELECT (
        SELECT id FROM (
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND NOT is_claimed AND expires_at > bulkhead_now($1)
           ORDER BY sequence LIMIT 1)
          UNION ALL
          (SELECT id, sequence FROM jobs
           WHERE tenant = q.tenant AND finished_at IS NULL AND is_claimed AND lease_until <= bulkhead_now($1)
             AND expires_at > bulkhead_now($1)
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
    RETURNING jobs.id, jobs.operation, jobs.processor, jobs.validator, jobs.profile, jobs.epoch, jobs.attempts,
              jobs.cursor, jobs.total, bulkhead_now($1), tenants.name, tenants.limits";

/// What came of looking for a job under locks.
enum Look {
    Claimed,
    /// This tenant's next job cannot be had.
    InVain(i64),
    /// All that wait are locked by others who look.
    Nothing,
}

/// Claims the next job. The claim is in `about` while it may have taken effect and nobody knows.
pub(super) async fn claim(
    session: &Session,
    profiles: &ProfileCache,
    lease: Duration,
    about: &RefCell<Option<Claim>>,
) -> Result<Option<Claim>, Failure> {
    about.take();
    let (mut looks, mut passed_over) = (0, Vec::new());
    while looks < LOOKS && passed_over.len() < PASSED_OVER {
        // Looking is cheap and happens often; only a find takes locks.
        if !is_any_claimable(session, None).await? {
            settle(session).await?;
            break;
        }
        match look(session, profiles, lease, &passed_over, about).await? {
            Look::Claimed => return Ok(about.take()),
            Look::InVain(tenant) => passed_over.push(tenant),
            Look::Nothing => looks += 1,
        }
    }
    Ok(None)
}

async fn look(
    session: &Session,
    profiles: &ProfileCache,
    lease: Duration,
    passed_over: &Vec<i64>,
    about: &RefCell<Option<Claim>>,
) -> Result<Look, Failure> {
    let lock = session.prepare_cached(&format!("{NEXT} FOR NO KEY UPDATE OF q SKIP LOCKED")).await?;
    let take = session.prepare_cached(TAKE).await?;
    session
        .transact(async || {
            let ((), found) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&session.clock_shift, passed_over]).await?) }
            )?;
            let Some(found) = found else { return Ok(Verdict::RollBack(Look::Nothing)) };
            let (tenant, state) = (get::<i64>(&found, 0)?, JobState::InProgress.as_str());
            let row =
                session.query_opt(&take, &[&session.clock_shift, &tenant, &state, &signed(lease.as_micros())]).await?;
            let Some(row) = row else { return Ok(Verdict::RollBack(Look::InVain(tenant))) };
            about.replace(Some(read(tenant, &row, profiles)?));
            Ok(Verdict::Commit(Look::Claimed))
        })
        .await
}

fn read(tenant: i64, row: &Row, profiles: &ProfileCache) -> Result<Claim, StoreError> {
    let operation: &str = get(row, 1)?;
    Ok(Claim {
        tenant: TenantId(tenant),
        tenant_name: get(row, 10)?,
        profile: profiles.parse(get(row, 4)?),
        job: JobId(get(row, 0)?),
        limits: TenantLimits::parse_stored(get(row, 11)?),
        operation: Operation::parse(operation)
            .ok_or_else(|| StoreError::Corrupt(format!("a job's operation '{operation}'")))?,
        pinned: Pinned { processor: digest(row, 2)?, validator: optional_digest(row, 3)? },
        epoch: get(row, 5)?,
        attempts: number(row, 6)?,
        cursor: number(row, 7)?,
        total: number(row, 8)?,
        now: Timestamp(get(row, 9)?),
    })
}

pub(super) async fn is_any_claimable(session: &Session, besides: Option<TenantId>) -> Result<bool, Failure> {
    let next = session.prepare_cached(NEXT).await?;
    let besides: Vec<i64> = besides.iter().map(|tenant| tenant.0).collect();
    Ok(session.query_opt(&next, &[&session.clock_shift, &besides]).await?.is_some())
}

/// Takes queues without an unfinished job out of those that wait. That is not done where a job is finished, because then
/// commits would have to lock the queue.
pub(super) async fn settle(session: &Session) -> Result<(), Failure> {
    const IDLE: &str = "SELECT q.tenant FROM queues AS q
        WHERE q.is_waiting AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = q.tenant AND finished_at IS NULL)
        LIMIT $1";
    let idle = session.prepare_cached(IDLE).await?;
    let tenants = session.query(&idle, &[&SETTLED]).await?;
    let tenants = tenants.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
    if tenants.is_empty() {
        return Ok(());
    }
    // Whoever accepts a job holds the queue's lock, so the second statement sees that job or comes before it.
    let lock = session
        .prepare_cached("SELECT tenant FROM queues WHERE tenant = ANY($1) FOR NO KEY UPDATE SKIP LOCKED")
        .await?;
    let settle = session
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
            session.execute(&settle, &[&locked]).await?;
            Ok(Verdict::Commit(()))
        })
        .await
}

/// Claims as three lists.
fn columns(claims: &[ClaimId]) -> (Vec<i64>, Vec<Uuid>, Vec<i64>) {
    let tenants = claims.iter().map(|claim| claim.tenant.0).collect();
    let jobs = claims.iter().map(|claim| claim.job.0).collect();
    (tenants, jobs, claims.iter().map(|claim| claim.epoch).collect())
}

pub(super) async fn renew_all(session: &Session, claims: &[ClaimId], lease: Duration) -> Result<(), Failure> {
    // In the order of their keys, as everybody who locks several jobs; but for those that are being committed to, which
    // prolongs their leases anyway.
    const RENEW: &str = "
        WITH held AS (
          SELECT jobs.tenant, jobs.id FROM unnest($3::bigint[], $4::uuid[], $5::bigint[]) AS claim (tenant, id, epoch)
          JOIN jobs ON jobs.tenant = claim.tenant AND jobs.id = claim.id AND jobs.epoch = claim.epoch
          WHERE jobs.finished_at IS NULL ORDER BY jobs.tenant, jobs.id FOR NO KEY UPDATE OF jobs SKIP LOCKED
        )
        UPDATE jobs SET lease_until = bulkhead_now($1) + $2
        FROM held WHERE jobs.tenant = held.tenant AND jobs.id = held.id";
    let (tenants, jobs, epochs) = columns(claims);
    let renew = session.prepare_cached(RENEW).await?;
    session.execute(&renew, &[&session.clock_shift, &signed(lease.as_micros()), &tenants, &jobs, &epochs]).await?;
    Ok(())
}

pub(super) async fn void_among(session: &Session, claims: &[ClaimId]) -> Result<Vec<ClaimId>, Failure> {
    const VOID: &str = "
        SELECT claim.tenant, claim.id, claim.epoch
        FROM unnest($2::bigint[], $3::uuid[], $4::bigint[]) AS claim (tenant, id, epoch)
        WHERE NOT EXISTS (
          SELECT 1 FROM jobs WHERE jobs.tenant = claim.tenant AND jobs.id = claim.id AND jobs.epoch = claim.epoch
            AND jobs.finished_at IS NULL AND jobs.expires_at > bulkhead_now($1)
        )";
    let (tenants, jobs, epochs) = columns(claims);
    let void = session.prepare_cached(VOID).await?;
    let rows = session.query(&void, &[&session.clock_shift, &tenants, &jobs, &epochs]).await?;
    let read =
        |row: &Row| Ok(ClaimId { tenant: TenantId(get(row, 0)?), job: JobId(get(row, 1)?), epoch: get(row, 2)? });
    rows.iter().map(read).collect()
}

/// Gives a job back; the attempt may count.
pub(super) async fn release(session: &Session, claim: &Claim, counts: bool) -> Result<(), Failure> {
    let release = session
        .prepare_cached(
            "UPDATE jobs SET is_claimed = false, lease_until = 0, epoch = epoch + 1, attempts = greatest(attempts - $4, 0)
             WHERE tenant = $1 AND id = $2 AND epoch = $3",
        )
        .await?;
    session.execute(&release, &[&claim.tenant.0, &claim.job.0, &claim.epoch, &i64::from(!counts)]).await?;
    Ok(())
}

pub(super) async fn batches(
    session: &Session,
    claim: &Claim,
    first: u32,
    bytes: usize,
) -> Result<Vec<ItemList>, Failure> {
    let payloads = session
        .prepare_cached(
            "SELECT first, items, keys FROM payloads WHERE tenant = $1 AND job = $2 AND first >= (
               SELECT first FROM payloads WHERE tenant = $1 AND job = $2 AND first <= $3 ORDER BY first DESC LIMIT 1
             ) ORDER BY first LIMIT $4",
        )
        .await?;
    let rows =
        session.query(&payloads, &[&claim.tenant.0, &claim.job.0, &i64::from(first), &i64::from(READ_AHEAD)]).await?;
    let chunk = |row| Ok(PackedChunk::<&[u8]> { first: number(row, 0)?, items: get(row, 1)?, keys: get(row, 2)? });
    Ok(unpack_some(rows.iter().map(chunk), first, bytes)?)
}
