//! Accepting a job: the job, its items and the idempotency key in one transaction.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::apply::{Items, applicable, copy_chunks};
use super::{components, undo, usage, webhooks};
use crate::domain::{JobId, JobState, Timestamp};
use crate::store::error::Context;
use crate::store::packing::{NewChunk, stored_mode, stored_operation, stored_source};
use crate::store::usage::{BLOB_ROW_BYTES, ContactsCount, IDEMPOTENCY_BYTES, JOB_BYTES, signed};
use crate::store::{
    Admission, Idempotency, NewJob, QueueLimits, StoreError, SubmitLimits, SubmitOutcome, WebhookEvent,
};

const CONTEXT: &str = "accepting a job";

pub(super) fn submit(
    connection: &mut Connection,
    jobs: &[(&NewJob, Vec<NewChunk>)],
    limits: &SubmitLimits,
    now: Timestamp,
) -> Result<SubmitOutcome, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    // The items of all jobs count once: a request that is larger than the limit of a minute needs an empty minute, and its second
    // job would find none.
    let mut counted = Some(jobs.iter().flat_map(|(_, chunks)| chunks).map(|chunk| u64::from(chunk.count)).sum());
    for (job, chunks) in jobs {
        let outcome = submit_one(&transaction, job, chunks, counted.take(), limits, now)?;
        if outcome != SubmitOutcome::Accepted {
            return Ok(outcome);
        }
    }
    transaction.commit().context(CONTEXT)?;
    Ok(SubmitOutcome::Accepted)
}

/// Accepts one job. `counted` are the items to count in the tenant's rate, if they were not counted with an earlier job; those of a dry run
/// come in addition.
fn submit_one(
    transaction: &Transaction<'_>,
    job: &NewJob,
    chunks: &[NewChunk],
    counted: Option<u64>,
    limits: &SubmitLimits,
    now: Timestamp,
) -> Result<SubmitOutcome, StoreError> {
    let known: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1)")
        .and_then(|mut statement| statement.query_row([job.tenant.0], |row| row.get(0)))
        .context(CONTEXT)?;
    if !known {
        return Ok(SubmitOutcome::NoTenant);
    }
    let own = Some(job.pinned.processor).filter(|_| !job.is_default);
    if !components::are_known(transaction, own.into_iter().chain(job.pinned.validator))? {
        return Ok(SubmitOutcome::Outdated);
    }
    if let Some(idempotency) = &job.idempotency
        && let Some(earlier) = earlier(transaction, job, idempotency, now)?
    {
        return Ok(earlier);
    }
    if let Some(request) = &job.undoes
        && let Some(refused) = undo::undoable(transaction, job.tenant, request, now)?.refusal()
    {
        return Ok(refused);
    }
    let items = match job.applies {
        None => Items::of(chunks),
        Some(dry_run) => match applicable(transaction, job.tenant, dry_run, now)? {
            Ok(items) => items,
            Err(outcome) => return Ok(outcome),
        },
    };
    if is_full(transaction, job, items, &limits.queue)? {
        return Ok(SubmitOutcome::QueueFull);
    }
    let bytes = JOB_BYTES + items.bytes + items.chunks * BLOB_ROW_BYTES;
    if bytes.saturating_add(usage::stored_bytes(transaction, job.tenant)?).unsigned_abs() > limits.stored_bytes {
        return Ok(SubmitOutcome::StorageFull);
    }
    match usage::count_rate(transaction, job.tenant, usage::Rate::Jobs, limits.jobs_per_minute, now)? {
        Admission::After(wait) => return Ok(SubmitOutcome::TooOften(wait)),
        Admission::Admitted => {}
    }
    if let Some(counted) = counted {
        let counted = if job.applies.is_some() { u64::from(items.count) } else { counted };
        let contacts = ContactsCount::of(counted, limits.contacts_per_minute);
        match usage::count_contacts(transaction, job.tenant, contacts, now)? {
            Admission::After(wait) => return Ok(SubmitOutcome::TooManyContacts(wait)),
            Admission::Admitted => {}
        }
    }
    keep_profile(transaction, job, now)?;
    insert_job(transaction, job, items.count, now)?;
    match job.applies {
        None => insert_chunks(transaction, job, chunks)?,
        Some(dry_run) => copy_chunks(transaction, job, dry_run)?,
    }
    if let Some(request) = &job.undoes
        && let Some(refusal) = undo::remember_undo(transaction, job.tenant, request.undo.job, job.id)?
    {
        return Ok(SubmitOutcome::NotUndoable(refusal));
    }
    let remembered = match &job.idempotency {
        Some(idempotency) => remember(transaction, job, idempotency, now)?,
        None => 0,
    };
    usage::add_bytes(transaction, job.tenant, bytes + remembered)?;
    Ok(SubmitOutcome::Accepted)
}

/// Keeps the job's profile for as long as the job can live: until its retention has passed twice, after its acceptance and
/// after its end.
fn keep_profile(transaction: &Transaction<'_>, job: &NewJob, now: Timestamp) -> Result<(), StoreError> {
    let digest = job.profile.digest().0;
    let used_until: Option<i64> = transaction
        .prepare_cached("SELECT used_until FROM profiles WHERE tenant = ?1 AND digest = ?2")
        .and_then(|mut statement| statement.query_row(params![job.tenant.0, digest], |row| row.get(0)).optional())
        .context(CONTEXT)?;
    let needed_until = now.after(job.retention * 2);
    if used_until.is_some_and(|until| until >= needed_until.0) {
        return Ok(());
    }
    // For longer than this job needs, so that few jobs write the row.
    transaction
        .execute(
            "INSERT INTO profiles (tenant, digest, used_until, text) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, digest) DO UPDATE SET used_until = excluded.used_until",
            params![job.tenant.0, digest, needed_until.after(job.retention).0, job.profile.text()],
        )
        .map(drop)
        .context(CONTEXT)
}

/// Stores an idempotency key in place of an expired one. Returns the bytes that are stored more.
fn remember(
    transaction: &Transaction<'_>,
    job: &NewJob,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let bytes = signed(idempotency.key.len()) + IDEMPOTENCY_BYTES;
    let replaced = transaction
        .execute("DELETE FROM idempotency WHERE tenant = ?1 AND key = ?2", params![job.tenant.0, idempotency.key])
        .context(CONTEXT)?;
    transaction
        .execute(
            "INSERT INTO idempotency (tenant, key, fingerprint, job, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![job.tenant.0, idempotency.key, idempotency.fingerprint, job.id.0, now.after(job.retention).0],
        )
        .context(CONTEXT)?;
    Ok(if replaced > 0 { 0 } else { bytes })
}

fn earlier(
    transaction: &Transaction<'_>,
    job: &NewJob,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<SubmitOutcome>, StoreError> {
    let found: Option<(Vec<u8>, Uuid)> = transaction
        .query_row(
            "SELECT fingerprint, job FROM idempotency WHERE tenant = ?1 AND key = ?2 AND expires_at > ?3",
            params![job.tenant.0, idempotency.key, now.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .context(CONTEXT)?;
    Ok(found.map(|(fingerprint, id)| {
        if fingerprint == idempotency.fingerprint {
            SubmitOutcome::Repeated(JobId(id))
        } else {
            SubmitOutcome::KeyReused
        }
    }))
}

fn is_full(
    transaction: &Transaction<'_>,
    job: &NewJob,
    items: Items,
    limits: &QueueLimits,
) -> Result<bool, StoreError> {
    let (waiting, bytes) = usage::waiting(transaction, job.tenant)?;
    Ok(waiting >= limits.jobs || bytes + items.bytes.max(0).unsigned_abs() > limits.bytes)
}

fn insert_job(transaction: &Transaction<'_>, job: &NewJob, total: u32, now: Timestamp) -> Result<(), StoreError> {
    // A job without items has nothing to wait for.
    let (state, finished_at) = if total == 0 { (JobState::Completed, Some(now.0)) } else { (JobState::Queued, None) };
    transaction
        .execute(
            "INSERT INTO jobs (tenant, id, sequence, operation, state, processor, retention, total, created_at,
                               started_at, finished_at, expires_at, validator, profile_digest, mode, source, group_id,
                               dry_run_of, undo_of, traceparent)
             VALUES (?1, ?2, (SELECT coalesce(max(sequence), 0) + 1 FROM jobs WHERE tenant = ?1 AND finished_at IS NULL),
                     ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            params![
                job.tenant.0,
                job.id.0,
                stored_operation(job.operation, job.undo()),
                state.as_str(),
                job.pinned.processor.0,
                i64::try_from(job.retention.as_micros()).unwrap_or(i64::MAX),
                total,
                now.0,
                finished_at,
                now.after(job.retention).0,
                job.pinned.validator.map(|digest| digest.0),
                job.profile.digest().0,
                stored_mode(job.mode, job.dry_run, job.undo()),
                stored_source(job.source.as_ref())?,
                job.group.map(|group| group.0),
                job.applies.map(|dry_run| dry_run.0),
                job.undo().map(|undo| undo.job.0),
                job.trace.map(|trace| trace.to_string()),
            ],
        )
        .context(CONTEXT)?;
    if total == 0 {
        webhooks::tell_of_job(transaction, job.tenant, job.id, WebhookEvent::JobCompleted, now)?;
    }
    Ok(())
}

fn insert_chunks(transaction: &Transaction<'_>, job: &NewJob, chunks: &[NewChunk]) -> Result<(), StoreError> {
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO payloads (tenant, job, first, count, size, items, keys) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .context(CONTEXT)?;
    for chunk in chunks {
        let blobs = &chunk.blobs;
        let size = i64::try_from(chunk.size()).unwrap_or(i64::MAX);
        insert
            .execute(params![job.tenant.0, job.id.0, blobs.first, chunk.count, size, blobs.items, blobs.keys])
            .context(CONTEXT)?;
    }
    Ok(())
}
