//! A job as clients see it: its state, and its progress if the client asks for that.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Job;

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
    failed: u32,
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
    expires_at: String,
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
            failed: job.counts.failed,
            warnings: job.remarks.warnings,
            ignored: job.remarks.ignored.names.clone(),
            ignored_others: job.remarks.ignored.others,
            created_at: job.created_at.to_wire(),
            started_at: job.started_at.map(|moment| moment.to_wire()),
            finished_at: job.finished_at.map(|moment| moment.to_wire()),
            expires_at: job.expires_at.to_wire(),
            processor: job.pinned.processor.to_string(),
            validator: job.pinned.validator.map(|digest| digest.to_string()),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
