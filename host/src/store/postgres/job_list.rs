//! Lists of jobs: pages, newest first, and groups.

use tokio_postgres::types::ToSql;

use super::connections::Session;
use super::error::PgError;
use super::jobs::read;
use super::sql::get;
use crate::domain::{GroupId, Job, JobState, TenantId};
use crate::store::{JobQuery, ListedJob, StoreError};

/// The columns of a job, and the tenant's name.
const JOBS: &str = "
    SELECT jobs.id, state, total, created, updated, unchanged, failed, jobs.processor, jobs.validator, jobs.created_at,
           started_at, finished_at, cancelled_at, jobs.expires_at, operation, mode, source, group_id, dry_run_of,
           applied_as, (SELECT text FROM job_remarks WHERE job_remarks.tenant = jobs.tenant AND job = jobs.id), deleted,
           undo_of, kept.undone_as, kept.expires_at, name
    FROM jobs JOIN tenants ON tenants.id = jobs.tenant
    LEFT JOIN LATERAL (
      SELECT undone_as, expires_at FROM undoable_jobs WHERE tenant = jobs.tenant AND job = jobs.id LIMIT 1
    ) AS kept ON true
    WHERE jobs.expires_at > bulkhead_now($1)";
/// Row values are compared as the order is, so that a page begins where the one before ended.
const LISTED: &str = "
      AND jobs.created_at BETWEEN $2 AND least($3, $4::bigint)
      AND (jobs.created_at, jobs.id) < ($4::bigint, $5::uuid)
      AND ($6::text IS NULL OR state = $6) AND ($7::text IS NULL OR operation = $7)
      AND (finished_at IS NULL OR NOT $8)";
const ORDER: &str = " ORDER BY jobs.created_at DESC, jobs.id DESC LIMIT $9";

pub(super) async fn list(session: &Session, query: &JobQuery) -> Result<Vec<ListedJob>, PgError> {
    let before = query.before();
    let (first, last) = (query.created.start().0, query.created.end().0);
    let (state, operation) = (query.state.map(JobState::as_str), query.operation);
    let (tenant, limit) = (query.tenant.map(|tenant| tenant.0), i64::from(query.limit));
    // In one statement for both, the database would not search by the index that begins with the tenant.
    let of_tenant = if tenant.is_some() { " AND jobs.tenant = $10" } else { " AND $10::bigint IS NULL" };
    let list = session.prepare_cached(&format!("{JOBS}{LISTED}{of_tenant}{ORDER}")).await?;
    let values: [&(dyn ToSql + Sync); 10] = [
        &session.clock_shift,
        &first,
        &last,
        &before.created_at.0,
        &before.id.0,
        &state,
        &operation,
        &query.unfinished_only,
        &limit,
        &tenant,
    ];
    let rows = session.query(&list, &values).await?;
    let job = |row| Ok(ListedJob { tenant: get(row, 25)?, job: read(row)? });
    Ok(rows.iter().map(job).collect::<Result<_, StoreError>>()?)
}

/// Returns the jobs of a group, in the order in which they were accepted.
pub(super) async fn of_group(session: &Session, tenant: TenantId, group: GroupId) -> Result<Vec<Job>, PgError> {
    let list = format!("{JOBS} AND jobs.tenant = $2 AND group_id = $3 ORDER BY sequence");
    let list = session.prepare_cached(&list).await?;
    let rows = session.query(&list, &[&session.clock_shift, &tenant.0, &group.0]).await?;
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}
