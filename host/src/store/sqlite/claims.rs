//! Claims, their leases, and the chunks to work on.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::{SqliteStore, commit, overlays};
use crate::domain::{Digest, GroupId, ItemList, JobId, JobState, Pinned, TenantId, Timestamp, TraceParent};
use crate::store::before_images::NewImages;
use crate::store::error::Context;
use crate::store::overlays::PackedOverlay;
use crate::store::packing::{MAX_CHUNKS_READ, PackedChunk, read_mode, read_operation, read_undo, unpack_some};
use crate::store::profile_cache::ProfileCache;
use crate::store::{BatchCommit, Claim, ClaimId, ClaimStore, CommitOutcome, OverlayMarks, StoreError};
use crate::tenants::TenantLimits;

impl ClaimStore for SqliteStore {
    fn claim(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<Claim>, StoreError> {
        let now = self.clock.now();
        let claimed = self.connections.write_growing(0, |connection| claim(connection, lease, passing_over, now))?;
        // Not under the write lock, as a profile can be large.
        claimed.map(|claimed| claimed.into_claim(&self.profiles, now)).transpose()
    }

    fn has_claimable(&self, passing_over: &[TenantId]) -> Result<bool, StoreError> {
        let now = self.clock.now();
        Ok(self.connections.read(|connection| next_job(connection, passing_over, now))?.is_some())
    }

    fn chunks(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<ItemList>, StoreError> {
        let chunks: Vec<PackedChunk> = self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT first, items, keys FROM payloads WHERE tenant = ?1 AND job = ?2 AND first >= (
                       SELECT first FROM payloads WHERE tenant = ?1 AND job = ?2 AND first <= ?3 ORDER BY first DESC LIMIT 1
                     ) ORDER BY first LIMIT ?4",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map(params![claim.tenant.0, claim.job.0, first, MAX_CHUNKS_READ], |row| {
                            Ok(PackedChunk { first: row.get(0)?, items: row.get(1)?, keys: row.get(2)? })
                        })?
                        .collect()
                })
                .context("reading items")
        })?;
        unpack_some(chunks.into_iter().map(Ok), first, bytes)
    }

    fn overlay_marks(&self, claim: &Claim) -> Result<Vec<OverlayMarks>, StoreError> {
        self.connections.read(|connection| overlays::marks(connection, claim))
    }

    fn overlay_contacts(&self, tenant: TenantId, job: JobId, first: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.connections.read(|connection| overlays::contacts(connection, tenant, job, first))
    }

    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError> {
        let now = self.clock.now();
        // Not under the write lock, as compressing takes time.
        let images = claim.undoable_for().map(|_| NewImages::of(batch)).transpose()?;
        let overlaid = PackedOverlay::of(&batch.overlays)?;
        self.connections.write_awaited(batch.bytes() as u64, |connection| {
            commit::commit(connection, claim, batch, (images, &overlaid), lease, now)
        })
    }

    fn renew_claims(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError> {
        const CONTEXT: &str = "renewing leases";
        let lease_until = self.clock.now().after(lease);
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            for claim in claims {
                transaction
                    .prepare_cached(
                        "UPDATE jobs SET lease_until = ?4
                         WHERE tenant = ?1 AND id = ?2 AND epoch = ?3 AND finished_at IS NULL",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![claim.tenant.0, claim.job.0, claim.epoch, lease_until.0])
                    })
                    .context(CONTEXT)?;
            }
            transaction.commit().context(CONTEXT)
        })
    }

    fn lost_claims(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError> {
        const CONTEXT: &str = "looking at claims";
        let now = self.clock.now();
        self.connections.read(|connection| {
            let mut holds = connection
                .prepare_cached(
                    "SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2 AND epoch = ?3 AND finished_at IS NULL
                     AND expires_at > ?4",
                )
                .context(CONTEXT)?;
            let mut lost = Vec::new();
            for claim in claims {
                if !holds.exists(params![claim.tenant.0, claim.job.0, claim.epoch, now.0]).context(CONTEXT)? {
                    lost.push(*claim);
                }
            }
            Ok(lost)
        })
    }

    fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.release_claim(claim, false)
    }

    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError> {
        self.release_claim(claim, true)
    }

    fn void_claims(&self) -> Result<usize, StoreError> {
        self.connections.write(|connection| {
            connection
                .execute(
                    "UPDATE jobs SET lease_until = NULL, epoch = epoch + 1
                     WHERE lease_until IS NOT NULL AND finished_at IS NULL",
                    [],
                )
                .context("voiding claims")
        })
    }
}

impl SqliteStore {
    fn release_claim(&self, claim: &Claim, attempt_counts: bool) -> Result<(), StoreError> {
        self.connections.write(|connection| {
            connection
                .execute(
                    "UPDATE jobs SET lease_until = NULL, epoch = epoch + 1, attempts = max(attempts - ?4, 0)
                     WHERE tenant = ?1 AND id = ?2 AND epoch = ?3",
                    params![claim.tenant.0, claim.job.0, claim.epoch, !attempt_counts],
                )
                .map(drop)
                .context("giving a job back")
        })
    }
}

/// A claimed job as the database has it.
struct ClaimedJob {
    tenant: i64,
    tenant_name: String,
    profile: String,
    limits: String,
    job: Uuid,
    row: ClaimedRow,
}

/// The columns of a claimed job.
struct ClaimedRow {
    operation: String,
    pinned: Pinned,
    epoch: i64,
    attempts: u32,
    cursor: u32,
    total: u32,
    /// `None` for jobs that the first version accepted, which go by their tenant's present profile.
    profile: Option<String>,
    mode: Option<String>,
    group: Option<Uuid>,
    applies: Option<Uuid>,
    undo_of: Option<Uuid>,
    created_at: i64,
    started_at: i64,
    traceparent: Option<String>,
}

fn claim(
    connection: &mut Connection,
    lease: Duration,
    passing_over: &[TenantId],
    now: Timestamp,
) -> Result<Option<ClaimedJob>, StoreError> {
    const CONTEXT: &str = "claiming a job";
    // Without the write lock, as workers look often and mostly find nothing.
    let Some((tenant, job)) = next_job(connection, passing_over, now)? else { return Ok(None) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let row = transaction
        .prepare_cached(
            "UPDATE jobs SET state = ?3, epoch = epoch + 1, attempts = attempts + 1, lease_until = ?4,
                             started_at = coalesce(started_at, ?5)
             WHERE tenant = ?1 AND id = ?2 AND finished_at IS NULL AND (lease_until IS NULL OR lease_until <= ?5)
             RETURNING operation, processor, validator, epoch, attempts, cursor, total,
                       coalesce((SELECT text FROM profiles WHERE tenant = ?1 AND digest = profile_digest), profile), mode,
                       group_id, dry_run_of, undo_of, created_at, started_at, traceparent",
        )
        .and_then(|mut statement| {
            let state = JobState::InProgress.as_str();
            statement.query_row(params![tenant, job, state, now.after(lease).0, now.0], ClaimedRow::read).optional()
        })
        .context(CONTEXT)?;
    let Some(mut row) = row else { return Ok(None) };
    let (tenant_name, tenant_profile, limits) = transaction
        .query_row(
            "UPDATE tenants SET last_served = ?2 WHERE id = ?1 RETURNING name, profile, limits",
            params![tenant, now.0],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .context(CONTEXT)?;
    transaction.commit().context(CONTEXT)?;
    let profile = row.profile.take().unwrap_or(tenant_profile);
    Ok(Some(ClaimedJob { tenant, tenant_name, profile, limits, job, row }))
}

impl ClaimedRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            operation: row.get(0)?,
            pinned: Pinned {
                processor: Digest(row.get(1)?),
                validator: row.get::<_, Option<[u8; 32]>>(2)?.map(Digest),
            },
            epoch: row.get(3)?,
            attempts: row.get(4)?,
            cursor: row.get(5)?,
            total: row.get(6)?,
            profile: row.get(7)?,
            mode: row.get(8)?,
            group: row.get(9)?,
            applies: row.get(10)?,
            undo_of: row.get(11)?,
            created_at: row.get(12)?,
            started_at: row.get(13)?,
            traceparent: row.get(14)?,
        })
    }
}

impl ClaimedRow {
    /// Returns how long the job waited, if it was claimed for the first time at `now`.
    fn waited(&self, now: Timestamp) -> Option<Duration> {
        let waited = now.0.saturating_sub(self.created_at).max(0).unsigned_abs();
        (self.started_at == now.0).then_some(Duration::from_micros(waited))
    }
}

impl ClaimedJob {
    fn into_claim(self, profiles: &ProfileCache, now: Timestamp) -> Result<Claim, StoreError> {
        let waited = self.row.waited(now);
        let trace = self.row.traceparent.as_deref().and_then(TraceParent::parse);
        let ClaimedRow { operation, pinned, epoch, attempts, cursor, total, mode, group, applies, undo_of, .. } =
            self.row;
        let operation = read_operation(&operation)?;
        let undoes = read_undo(undo_of.map(JobId), mode.as_deref())?;
        let (mode, dry_run) = read_mode(mode.as_deref())?;
        Ok(Claim {
            tenant: TenantId(self.tenant),
            tenant_name: self.tenant_name,
            profile: profiles.parse(&self.profile),
            job: JobId(self.job),
            limits: TenantLimits::parse_stored(&self.limits),
            operation,
            mode,
            dry_run,
            applies: applies.map(JobId),
            undoes,
            group: group.map(GroupId),
            pinned,
            epoch,
            attempts,
            cursor,
            total,
            now,
            waited,
            trace,
        })
    }
}

/// Returns the next job to claim and its tenant. Looks for the tenant first, because the oldest jobs of all tenants may be
/// thousands of one busy tenant. The time depends on the number of tenants with unfinished jobs, not on the number of jobs.
fn next_job(
    connection: &Connection,
    passing_over: &[TenantId],
    now: Timestamp,
) -> Result<Option<(i64, Uuid)>, StoreError> {
    let passing_over: Vec<i64> = passing_over.iter().map(|tenant| tenant.0).collect();
    let passing_over = serde_json::to_string(&passing_over).unwrap_or_default();
    connection
        .prepare_cached(
            "WITH RECURSIVE busy (tenant) AS (
               SELECT min(tenant) FROM jobs WHERE finished_at IS NULL
               UNION ALL
               SELECT (SELECT min(tenant) FROM jobs WHERE finished_at IS NULL AND tenant > busy.tenant)
               FROM busy WHERE busy.tenant IS NOT NULL
             ), waiting AS (
               SELECT tenants.id AS tenant, last_served,
                      (SELECT id FROM jobs
                       WHERE jobs.tenant = tenants.id AND finished_at IS NULL AND (lease_until IS NULL OR lease_until <= ?1)
                         AND expires_at > ?1
                         -- Dry runs of one file see each other, so they run one after the other.
                         AND (group_id IS NULL OR coalesce(mode, '') NOT LIKE 'dry_run%' OR NOT EXISTS (
                           SELECT 1 FROM jobs AS earlier
                           WHERE earlier.tenant = jobs.tenant AND earlier.group_id = jobs.group_id
                             AND earlier.sequence < jobs.sequence AND earlier.finished_at IS NULL
                             AND earlier.expires_at > ?1))
                       ORDER BY sequence LIMIT 1) AS job
               FROM busy CROSS JOIN tenants ON tenants.id = busy.tenant
               WHERE busy.tenant NOT IN (SELECT value FROM json_each(?2))
                 AND (SELECT count(*) FROM jobs
                      WHERE jobs.tenant = tenants.id AND finished_at IS NULL AND lease_until > ?1) < running_jobs
             )
             SELECT tenant, job FROM waiting WHERE job IS NOT NULL ORDER BY last_served, tenant LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row(params![now.0, passing_over], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .context("looking for a job")
}
