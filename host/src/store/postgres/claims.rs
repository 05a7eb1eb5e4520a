//! Claims, their leases and the items to work on.

use std::cell::RefCell;
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::connections::Session;
use super::error::PgError;
use super::sql::{get, number, signed};
use super::{PostgresStore, commit, next_job, overlays};
use crate::domain::{ItemList, JobId, TenantId};
use crate::store::packing::{MAX_CHUNKS_READ, PackedChunk, unpack_some};
use crate::store::{BatchCommit, Claim, ClaimId, ClaimStore, CommitOutcome, OverlayMarks, StoreError};

const CLAIMING: &str = "claiming a job";

impl ClaimStore for PostgresStore {
    fn claim(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<Claim>, StoreError> {
        let uncertain = RefCell::new(None);
        let claimed = self.connections.attempt(CLAIMING, async |session| {
            next_job::claim(session, &self.profiles, lease, passing_over, &uncertain).await
        });
        match claimed {
            // If the commit took effect, the job must not wait until the lease ends. If not, the claim can do nothing: no job
            // has its epoch.
            Err(error) if error.is_unsure() && uncertain.borrow().is_some() => Ok(uncertain.take()),
            claimed => claimed.map_err(|error| error.into_store_error(CLAIMING)),
        }
    }

    fn has_claimable(&self, passing_over: &[TenantId]) -> Result<bool, StoreError> {
        self.connections.run("looking for a job", async |session| next_job::has_claimable(session, passing_over).await)
    }

    fn chunks(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<ItemList>, StoreError> {
        self.connections.run("reading items", async |session| chunks(session, claim, first, bytes).await)
    }

    fn overlay_marks(&self, claim: &Claim) -> Result<Vec<OverlayMarks>, StoreError> {
        self.connections.run("reading an overlay", async |session| overlays::marks(session, claim).await)
    }

    fn overlay_contacts(&self, tenant: TenantId, job: JobId, first: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let context = "reading an overlay";
        self.connections.run(context, async |session| overlays::contacts(session, tenant, job, first).await)
    }

    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError> {
        self.connections.run("committing a batch", async |session| commit::commit(session, claim, batch, lease).await)
    }

    fn renew_claims(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError> {
        self.connections.run("renewing leases", async |session| renew_claims(session, claims, lease).await)
    }

    fn lost_claims(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError> {
        self.connections.run("looking at claims", async |session| lost_claims(session, claims).await)
    }

    fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.run("giving a job back", async |session| release(session, claim, false).await)
    }

    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.run("giving a job back", async |session| release(session, claim, true).await)
    }

    fn void_claims(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// Returns claims as columns.
fn columns(claims: &[ClaimId]) -> (Vec<i64>, Vec<Uuid>, Vec<i64>) {
    let tenants = claims.iter().map(|claim| claim.tenant.0).collect();
    let jobs = claims.iter().map(|claim| claim.job.0).collect();
    (tenants, jobs, claims.iter().map(|claim| claim.epoch).collect())
}

async fn renew_claims(session: &Session, claims: &[ClaimId], lease: Duration) -> Result<(), PgError> {
    // Each claim's job is looked up by its key, also where the planner would rather read all unfinished jobs. Locks in the
    // order of the jobs' keys, as all transactions do. Skips jobs that a commit holds: the commit renews their leases.
    const RENEW: &str = "
        WITH held AS (
          SELECT job.* FROM unnest($3::bigint[], $4::uuid[], $5::bigint[]) AS claim (tenant, id, epoch)
          CROSS JOIN LATERAL (
            SELECT tenant, id FROM jobs
            WHERE tenant = claim.tenant AND id = claim.id AND epoch = claim.epoch AND finished_at IS NULL
            FOR NO KEY UPDATE SKIP LOCKED
          ) AS job
        )
        UPDATE jobs SET lease_until = bulkhead_now($1) + $2
        FROM held WHERE jobs.tenant = held.tenant AND jobs.id = held.id";
    let mut claims = claims.to_vec();
    claims.sort_unstable_by_key(|claim| (claim.tenant.0, claim.job.0));
    let (tenants, jobs, epochs) = columns(&claims);
    let renew = session.prepare_cached(RENEW).await?;
    session.execute(&renew, &[&session.clock_shift, &signed(lease.as_micros()), &tenants, &jobs, &epochs]).await?;
    Ok(())
}

async fn lost_claims(session: &Session, claims: &[ClaimId]) -> Result<Vec<ClaimId>, PgError> {
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

/// Gives a job back. The attempt counts if `counts`.
async fn release(session: &Session, claim: &Claim, counts: bool) -> Result<(), PgError> {
    let release = session
        .prepare_cached(
            "UPDATE jobs SET is_claimed = false, lease_until = 0, epoch = epoch + 1, attempts = greatest(attempts - $4, 0)
             WHERE tenant = $1 AND id = $2 AND epoch = $3",
        )
        .await?;
    session.execute(&release, &[&claim.tenant.0, &claim.job.0, &claim.epoch, &i64::from(!counts)]).await?;
    Ok(())
}

async fn chunks(session: &Session, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<ItemList>, PgError> {
    let payloads = session
        .prepare_cached(
            "SELECT first, items, keys FROM payloads WHERE tenant = $1 AND job = $2 AND first >= (
               SELECT first FROM payloads WHERE tenant = $1 AND job = $2 AND first <= $3 ORDER BY first DESC LIMIT 1
             ) ORDER BY first LIMIT $4",
        )
        .await?;
    let rows = session
        .query(&payloads, &[&claim.tenant.0, &claim.job.0, &i64::from(first), &i64::from(MAX_CHUNKS_READ)])
        .await?;
    let chunk = |row| Ok(PackedChunk::<&[u8]> { first: number(row, 0)?, items: get(row, 1)?, keys: get(row, 2)? });
    Ok(unpack_some(rows.iter().map(chunk), first, bytes)?)
}
