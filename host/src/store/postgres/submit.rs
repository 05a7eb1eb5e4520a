//! Accepting a job: the job, its items and the idempotency key in one transaction of two round trips.
//!
//! Locks: the tenant's queue, so that the jobs of a tenant are accepted one after the other, and the components that the job
//! needs, so that no operator removes them.

use uuid::Uuid;

use super::apply::{self, Copied};
use super::components;
use super::connections::{Connections, Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use super::{undo, webhooks};
use crate::domain::{Digest, JobId, JobState};
use crate::store::packing::{NewChunk, stored_mode, stored_operation, stored_source};
use crate::store::usage::{
    BLOB_ROW_BYTES, ContactsCount, IDEMPOTENCY_BYTES, JOB_BYTES, MAX_CONTACTS_MICROS, MINUTE_MICROS, excess,
    interval_micros,
};
use crate::store::{NewJob, StoreError, SubmitLimits, SubmitOutcome, WebhookEvent};

const ACCEPTING: &str = "accepting a job";

/// The chunks of a job, packed and as columns.
#[derive(Default)]
struct Chunks {
    firsts: Vec<i64>,
    counts: Vec<i64>,
    sizes: Vec<i64>,
    items: Vec<Vec<u8>>,
    keys: Vec<Option<Vec<u8>>>,
    /// The items of the dry run that the job applies.
    copied: Copied,
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
        self.sizes.iter().sum::<i64>() + self.copied.bytes
    }

    fn total(&self) -> i64 {
        self.counts.iter().sum::<i64>() + self.copied.total
    }

    fn number(&self) -> i64 {
        signed(self.counts.len()) + self.copied.chunks
    }
}

/// Marks the queue as waiting if the job has items, locks it, and counts the job. Returns for how long what was counted for the
/// tenant's rate lasts, and what the tenant has stored, with this job.
const MARK_WAITING: &str = "
    UPDATE queues
    SET is_waiting = is_waiting OR $3, stored_bytes = stored_bytes + $4,
        jobs_free_at = least(greatest(jobs_free_at, bulkhead_now($1)), bulkhead_now($1) + $6) + $5,
        contacts_free_at = least(greatest(contacts_free_at, bulkhead_now($1)), bulkhead_now($1) + $8) + $7
    WHERE tenant = $2
    RETURNING jobs_free_at - bulkhead_now($1),
              greatest(0, stored_bytes + coalesce((SELECT stored_bytes FROM tallies WHERE tenant = $2), 0)
                + (SELECT coalesce(sum(octet_length(text)), 0) FROM profiles WHERE tenant = $2))::bigint,
              contacts_free_at - bulkhead_now($1)";

/// Returns a row if the tenant has the profile for at least so long.
const HAS_PROFILE: &str = "
    SELECT 1 FROM profiles WHERE tenant = $2 AND digest = $3 AND used_until >= bulkhead_now($1) + $4";

/// Keeps a profile. A sweep that deletes the profile at the same time comes before this or finds it changed.
const KEEP_PROFILE: &str = "
    INSERT INTO profiles (tenant, digest, used_until, text) VALUES ($2, $3, bulkhead_now($1) + $4, $5)
    ON CONFLICT (tenant, digest) DO UPDATE SET used_until = greatest(profiles.used_until, excluded.used_until)";

const EARLIER: &str = "
    SELECT fingerprint, job FROM idempotency WHERE tenant = $2 AND key = $3 AND expires_at > bulkhead_now($1)";

const WAITING: &str = "
    SELECT count(*), coalesce(sum(waiting_bytes), 0)::bigint, coalesce(max(sequence), 0) + 1
    FROM jobs WHERE tenant = $1 AND finished_at IS NULL";

const INSERT: &str = "
    INSERT INTO jobs (tenant, id, sequence, operation, state, processor, validator, profile_digest, retention, total,
                      waiting_bytes, mode, source, group_id, dry_run_of, undo_of, traceparent, created_at, started_at, finished_at, expires_at)
    SELECT $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, $11::bigint, $12, $13, $14, $15, $16, $17, $18, now, CASE WHEN $11::bigint = 0 THEN now END,
           CASE WHEN $11::bigint = 0 THEN now END, now + $10::bigint
    FROM (SELECT bulkhead_now($1) AS now) AS clock";

const INSERT_CHUNKS: &str = "
    INSERT INTO payloads (tenant, job, first, count, size, items, keys)
    SELECT $1, $2, first, count, size, items, keys
    FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[])
      AS chunk (first, count, size, items, keys)";

/// Stores an idempotency key, and counts it unless it takes the place of an expired one, which has another `xmax` than 0.
const REMEMBER: &str = "
    WITH remembered AS (
      INSERT INTO idempotency (tenant, key, fingerprint, job, expires_at) VALUES ($2, $3, $4, $5, bulkhead_now($1) + $6)
      ON CONFLICT (tenant, key) DO UPDATE
      SET fingerprint = excluded.fingerprint, job = excluded.job, expires_at = excluded.expires_at
      RETURNING xmax::text = '0' AS is_new
    )
    UPDATE queues SET stored_bytes = stored_bytes + $7 WHERE tenant = $2 AND (SELECT is_new FROM remembered)";

/// Accepts jobs of one tenant, all or none of them. When this returns, the jobs are durable.
pub(super) fn submit(
    connections: &Connections,
    jobs: &[NewJob],
    limits: &SubmitLimits,
) -> Result<SubmitOutcome, StoreError> {
    let mut packed = jobs.iter().map(|job| Ok((job, Chunks::pack(job)?))).collect::<Result<Vec<_>, StoreError>>()?;
    for (job, chunks) in &mut packed {
        if let Some(dry_run) = job.applies {
            // They stay as they are while the dry run is there, which is found out later.
            let copied = async |session: &Session| Copied::of(session, job.tenant, dry_run).await;
            chunks.copied = connections.run(ACCEPTING, copied)?;
        }
    }
    let submitted = connections.attempt(ACCEPTING, async |session| insert(session, &packed, limits).await);
    match (submitted, jobs.first()) {
        // If the commit took effect, the database has the first job's id, which no other job has.
        (Err(error), Some(first)) if error.is_unsure() => {
            let accepted = connections.run(ACCEPTING, async |session| is_accepted(session, first).await);
            if matches!(accepted, Ok(true)) {
                Ok(SubmitOutcome::Accepted)
            } else {
                Err(error.into_store_error(ACCEPTING))
            }
        }
        (submitted, _) => submitted.map_err(|error| error.into_store_error(ACCEPTING)),
    }
}

async fn insert(
    session: &Session,
    jobs: &[(&NewJob, Chunks)],
    limits: &SubmitLimits,
) -> Result<SubmitOutcome, PgError> {
    let Some(((first, chunks), rest)) = jobs.split_first() else { return Ok(SubmitOutcome::Accepted) };
    // The items of all jobs count once: a request that is larger than the limit of a minute needs an empty minute, and its second
    // job would find none.
    let items = jobs.iter().map(|(_, chunks)| chunks.total().unsigned_abs()).sum();
    session
        .transact(async || {
            let ((), mut outcome) = tokio::try_join!(
                biased;
                session.begin(),
                insert_one(session, first, chunks, items, limits),
            )?;
            for (job, chunks) in rest {
                if outcome == SubmitOutcome::Accepted {
                    outcome = insert_one(session, job, chunks, 0, limits).await?;
                }
            }
            Ok(if outcome == SubmitOutcome::Accepted {
                TxOutcome::Commit(outcome)
            } else {
                TxOutcome::RollBack(outcome)
            })
        })
        .await
}

/// Accepts a job in a transaction that has begun. Sends its first statements at once. `items` are those to count in the tenant's
/// rate.
async fn insert_one(
    session: &Session,
    job: &NewJob,
    chunks: &Chunks,
    items: u64,
    limits: &SubmitLimits,
) -> Result<SubmitOutcome, PgError> {
    let own = Some(job.pinned.processor).filter(|_| !job.is_default);
    let needed: Vec<Digest> = own.into_iter().chain(job.pinned.validator).collect();
    let mark_waiting = session.prepare_cached(MARK_WAITING).await?;
    let has_profile = session.prepare_cached(HAS_PROFILE).await?;
    let keep_profile = session.prepare_cached(KEEP_PROFILE).await?;
    let earlier = session.prepare_cached(EARLIER).await?;
    let waiting = session.prepare_cached(WAITING).await?;
    let insert = session.prepare_cached(INSERT).await?;
    let insert_chunks = session.prepare_cached(INSERT_CHUNKS).await?;
    let remember = session.prepare_cached(REMEMBER).await?;
    let lock = components::lock_statement(session).await?;

    let (tenant, id, total, bytes) = (job.tenant.0, job.id.0, chunks.total(), chunks.bytes());
    let key = job.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
    let stored = JOB_BYTES + bytes + BLOB_ROW_BYTES * chunks.number();
    let (interval, retention) = (interval_micros(limits.jobs_per_minute), signed(job.retention.as_micros()));
    let contacts = ContactsCount::of(items, limits.contacts_per_minute);
    // The profile must last for as long as the job can live: until the retention has passed twice, after its acceptance and
    // after its end. It is kept for longer, so that few jobs write it.
    let (needed_micros, kept_micros) = (retention.saturating_mul(2), retention.saturating_mul(3));
    let digest = job.profile.digest();
    let digest = digest.0.as_slice();
    let (queue, are_known, earlier, waiting, profile) = tokio::try_join!(
        biased;
        async {
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
                &session.clock_shift, &tenant, &(total > 0), &stored, &interval, &MINUTE_MICROS, &contacts.micros,
                &MAX_CONTACTS_MICROS,
            ];
            Ok(session.query_opt(&mark_waiting, &values).await?)
        },
        components::are_known(session, &lock, &needed),
        async { Ok(session.query_opt(&earlier, &[&session.clock_shift, &tenant, &key]).await?) },
        async { Ok(session.query_one(&waiting, &[&tenant]).await?) },
        async { Ok(session.query_opt(&has_profile, &[&session.clock_shift, &tenant, &digest, &needed_micros]).await?) },
    )?;
    let Some(queue) = queue else { return Ok(SubmitOutcome::NoTenant) };
    if !are_known {
        return Ok(SubmitOutcome::Outdated);
    }
    if let (Some(row), Some(idempotency)) = (earlier, &job.idempotency) {
        let is_same = get::<&[u8]>(&row, 0)? == idempotency.fingerprint;
        let repeated = SubmitOutcome::Repeated(JobId(get::<Uuid>(&row, 1)?));
        return Ok(if is_same { repeated } else { SubmitOutcome::KeyReused });
    }
    if let Some(dry_run) = job.applies {
        // Under the lock of the queue, so that of two that apply a dry run at once the later one finds the earlier.
        if let Some(refused) = apply::refusal(session, job.tenant, dry_run).await? {
            return Ok(refused);
        }
    }
    if let Some(request) = &job.undoes
        && let Some(refused) = undo::undoable(session, job.tenant, request).await?.refusal()
    {
        return Ok(refused);
    }
    if number::<u64>(&waiting, 0)? >= limits.queue.jobs
        || number::<u64>(&waiting, 1)?.saturating_add(bytes.unsigned_abs()) > limits.queue.bytes
    {
        return Ok(SubmitOutcome::QueueFull);
    }
    if number::<u64>(&queue, 1)? > limits.stored_bytes {
        return Ok(SubmitOutcome::StorageFull);
    }
    if let Some(wait) = excess(get(&queue, 0)?) {
        return Ok(SubmitOutcome::TooOften(wait));
    }
    if contacts.micros > 0
        && let Some(wait) = excess(get::<i64>(&queue, 2)?.saturating_sub(contacts.beyond))
    {
        return Ok(SubmitOutcome::TooManyContacts(wait));
    }
    let sequence: i64 = get(&waiting, 2)?;
    // A job without items has nothing to wait for.
    let state = if total == 0 { JobState::Completed } else { JobState::Queued };
    tokio::try_join!(
        biased;
        async {
            if profile.is_some() {
                return Ok::<_, PgError>(0);
            }
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&session.clock_shift, &tenant, &digest, &kept_micros, &job.profile.text()];
            Ok(session.execute(&keep_profile, &values).await?)
        },
        async {
            let (operation, state) = (stored_operation(job.operation, job.undo()), state.as_str());
            let processor = job.pinned.processor.0.as_slice();
            let validator = job.pinned.validator.as_ref().map(|digest| digest.0.as_slice());
            let mode = stored_mode(job.mode, job.dry_run, job.undo());
            let (source, undo) = (stored_source(job.source.as_ref())?, job.undo().map(|undo| undo.job.0));
            let (group, applies) = (job.group.map(|group| group.0), job.applies.map(|dry_run| dry_run.0));
            let trace = job.trace.map(|trace| trace.to_string());
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 18] = [
                &session.clock_shift, &tenant, &id, &sequence, &operation, &state, &processor, &validator,
                &digest, &retention, &total, &bytes, &mode, &source, &group, &applies, &undo, &trace,
            ];
            Ok(session.execute(&insert, &values).await?)
        },
        async {
            if let Some(dry_run) = job.applies {
                return apply::copy_chunks(session, job, dry_run).await;
            }
            let Chunks { firsts, counts, sizes, items, keys, .. } = chunks;
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [&tenant, &id, firsts, counts, sizes, items, keys];
            Ok(session.execute(&insert_chunks, &values).await?)
        },
        async {
            let Some(idempotency) = &job.idempotency else { return Ok(0) };
            let fingerprint = idempotency.fingerprint.as_slice();
            let key_bytes = signed(idempotency.key.len()) + IDEMPOTENCY_BYTES;
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [&session.clock_shift, &tenant, &key, &fingerprint, &id, &retention, &key_bytes];
            Ok(session.execute(&remember, &values).await?)
        },
    )?;
    if let Some(request) = &job.undoes
        && let Some(refusal) = undo::remember_undo(session, job.tenant, request.undo.job, job.id).await?
    {
        return Ok(SubmitOutcome::NotUndoable(refusal));
    }
    if total == 0 {
        webhooks::tell_of_job(session, job.tenant, job.id, WebhookEvent::JobCompleted).await?;
    }
    Ok(SubmitOutcome::Accepted)
}

/// Returns whether a job is in the database.
async fn is_accepted(session: &Session, job: &NewJob) -> Result<bool, PgError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM jobs WHERE tenant = $1 AND id = $2)";
    Ok(get(&session.query_one(sql, &[&job.tenant.0, &job.id.0]).await?, 0)?)
}
