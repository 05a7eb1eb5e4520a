//! What the job that applies a dry run takes from it.

use uuid::Uuid;

use super::connections::Session;
use super::error::PgError;
use super::sql::get;
use crate::domain::{JobId, TenantId};
use crate::store::applicability::Applicability;
use crate::store::{ApplyRefusal, NewJob, SubmitOutcome};

/// The items of a dry run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copied {
    pub(super) total: i64,
    /// Bytes of their blobs.
    pub(super) bytes: i64,
    pub(super) chunks: i64,
}

impl Copied {
    /// Returns the items that a job has in the database.
    pub(super) async fn of(session: &Session, tenant: TenantId, job: JobId) -> Result<Self, PgError> {
        const ITEMS: &str = "
            SELECT coalesce(sum(count), 0)::bigint, coalesce(sum(size), 0)::bigint, count(*)
            FROM payloads WHERE tenant = $1 AND job = $2";
        let items = session.prepare_cached(ITEMS).await?;
        let row = session.query_one(&items, &[&tenant.0, &job.0]).await?;
        Ok(Self { total: get(&row, 0)?, bytes: get(&row, 1)?, chunks: get(&row, 2)? })
    }
}

/// Returns why a job cannot be applied, or `None` if it can. Keeps the job from being deleted during the transaction.
pub(super) async fn refusal(
    session: &Session,
    tenant: TenantId,
    dry_run: JobId,
) -> Result<Option<SubmitOutcome>, PgError> {
    const APPLICABLE: &str = "
        SELECT mode, finished_at IS NOT NULL, cancelled_at IS NOT NULL, applied_as,
               EXISTS (SELECT 1 FROM jobs AS other
                       WHERE other.tenant = $2 AND other.id = jobs.applied_as AND other.expires_at > bulkhead_now($1))
        FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1) FOR NO KEY UPDATE";
    let applicable = session.prepare_cached(APPLICABLE).await?;
    let Some(row) = session.query_opt(&applicable, &[&session.clock_shift, &tenant.0, &dry_run.0]).await? else {
        return Ok(Some(SubmitOutcome::NotApplicable(ApplyRefusal::Unknown)));
    };
    let applicability = Applicability {
        mode: get(&row, 0)?,
        is_finished: get(&row, 1)?,
        is_cancelled: get(&row, 2)?,
        applied_as: get::<Option<Uuid>>(&row, 3)?.map(JobId),
        is_applied_there: get(&row, 4)?,
    };
    Ok(applicability.refusal()?)
}

/// Gives a job the items of a dry run, which remembers the job.
pub(super) async fn copy_chunks(session: &Session, job: &NewJob, dry_run: JobId) -> Result<u64, PgError> {
    const COPY: &str = "
        INSERT INTO payloads (tenant, job, first, count, size, items, keys)
        SELECT tenant, $3, first, count, size, items, keys FROM payloads WHERE tenant = $1 AND job = $2";
    const REMEMBER: &str = "UPDATE jobs SET applied_as = $3 WHERE tenant = $1 AND id = $2";
    let copy = session.prepare_cached(COPY).await?;
    let remember = session.prepare_cached(REMEMBER).await?;
    session.execute(&copy, &[&job.tenant.0, &dry_run.0, &job.id.0]).await?;
    Ok(session.execute(&remember, &[&job.tenant.0, &dry_run.0, &job.id.0]).await?)
}
