//! Looking at jobs of any tenant, and stopping them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::Duration;

use super::audit::{Act, Action};
use super::{JobView, OperationError, Operations, UndoPreviewView};
use crate::domain::{Action as RowAction, ErrorCode, Job, JobId, JobState, Pinned, TenantId};
use crate::export::{FileType, JobFile, Only, TableStyle};
use crate::harmless_text::one_line;
use crate::jobs::{ServiceError, UndoDesk, Undoing};
use crate::plain_words::io_error;
use crate::store::{CancelOutcome, JobQuery, ListedJob, QueueLimits, StoredRow, SubmitLimits, Tenant};

/// Jobs that are listed unless the operator asks for another number.
const DEFAULT_JOBS: u32 = 100;
/// How long the id of an undo lives that an operator makes, which is how long other ids live unless a server says otherwise.
const UNDO_RETENTION: Duration = Duration::from_secs(48 * 60 * 60);
/// Jobs that are listed at most.
const MAX_JOBS: u32 = 1_000;

/// Why there is no file of a job, or it is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Nothing was written, or the store failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The file cannot be written.
    #[error("the results cannot be written: {}", io_error(.0))]
    Write(#[from] io::Error),
    /// A row cannot be written as JSON.
    #[error(transparent)]
    Row(#[from] serde_json::Error),
    /// The job went while its rows were read.
    #[error(
        "the job was deleted or has expired while its results were printed, so what was printed is not all of them; do not use it"
    )]
    Vanished,
}

/// Rows of a job that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRows {
    /// The status of the rows.
    pub status: u16,
    /// Why, without values of contacts: the fields with their codes, such as `country: not_a_choice`, or what the component did.
    pub reason: String,
    /// How many rows.
    pub count: u32,
    /// The place of the first of them, from 0.
    pub first: u32,
}

/// Characters of a reason.
const MAX_REASON_CHARS: usize = 200;
/// Reasons that are told apart; rows beyond them are counted under the last one, which says so.
const MAX_REASONS: usize = 50;

impl Operations {
    /// Returns why rows of a job were refused so far, those that most have first. Nothing of a contact is in it.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn refused_rows(&self, id: JobId) -> Result<Vec<RefusedRows>, OperationError> {
        let (tenant, _, job) = self.known_job(id)?;
        let mut found: HashMap<(u16, String), (u32, u32)> = HashMap::new();
        let mut rows = 0..u64::from(job.total);
        while !rows.is_empty() {
            let read = self.store.job_rows(tenant, id, rows.clone())?;
            let Some(last) = read.last() else { break };
            rows.start = u64::from(last.index) + 1;
            for row in read.iter().filter(|row| row.action == RowAction::Refuse) {
                let reason = (row.row.status_code, reason_of(row));
                let reason = if found.len() < MAX_REASONS || found.contains_key(&reason) {
                    reason
                } else {
                    (0, String::from("other reasons"))
                };
                let (count, _) = found.entry(reason).or_insert((0, row.index));
                *count += 1;
            }
        }
        let refused = |((status, reason), (count, first))| RefusedRows { status, reason, count, first };
        let mut refused: Vec<RefusedRows> = found.into_iter().map(refused).collect();
        refused.sort_by_key(|rows| (Reverse(rows.count), rows.first));
        Ok(refused)
    }

    /// Returns the newest jobs of a tenant, or of all tenants, newest first: `limit` of them, or 100. Without those that are completed if
    /// `unfinished_only`.
    ///
    /// # Errors
    /// If there is no such tenant, or the limit is not 1 to 1,000.
    pub fn jobs(
        &self,
        tenant: Option<&str>,
        unfinished_only: bool,
        limit: Option<u32>,
    ) -> Result<Vec<JobView>, OperationError> {
        let limit = limit.unwrap_or(DEFAULT_JOBS);
        if !(1..=MAX_JOBS).contains(&limit) {
            return Err(OperationError::JobCount(MAX_JOBS));
        }
        let tenant = tenant.map(|name| self.known_tenant(name)).transpose()?.map(|tenant| tenant.id);
        let query = JobQuery { unfinished_only, ..JobQuery::all(tenant, limit) };
        Ok(self.listed_jobs(&query)?.into_iter().map(JobView::from).collect())
    }

    /// Returns a page of a list of jobs, newest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn listed_jobs(&self, query: &JobQuery) -> Result<Vec<ListedJob>, OperationError> {
        Ok(self.store.jobs(query)?)
    }

    /// Returns a job.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn job(&self, id: JobId) -> Result<JobView, OperationError> {
        Ok(self.stored_job(id)?.into())
    }

    /// Returns a job as the store has it, without its items and rows.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn stored_job(&self, id: JobId) -> Result<ListedJob, OperationError> {
        let (_, tenant, job) = self.known_job(id)?;
        Ok(ListedJob { tenant, job })
    }

    /// Deletes a job and stops it. When this returns, the job changes no contact any more; what it had applied stays applied.
    /// Returns the job as it was.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn delete_job(&self, id: JobId) -> Result<JobView, OperationError> {
        let (tenant, name, job) = self.known_job(id)?;
        self.record(Act::new(Action::DeleteJob).tenant(&name).object(id), |act| {
            act.learn("status", job.state.as_str());
            if self.store.delete_job(tenant, id)? {
                Ok(JobView::new(name, &job))
            } else {
                Err(OperationError::UnknownJob)
            }
        })
    }

    /// Cancels a job: stops it, and keeps what it did. When this returns, the job changes no contact any more. Returns the job as
    /// it is then.
    ///
    /// # Errors
    /// If there is no such job, or it was completed before.
    pub fn cancel_job(&self, id: JobId) -> Result<JobView, OperationError> {
        let (tenant, name, _) = self.known_job(id)?;
        self.record(Act::new(Action::CancelJob).tenant(&name).object(id), |_| {
            match self.store.cancel_job(tenant, id)? {
                CancelOutcome::Cancelled => self.job(id),
                CancelOutcome::Completed => Err(OperationError::CompletedJob),
                CancelOutcome::Unknown => Err(OperationError::UnknownJob),
            }
        })
    }

    /// Accepts a job that makes the contacts of another job what they were before it, for its tenant. Returns the job that was
    /// accepted, now or before.
    ///
    /// # Errors
    /// If there is no such job, it cannot be undone, or its tenant's limits leave no room for another job.
    pub fn undo_job(&self, undoing: &Undoing) -> Result<JobView, OperationError> {
        self.record(Act::new(Action::UndoJob).object(undoing.job()), |act| {
            let (tenant, accepted) = self.at_undo_desk(undoing, |desk| desk.accept(undoing))?;
            act.learn_tenant(&tenant.name);
            act.learn("undoneAs", accepted.to_string());
            let job = self.store.job(tenant.id, accepted)?.ok_or(OperationError::UnknownJob)?;
            Ok(JobView::new(tenant.name, &job))
        })
    }

    /// Returns what undoing a job would do now.
    ///
    /// # Errors
    /// If there is no such job, or it cannot be undone.
    pub fn preview_undo(&self, undoing: &Undoing) -> Result<UndoPreviewView, OperationError> {
        let (tenant, preview) = self.at_undo_desk(undoing, |desk| desk.preview(undoing))?;
        let until = preview.undoable_until.to_rfc3339();
        Ok(UndoPreviewView::new(undoing.job(), Some(tenant.name), until, preview))
    }

    fn at_undo_desk<T>(
        &self,
        undoing: &Undoing,
        work: impl FnOnce(&UndoDesk<'_>) -> Result<T, ServiceError>,
    ) -> Result<(Tenant, T), OperationError> {
        let (_, name) = self.store.job_owner(undoing.job())?.ok_or(OperationError::UnknownJob)?;
        let tenant = self.known_tenant(&name)?;
        let processor = match tenant.assigned.processor {
            Some(processor) => processor,
            None => self.runtime.get()?.default_processor.digest(),
        };
        let limits = &tenant.limits;
        let desk = UndoDesk {
            store: &self.store,
            tenant: &tenant,
            pinned: Pinned { processor, validator: tenant.assigned.validator },
            limits: SubmitLimits {
                queue: QueueLimits { jobs: limits.queued_jobs, bytes: limits.queued_mib << 20 },
                stored_bytes: limits.stored_mib << 20,
                jobs_per_minute: limits.jobs_per_minute,
                contacts_per_minute: limits.contacts_per_minute,
            },
            retention: UNDO_RETENTION,
        };
        let done = work(&desk).map_err(|error| match error {
            ServiceError::Store(error) => OperationError::Store(error),
            error => OperationError::NotUndone(error.to_string()),
        })?;
        Ok((tenant, done))
    }

    /// Returns what a job's components printed.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn job_log(&self, job: JobId) -> Result<String, OperationError> {
        let (_, tenant) = self.store.job_owner(job)?.ok_or(OperationError::UnknownJob)?;
        self.record(Act::new(Action::ReadJobLog).tenant(&tenant).object(job), |_| {
            self.store.job_log(job)?.ok_or(OperationError::UnknownJob)
        })
    }

    /// Writes the rows of a completed job as a file, piece by piece: all of them, or those that `only` names.
    ///
    /// # Errors
    /// If there is no such job, it is not completed, the store cannot answer, or the file cannot be written.
    pub fn export_job(
        &self,
        id: JobId,
        file_type: FileType,
        only: Option<Only>,
        write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        let (tenant, name, job) = self.known_job(id)?;
        let act = Act::new(Action::ExportJob).tenant(&name).object(id);
        self.recorded(act, ExportError::to_string, |_| self.export(tenant, &job, file_type, only, write))
    }

    fn export(
        &self,
        tenant: TenantId,
        job: &Job,
        file_type: FileType,
        only: Option<Only>,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        if job.state != JobState::Completed {
            return Err(OperationError::UnfinishedJob.into());
        }
        let read = |rows| self.store.job_rows(tenant, job.id, rows).map_err(OperationError::from);
        let mut file = JobFile::new(job, file_type, only, TableStyle::default(), read)?;
        let mut piece = file.header();
        let mut rows = 0..u64::from(job.total);
        while !rows.is_empty() {
            let read = read(rows.clone())?;
            // A completed job has a row for each item.
            let last = read.last().ok_or(ExportError::Vanished)?;
            rows.start = u64::from(last.index) + 1;
            for row in read {
                file.write(&mut piece, row)?;
            }
            write(&piece)?;
            piece.clear();
        }
        // The header of a table without rows.
        Ok(write(&piece)?)
    }

    fn known_job(&self, id: JobId) -> Result<(TenantId, String, Job), OperationError> {
        let (tenant, name) = self.store.job_owner(id)?.ok_or(OperationError::UnknownJob)?;
        let job = self.store.job(tenant, id)?.ok_or(OperationError::UnknownJob)?;
        Ok((tenant, name, job))
    }
}

/// Returns why a row was refused, for operators: they need no values of contacts.
fn reason_of(row: &StoredRow) -> String {
    let codes: BTreeSet<String> = row
        .codes
        .iter()
        .map(|ErrorCode { field, code }| match field {
            Some(field) => format!("{field}: {code}"),
            None => code.clone(),
        })
        .collect();
    let reason = codes.into_iter().collect::<Vec<_>>().join(", ");
    one_line(if reason.is_empty() { "without a code" } else { &reason }, MAX_REASON_CHARS)
}
