//! Accepting a job: the job, its items and the idempotency key in one transaction of two round trips.
//!
//! Locks: the tenant's queue, so that the jobs of a tenant are accepted one after the other, and the components that the job
//! needs, so that no operator removes them.

use uuid::Uuid;

use super::components;
use super::connections::{Connections, Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use crate::domain::{Digest, JobId, JobState};
use crate::store::packing::NewChunk;
use crate::store::{NewJob, QueueLimits, StoreError, SubmitOutcome};

const ACCEPTING: &str = "accepting a job";

/// The chunks of a job, packed and as columns.
#[derive(Default)]
struct Chunks {
    firsts: Vec<i64>,
    counts: Vec<i64>,
    sizes: Vec<i64>,
    items: Vec<Vec<u8>>,
    keys: Vec<Option<Vec<u8>>>,
}

impl Chunks {
    fn pack(job: &NewJob) -> Result<Self, StoreError> {
        let mut chunks = Self::default();
        for chunk in NewChunk::all_of(job)? {
            chunks.sizes.push(signed(chunk.size()));
            chunks.counts.push(i64::from(chunk.count));
            chunks.firsts.push(i64::from(chunk.blobs.first));
            chunks.items.push(chunk.blobs.items);
            chunks.keys.push(chunk.blobs.keys);
        }
        Ok(chunks)
    }

    fn bytes(&self) -> i64 {
        self.sizes.iter().sum()
    }

    fn total(&self) -> i64 {
        self.counts.iter().sum()
    }
}

/// Marks the queue as waiting if the job has items, and locks it.
const MARK_WAITING: &str = "UPDATE queues SET is_waiting = is_waiting OR $2 WHERE tenant = $1";

const EARLIER: &str = "
    SELECT fingerprint, job FROM idempotency WHERE tenant = $2 AND key = $3 AND expires_at > bulkhead_now($1)";

const WAITING: &str = "
    SELECT count(*), coalesce(sum(waiting_bytes), 0)::bigint, coalesce(max(sequence), 0) + 1
    FROM jobs WHERE tenant = $1 AND finished_at IS NULL";

const INSERT: &str = "
    INSERT INTO jobs (tenant, id, sequence, operation, state, processor, validator, profile, retention, total,
                      waiting_bytes, created_at, started_at, finished_at, expires_at)
    SELECT $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, $11::bigint, $12, now, CASE WHEN $11::bigint = 0 THEN now END,
           CASE WHEN $11::bigint = 0 THEN now END, now + $10::bigint
    FROM (SELECT bulkhead_now($1) AS now) AS clock";

const INSERT_CHUNKS: &str = "
    INSERT INTO payloads (tenant, job, first, count, size, items, keys)
    SELECT $1, $2, first, count, size, items, keys
    FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[])
      AS chunk (first, count, size, items, keys)";

const REMEMBER: &str = "
    INSERT INTO idempotency (tenant, key, fingerprint, job, expires_at) VALUES ($2, $3, $4, $5, bulkhead_now($1) + $6)
    ON CONFLICT (tenant, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, job = excluded.job, expires_at = excluded.expires_at";

/// Accepts a job. When this returns, the job is durable.
pub(super) fn submit(
    connections: &Connections,
    job: &NewJob,
    limits: &QueueLimits,
) -> Result<SubmitOutcome, StoreError> {
    let chunks = Chunks::pack(job)?;
    let submitted = connections.attempt(ACCEPTING, async |session| insert(session, job, &chunks, limits).await);
    match submitted {
        // If the commit took effect, the database has the job's id, which no other job has.
        Err(error) if error.is_unsure() => {
            let accepted = connections.run(ACCEPTING, async |session| is_accepted(session, job).await);
            if matches!(accepted, Ok(true)) {
                Ok(SubmitOutcome::Accepted)
            } else {
                Err(error.into_store_error(ACCEPTING))
            }
        }
        submitted => submitted.map_err(|error| error.into_store_error(ACCEPTING)),
    }
}

async fn insert(
    session: &Session,
    job: &NewJob,
    chunks: &Chunks,
    limits: &QueueLimits,
) -> Result<SubmitOutcome, PgError> {
    let own = Some(job.pinned.processor).filter(|_| !job.is_default);
    let needed: Vec<Digest> = own.into_iter().chain(job.pinned.validator).collect();
    let mark_waiting = session.prepare_cached(MARK_WAITING).await?;
    let earlier = session.prepare_cached(EARLIER).await?;
    let waiting = session.prepare_cached(WAITING).await?;
    let insert = session.prepare_cached(INSERT).await?;
    let insert_chunks = session.prepare_cached(INSERT_CHUNKS).await?;
    let remember = session.prepare_cached(REMEMBER).await?;
    let lock = components::lock_statement(session).await?;

    let (tenant, id, total, bytes) = (job.tenant.0, job.id.0, chunks.total(), chunks.bytes());
    let key = job.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
    session
        .transact(async || {
            let ((), queues, are_known, earlier, waiting) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.execute(&mark_waiting, &[&tenant, &(total > 0)]).await?) },
                components::are_known(session, &lock, &needed),
                async { Ok(session.query_opt(&earlier, &[&session.clock_shift, &tenant, &key]).await?) },
                async { Ok(session.query_one(&waiting, &[&tenant]).await?) },
            )?;
            if queues == 0 {
                return Ok(TxOutcome::RollBack(SubmitOutcome::NoTenant));
            }
            if !are_known {
                return Ok(TxOutcome::RollBack(SubmitOutcome::Outdated));
            }
            if let (Some(row), Some(idempotency)) = (earlier, &job.idempotency) {
                let is_same = get::<&[u8]>(&row, 0)? == idempotency.fingerprint;
                let repeated = SubmitOutcome::Repeated(JobId(get::<Uuid>(&row, 1)?));
                return Ok(TxOutcome::RollBack(if is_same { repeated } else { SubmitOutcome::KeyReused }));
            }
            if number::<u64>(&waiting, 0)? >= limits.jobs
                || number::<u64>(&waiting, 1)?.saturating_add(bytes.unsigned_abs()) > limits.bytes
            {
                return Ok(TxOutcome::RollBack(SubmitOutcome::QueueFull));
            }
            let sequence: i64 = get(&waiting, 2)?;
            // A job without items has nothing to wait for.
            let state = if total == 0 { JobState::Completed } else { JobState::Queued };
            let retention = signed(job.retention.as_micros());
            tokio::try_join!(
                biased;
                async {
                    let (operation, state, profile) = (job.operation.as_str(), state.as_str(), job.profile.text());
                    let processor = job.pinned.processor.0.as_slice();
                    let validator = job.pinned.validator.as_ref().map(|digest| digest.0.as_slice());
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 12] = [
                        &session.clock_shift, &tenant, &id, &sequence, &operation, &state, &processor, &validator,
                        &profile, &retention, &total, &bytes,
                    ];
                    Ok::<_, PgError>(session.execute(&insert, &values).await?)
                },
                async {
                    let Chunks { firsts, counts, sizes, items, keys } = chunks;
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                        [&tenant, &id, firsts, counts, sizes, items, keys];
                    Ok(session.execute(&insert_chunks, &values).await?)
                },
                async {
                    let Some(idempotency) = &job.idempotency else { return Ok(0) };
                    let fingerprint = idempotency.fingerprint.as_slice();
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                        [&session.clock_shift, &tenant, &key, &fingerprint, &id, &retention];
                    Ok(session.execute(&remember, &values).await?)
                },
            )?;
            Ok(TxOutcome::Commit(SubmitOutcome::Accepted))
        })
        .await
}

/// Returns whether a job is in the database.
async fn is_accepted(session: &Session, job: &NewJob) -> Result<bool, PgError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM jobs WHERE tenant = $1 AND id = $2)";
    Ok(get(&session.query_one(sql, &[&job.tenant.0, &job.id.0]).await?, 0)?)
}
