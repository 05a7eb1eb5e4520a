//! The transaction that commits a batch. Its first statement is the fence: it changes the job's row only if the claim is not
//! lost and the batch begins at the cursor, so nothing is applied twice or after a delete.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{contacts, overlays, undo, usage, webhooks};
use crate::domain::{ContactId, Counts, JobState, Timestamp};
use crate::store::before_images::NewImages;
use crate::store::error::Context;
use crate::store::overlays::PackedOverlay;
use crate::store::packing::{self, ResultsLimit, pack_batch};
use crate::store::usage::{BLOB_ROW_BYTES, signed};
use crate::store::{BatchCommit, Claim, CommitOutcome, StoreError, WebhookEvent};

const CONTEXT: &str = "committing a batch";

pub(super) fn commit(
    connection: &mut Connection,
    claim: &Claim,
    batch: &BatchCommit,
    (images, overlaid): (Option<NewImages>, &[PackedOverlay]),
    lease: Duration,
    now: Timestamp,
) -> Result<CommitOutcome, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let count = u32::try_from(batch.rows.len()).unwrap_or(u32::MAX);
    let counts = packing::count(&batch.rows);
    let Some(results) = advance(&transaction, claim, batch.first, count, counts, now.after(lease), now)? else {
        return Ok(CommitOutcome::Fenced);
    };
    let Some(ids) = contacts::apply(&transaction, claim.tenant, &batch.writes, &batch.deletions, now)? else {
        return Ok(CommitOutcome::Conflict);
    };
    let mut added = insert_rows(&transaction, claim, batch, &ids, results)? + add_remarks(&transaction, claim, batch)?;
    let end = batch.first.saturating_add(count);
    let job_finished = end >= claim.total;
    if job_finished {
        finish(&transaction, claim, now)?;
        webhooks::tell_of_job(&transaction, claim.tenant, claim.job, WebhookEvent::of_completed(claim.undoes), now)?;
    }
    if claim.dry_run.is_none() {
        added -= delete_payloads(&transaction, claim, end)?;
        undo::keep(&transaction, claim, batch, (images, &ids), job_finished, now)?;
    } else {
        added += overlays::insert(&transaction, claim, overlaid)?;
        if job_finished {
            added -= overlays::delete_unneeded(&transaction, claim.tenant, claim.job)?;
        }
    }
    usage::add_bytes(&transaction, claim.tenant, added)?;
    transaction.commit().context(CONTEXT)?;
    Ok(CommitOutcome::Committed { job_finished })
}

/// Moves the cursor, if the claim holds and the cursor is at `first`. Returns the bytes of the job's results so far.
fn advance(
    transaction: &Transaction<'_>,
    claim: &Claim,
    first: u32,
    count: u32,
    counts: Counts,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    transaction
        .prepare_cached(
            "UPDATE jobs SET cursor = cursor + ?5, created = created + ?6, updated = updated + ?7, failed = failed + ?8,
                             unchanged = unchanged + ?9, deleted = deleted + ?12, lease_until = ?10, attempts = 0
             WHERE tenant = ?1 AND id = ?2 AND epoch = ?3 AND cursor = ?4 AND finished_at IS NULL AND expires_at > ?11
             RETURNING results_bytes",
        )
        .and_then(|mut statement| {
            let values = params![
                claim.tenant.0,
                claim.job.0,
                claim.epoch,
                first,
                count,
                counts.created,
                counts.updated,
                counts.failed,
                counts.unchanged,
                lease_until.0,
                now.0,
                counts.deleted
            ];
            statement.query_row(values, |row| row.get(0)).optional()
        })
        .context(CONTEXT)
}

/// Stores the rows of a batch after `stored` bytes of results, and returns the bytes that they count.
fn insert_rows(
    transaction: &Transaction<'_>,
    claim: &Claim,
    batch: &BatchCommit,
    ids: &[ContactId],
    stored: i64,
) -> Result<i64, StoreError> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO results (tenant, job, first, count, rows) VALUES (?1, ?2, ?3, ?4, ?5)")
        .context(CONTEXT)?;
    let mut added = 0;
    for packed in pack_batch(batch, ids, &ResultsLimit::of(claim, stored))? {
        added += signed(packed.rows.len()) + BLOB_ROW_BYTES;
        insert
            .execute(params![claim.tenant.0, claim.job.0, packed.first, packed.count, packed.rows])
            .context(CONTEXT)?;
    }
    transaction
        .prepare_cached("UPDATE jobs SET results_bytes = results_bytes + ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![claim.tenant.0, claim.job.0, added]))
        .context(CONTEXT)?;
    Ok(added)
}

/// Adds the remarks about a batch to those about its job, and returns the bytes that they count in addition.
fn add_remarks(transaction: &Transaction<'_>, claim: &Claim, batch: &BatchCommit) -> Result<i64, StoreError> {
    let remarks = packing::remarks(&batch.rows);
    if remarks.is_empty() {
        return Ok(0);
    }
    let before: Option<String> = transaction
        .prepare_cached("SELECT text FROM job_remarks WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![claim.tenant.0, claim.job.0], |row| row.get(0)).optional()
        })
        .context(CONTEXT)?;
    let after = packing::add_remarks(before.as_deref(), &remarks)?;
    transaction
        .prepare_cached(
            "INSERT INTO job_remarks (tenant, job, text) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, job) DO UPDATE SET text = excluded.text",
        )
        .and_then(|mut statement| statement.execute(params![claim.tenant.0, claim.job.0, after]))
        .context(CONTEXT)?;
    Ok(signed(after.len()) - before.map_or(-BLOB_ROW_BYTES, |before| signed(before.len())))
}

/// Deletes the chunks before the item `end`, and returns the bytes that they counted.
fn delete_payloads(transaction: &Transaction<'_>, claim: &Claim, end: u32) -> Result<i64, StoreError> {
    let deleted: Vec<i64> = transaction
        .prepare_cached("DELETE FROM payloads WHERE tenant = ?1 AND job = ?2 AND first + count <= ?3 RETURNING size")
        .and_then(|mut statement| {
            statement.query_map(params![claim.tenant.0, claim.job.0, end], |row| row.get(0))?.collect()
        })
        .context(CONTEXT)?;
    Ok(deleted.iter().map(|size| size + BLOB_ROW_BYTES).sum())
}

fn finish(transaction: &Transaction<'_>, claim: &Claim, now: Timestamp) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE jobs SET state = ?3, finished_at = ?4, expires_at = ?4 + retention, lease_until = NULL
             WHERE tenant = ?1 AND id = ?2",
            params![claim.tenant.0, claim.job.0, JobState::Completed.as_str(), now.0],
        )
        .map(drop)
        .context(CONTEXT)
}
