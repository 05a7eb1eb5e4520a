//! A job as clients see it: its state, and its progress if the client asks for that.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{Job, Source, WriteMode};

/// A job's state, with or without its progress.
#[derive(Debug, Serialize)]
pub(super) struct JobView {
    status: &'static str,
    #[serde(flatten)]
    progress: Option<JobProgress>,
}

impl JobView {
    /// Returns the state alone, whose shape is that of Campaign Studio's bulk API.
    pub(super) fn state(job: &Job) -> Self {
        Self { status: job.state.as_str(), progress: None }
    }

    /// Returns the state with counters, remarks, times and components.
    pub(super) fn full(job: &Job) -> Self {
        Self { status: job.state.as_str(), progress: Some(JobProgress::from(job)) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobProgress {
    total: u32,
    processed: u32,
    created: u32,
    updated: u32,
    /// Contacts that an undo deleted; absent for other jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u32>,
    unchanged: u32,
    failed: u32,
    /// Items that had no row when the job was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_processed: Option<u32>,
    /// Warnings about all items together.
    warnings: u64,
    /// How many items had a member of this name, which no field knows.
    ignored: BTreeMap<String, u64>,
    /// Ignored members of other names than those of `ignored`.
    #[serde(skip_serializing_if = "is_zero")]
    ignored_others: u64,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<String>,
    expires_at: String,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// Whether the job stores no contact; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// The job that applies the dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_as: Option<String>,
    /// The dry run that the job applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    applies: Option<String>,
    /// The job that the job undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// What an undo does with contacts that were changed since; absent for other jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'static str>,
    /// The last job that undoes the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_as: Option<String>,
    /// Until when the job can be undone; null if it cannot.
    undoable_until: Option<String>,
    /// Items that came out otherwise than the dry run said.
    #[serde(skip_serializing_if = "Option::is_none")]
    differing: Option<u64>,
    /// Items that could not be compared, because the dry run was gone.
    #[serde(skip_serializing_if = "is_zero")]
    not_compared: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// What the job was made of, if it was made of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    processor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
}

impl From<&Job> for JobProgress {
    fn from(job: &Job) -> Self {
        Self {
            total: job.total,
            processed: job.counts.processed(),
            created: job.counts.created,
            updated: job.counts.updated,
            deleted: job.undoes.map(|_| job.counts.deleted),
            unchanged: job.counts.unchanged,
            failed: job.counts.failed,
            not_processed: job.cancelled_at.map(|_| job.total.saturating_sub(job.counts.processed())),
            warnings: job.remarks.warnings,
            ignored: job.remarks.ignored.names.clone(),
            ignored_others: job.remarks.ignored.others,
            created_at: job.created_at.to_wire(),
            started_at: job.started_at.map(|moment| moment.to_wire()),
            finished_at: job.finished_at.map(|moment| moment.to_wire()),
            cancelled_at: job.cancelled_at.map(|moment| moment.to_wire()),
            expires_at: job.expires_at.to_wire(),
            operation: job.operation_name(),
            mode: (job.mode != WriteMode::Upsert).then(|| job.mode.as_str()),
            dry_run: job.dry_run.is_some(),
            applied_as: job.applied_as.map(|id| id.to_string()),
            applies: job.applies.map(|id| id.to_string()),
            undoes: job.undoes.map(|undo| undo.job.to_string()),
            changed: job.undoes.map(|undo| undo.changed_since.as_str()),
            undone_as: job.undone_as.map(|id| id.to_string()),
            undoable_until: job.undoable_until.map(|moment| moment.to_wire()),
            differing: job.applies.map(|_| job.remarks.differing),
            not_compared: job.remarks.not_compared,
            group: job.group.map(|group| group.to_string()),
            source: job.source.clone(),
            processor: job.pinned.processor.to_string(),
            validator: job.pinned.validator.map(|digest| digest.to_string()),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
