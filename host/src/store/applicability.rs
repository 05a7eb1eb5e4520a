//! Whether a job can be applied, as both dialects judge it in the transaction that accepts the job which applies it.

use super::packing::read_mode;
use super::{ApplyRefusal, StoreError, SubmitOutcome};
use crate::domain::JobId;

/// What the store knows of a job that is to be applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applicability<'a> {
    /// The job's mode, as it is stored.
    pub(crate) mode: Option<&'a str>,
    pub(crate) is_finished: bool,
    pub(crate) is_cancelled: bool,
    /// The job that applies this one.
    pub(crate) applied_as: Option<JobId>,
    /// Whether that job is neither deleted nor expired.
    pub(crate) is_applied_there: bool,
}

impl Applicability<'_> {
    /// Returns why the job cannot be applied now, or `None` if it can.
    pub(crate) fn refusal(self) -> Result<Option<SubmitOutcome>, StoreError> {
        let (_, dry_run) = read_mode(self.mode)?;
        let refusal = match self.applied_as {
            _ if dry_run.is_none() => ApplyRefusal::NoDryRun,
            Some(job) if self.is_applied_there => return Ok(Some(SubmitOutcome::Applied(job))),
            Some(_) => ApplyRefusal::AppliedAndGone,
            None if self.is_cancelled => ApplyRefusal::Cancelled,
            None if !self.is_finished => ApplyRefusal::Unfinished,
            None => return Ok(None),
        };
        Ok(Some(SubmitOutcome::NotApplicable(refusal)))
    }
}
