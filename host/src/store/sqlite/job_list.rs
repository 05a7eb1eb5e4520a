//! Lists of jobs: pages, newest first, and groups.

use rusqlite::{Connection, Row, named_params};

use super::jobs::JobRow;
use crate::domain::{GroupId, Job, JobState, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::{JobQuery, ListedJob, StoreError};

/// The columns of [`JobRow`], and the tenant's name.
const JOBS: &str = "
    SELECT jobs.id, state, total, created, updated, unchanged, failed, jobs.processor, jobs.validator, jobs.created_at,
           started_at, finished_at, cancelled_at, jobs.expires_at, operation, mode, source, group_id, dry_run_of,
           applied_as, (SELECT text FROM job_remarks WHERE job_remarks.tenant = jobs.tenant AND job = jobs.id), deleted,
           undo_of, kept.undone_as, kept.expires_at, name
    FROM jobs JOIN tenants ON tenants.id = jobs.tenant
    LEFT JOIN undoable_jobs AS kept ON kept.tenant = jobs.tenant AND kept.job = jobs.id
    WHERE jobs.expires_at > :now";
/// Row values are compared as the order is, so that a page begins where the one before ended.
const LISTED: &str = "
      AND jobs.created_at BETWEEN :first AND min(:last, :created_at)
      AND (jobs.created_at, jobs.id) < (:created_at, :id)
      AND (:state IS NULL OR state = :state) AND (:operation IS NULL OR operation = :operation)
      AND (finished_at IS NULL OR NOT :unfinished)";
const ORDER: &str = " ORDER BY jobs.created_at DESC, jobs.id DESC LIMIT :limit";
const CONTEXT: &str = "listing jobs";

pub(super) fn list(connection: &Connection, query: &JobQuery, now: Timestamp) -> Result<Vec<ListedJob>, StoreError> {
    let before = query.before();
    let (first, last) = (query.created.start().0, query.created.end().0);
    let (state, operation) = (query.state.map(JobState::as_str), query.operation);
    let tenant = query.tenant.map(|tenant| tenant.0);
    // In one statement for both, SQLite would not search by the index that begins with the tenant.
    let of_tenant = if tenant.is_some() { " AND jobs.tenant = :tenant" } else { " AND :tenant IS NULL" };
    let rows: Vec<(String, JobRow)> = connection
        .prepare_cached(&format!("{JOBS}{LISTED}{of_tenant}{ORDER}"))
        .and_then(|mut statement| {
            let values = named_params! {
                ":now": now.0, ":first": first, ":last": last, ":created_at": before.created_at.0, ":id": before.id.0,
                ":state": state, ":operation": operation, ":unfinished": query.unfinished_only, ":limit": query.limit,
                ":tenant": tenant,
            };
            let row = |row: &Row<'_>| Ok((row.get(25)?, JobRow::read(row)?));
            statement.query_map(values, row)?.collect()
        })
        .context(CONTEXT)?;
    rows.into_iter().map(|(tenant, row)| Ok(ListedJob { tenant, job: row.into_job()? })).collect()
}

/// Returns the jobs of a group, in the order in which they were accepted.
pub(super) fn of_group(
    connection: &Connection,
    tenant: TenantId,
    group: GroupId,
    now: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let rows: Vec<JobRow> = connection
        .prepare_cached(&format!("{JOBS} AND jobs.tenant = :tenant AND group_id = :group ORDER BY sequence"))
        .and_then(|mut statement| {
            let values = named_params! { ":now": now.0, ":tenant": tenant.0, ":group": group.0 };
            statement.query_map(values, JobRow::read)?.collect()
        })
        .context(CONTEXT)?;
    rows.into_iter().map(JobRow::into_job).collect()
}
