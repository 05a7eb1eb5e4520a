//! What a decider is told of the request whose items it decides.

use crate::domain::{DryRun, JobId, Operation, Pinned, TenantId, Timestamp, TraceId, WriteMode};
use crate::tenants::{StoredProfile, TenantLimits};

/// What all items of a request have in common.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct DecideRequest<'a> {
    pub(in crate::jobs) tenant: TenantId,
    /// For the log.
    pub(in crate::jobs) tenant_name: &'a str,
    pub(in crate::jobs) profile: &'a StoredProfile,
    pub(in crate::jobs) limits: TenantLimits,
    pub(in crate::jobs) pinned: Pinned,
    pub(in crate::jobs) operation: Operation,
    /// Which contacts the items may be applied to.
    pub(in crate::jobs) mode: WriteMode,
    /// Whether nothing is stored.
    pub(in crate::jobs) dry_run: Option<DryRun>,
    /// Whether contacts are kept as they were before, so that the request can be undone.
    pub(in crate::jobs) keeps_images: bool,
    /// The time that changes are recorded with.
    pub(in crate::jobs) now: Timestamp,
    /// `None` for a call.
    pub(in crate::jobs) job: Option<JobId>,
    /// The trace of the job, for the log.
    pub(in crate::jobs) trace: Option<TraceId>,
}
