//! The transaction that makes a batch take effect, in two round trips. Its first statement is the fence: it changes the job
//! only if the claim holds and the cursor is at the batch's first item, so that no batch takes effect twice or after a delete.
//!
//! Locks: the job, then the tenant's counters (`tallies`). All transactions that write contacts lock their tenant's counters
//! first, so no two of them write contacts of one tenant at once.

use std::cell::Cell;
use std::time::Duration;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::overlays::{self, OverlayColumns};
use super::remarks::Remarking;
use super::sql::{get, signed};
use super::statements::Statements;
use super::undo::{self, Keeping, KeptBefore};
use super::webhooks;
use super::writes::{Changes, Writes};
use crate::domain::JobState;
use crate::store::before_images::NewImages;
use crate::store::overlays::PackedOverlay;
use crate::store::packing::{self, ResultsLimit, pack_batch};
use crate::store::usage::BLOB_ROW_BYTES;
use crate::store::{BatchCommit, Claim, CommitOutcome, WebhookEvent};

/// The fence. It also moves the cursor and, with the last item, finishes the job.
const ADVANCE: &str = "
    UPDATE jobs SET
      cursor = cursor + $6, created = created + $7, updated = updated + $8, failed = failed + $9,
      unchanged = unchanged + $12, deleted = deleted + $13, attempts = 0,
      waiting_bytes = waiting_bytes - coalesce((
        SELECT sum(size)::bigint FROM payloads
        WHERE tenant = $2 AND job = $3 AND first + count > $5 AND first + count <= $5 + $6
      ), 0),
      lease_until = bulkhead_now($1) + $10,
      state = CASE WHEN cursor + $6 >= total THEN $11 ELSE state END,
      is_claimed = cursor + $6 < total,
      finished_at = CASE WHEN cursor + $6 >= total THEN bulkhead_now($1) END,
      expires_at = CASE WHEN cursor + $6 >= total THEN bulkhead_now($1) + retention ELSE expires_at END
    WHERE tenant = $2 AND id = $3 AND epoch = $4 AND cursor = $5 AND finished_at IS NULL
      AND expires_at > bulkhead_now($1)
    RETURNING bulkhead_now($1), finished_at IS NOT NULL, results_bytes,
      finished_at IS NOT NULL AND EXISTS (SELECT 1 FROM webhooks WHERE tenant = $2),
      (SELECT bytes FROM undoable_jobs WHERE tenant = $2 AND job = $3)";

/// Deletes the items that have their rows now, and counts what the batch stores and deletes.
const SETTLE: &str = "
    WITH gone AS (
      DELETE FROM payloads WHERE tenant = $1 AND job = $2 AND first + count <= $3 RETURNING size + $4 AS bytes
    ), job AS (
      UPDATE jobs SET results_bytes = results_bytes + $5 WHERE tenant = $1 AND id = $2
    )
    UPDATE tallies
    SET stored_bytes = stored_bytes + $5 + $6 + $7 - (SELECT coalesce(sum(bytes), 0)::bigint FROM gone),
        kept_bytes = kept_bytes + $7
    WHERE tenant = $1";

/// Counts what the batch of a dry run stores. Its items are kept.
const SETTLE_DRY_RUN: &str = "
    WITH job AS (
      UPDATE jobs SET results_bytes = results_bytes + $3 WHERE tenant = $1 AND id = $2
    )
    UPDATE tallies SET stored_bytes = stored_bytes + $3 + $4 WHERE tenant = $1";

/// Makes a batch take effect.
pub(super) async fn commit(
    session: &Session,
    claim: &Claim,
    batch: &BatchCommit,
    lease: Duration,
) -> Result<CommitOutcome, PgError> {
    let (tenant, job) = (claim.tenant.0, claim.job.0);
    let (first, count) = (i64::from(batch.first), signed(batch.rows.len()));
    let counts = packing::count(&batch.rows);
    let (created, updated, failed) = (i64::from(counts.created), i64::from(counts.updated), i64::from(counts.failed));
    let (unchanged, deleted) = (i64::from(counts.unchanged), i64::from(counts.deleted));
    let (lease, completed) = (signed(lease.as_micros()), JobState::Completed.as_str());
    let writes = Writes::new(&batch.writes, &batch.deletions);
    let images = claim.undoable_for().map(|_| NewImages::of(batch)).transpose()?;

    let advance = session.prepare_cached(ADVANCE).await?;
    let settle = session.prepare_cached(SETTLE).await?;
    let settle_dry_run = session.prepare_cached(SETTLE_DRY_RUN).await?;
    let insert_overlays = session.prepare_cached(overlays::INSERT).await?;
    let delete_overlays = session.prepare_cached(overlays::DELETE_UNNEEDED).await?;
    let packed = PackedOverlay::of(&batch.overlays)?;
    let overlaid = OverlayColumns::of(&packed);
    let insert_results = session
        .prepare_cached(
            "INSERT INTO results (tenant, job, first, count, rows)
             SELECT $1, $2, first, count, rows FROM unnest($3::bigint[], $4::bigint[], $5::bytea[])
               AS new (first, count, rows)",
        )
        .await?;
    let statements = Statements::prepare(session).await?;
    let remarking = Remarking::prepare(session, batch).await?;
    undo::prepare(session).await?;
    session
        .transact(async || {
            let ((), advanced, reserved, stored, remarked, new) = tokio::try_join!(
                biased;
                session.begin(),
                async {
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 13] = [
                        &session.clock_shift, &tenant, &job, &claim.epoch, &first, &count, &created, &updated, &failed,
                        &lease, &completed, &unchanged, &deleted,
                    ];
                    Ok(session.query_opt(&advance, &values).await?)
                },
                statements.reserve(session, claim.tenant, &writes),
                statements.read(session, claim.tenant, &writes),
                remarking.read(session, claim),
                async { Ok(writes.new_columns()) },
            )?;
            let (Some(advanced), Some(reserved)) = (advanced, reserved) else {
                return Ok(TxOutcome::RollBack(CommitOutcome::Fenced));
            };
            let (now, job_finished): (i64, bool) = (get(&advanced, 0)?, get(&advanced, 1)?);
            let limit = ResultsLimit::of(claim, get(&advanced, 2)?);
            let Some(changes) = Changes::of(&writes, new, &stored, reserved) else {
                return Ok(TxOutcome::RollBack(CommitOutcome::Conflict));
            };
            statements.remove_keys(session, claim.tenant, &changes).await?;
            let remarked = remarking.add(remarked.as_deref())?;
            let (ids, end) = (writes.ids(reserved), first.saturating_add(count));
            if get(&advanced, 3)? {
                let event = WebhookEvent::of_completed(claim.undoes);
                webhooks::tell_of_job(session, claim.tenant, claim.job, event).await?;
            }
            let kept = KeptBefore { of_job: get(&advanced, 4)?, of_tenant: reserved.kept_bytes };
            let keeping = Keeping::of(session, claim, batch, (images, &ids), kept, job_finished).await?;
            // Packs rows while the database works on the statements that were sent before. The futures are begun in their order,
            // so the rows are packed when they are counted.
            let results_bytes = Cell::new(0);
            let written = tokio::try_join!(
                biased;
                statements.write(session, claim.tenant, &changes),
                statements.enqueue(session, claim.tenant, &writes, &ids, reserved, now),
                async {
                    let packed = pack_batch(batch, &ids, &limit)?;
                    let bytes = packed.iter().map(|rows| signed(rows.rows.len()) + BLOB_ROW_BYTES).sum::<i64>();
                    results_bytes.set(bytes);
                    let firsts: Vec<i64> = packed.iter().map(|rows| i64::from(rows.first)).collect();
                    let counts: Vec<i64> = packed.iter().map(|rows| i64::from(rows.count)).collect();
                    let rows: Vec<&[u8]> = packed.iter().map(|rows| rows.rows.as_slice()).collect();
                    Ok(session.execute(&insert_results, &[&tenant, &job, &firsts, &counts, &rows]).await?)
                },
                remarking.write(session, claim, &remarked),
                keeping.write(session, claim, reserved.first_queue_row - 1),
                async {
                    if overlaid.firsts.is_empty() {
                        return Ok(0);
                    }
                    let OverlayColumns { firsts, marks, contacts, .. } = &overlaid;
                    Ok(session.execute(&insert_overlays, &[&tenant, &job, firsts, marks, contacts]).await?)
                },
                async {
                    let results_bytes = results_bytes.get();
                    if claim.dry_run.is_some() {
                        let others = remarked.bytes + overlaid.bytes;
                        return Ok(session.execute(&settle_dry_run, &[&tenant, &job, &results_bytes, &others]).await?);
                    }
                    let others = changes.bytes + remarked.bytes;
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                        [&tenant, &job, &end, &BLOB_ROW_BYTES, &results_bytes, &others, &keeping.bytes];
                    Ok(session.execute(&settle, &values).await?)
                },
                async {
                    if claim.dry_run.is_none() || !job_finished {
                        return Ok(0);
                    }
                    Ok(session.execute(&delete_overlays, &[&tenant, &job, &BLOB_ROW_BYTES]).await?)
                },
                session.commit(),
            );
            match written {
                Ok(_) => Ok(TxOutcome::AlreadyCommitted(CommitOutcome::Committed { job_finished })),
                Err(error) if error.is_key_taken() => Ok(TxOutcome::RollBack(CommitOutcome::Conflict)),
                Err(error) => Err(error),
            }
        })
        .await
}
