//! Deciding what becomes of items, for jobs and calls alike.
//!
//! - A [`Decider`] takes one request's items through the tenant's components: plan, look up, decide.
//! - [`isolate()`] finds the items on which a component fails, within the request's [`FailureBudget`], and commits the others.
//! - A [`CommitTarget`] is where decided items take effect: under a job's claim, or at once for a call.
//! - The [`ComponentLoader`] loads and compiles components. The [`Breaker`] suspends components that keep failing.

mod assemble;
mod breaker;
mod changes;
mod committed_counts;
mod compare;
mod component_loader;
mod component_usage;
mod components;
mod decide_request;
mod decider;
mod failure_budget;
mod failure_reason;
mod isolate;
mod meter;
mod mode;
mod overlay;
mod part;
mod run_error;
mod shown_members;
mod storage_room;
mod undo_images;
mod undo_item;
mod undo_step;

use std::sync::Arc;
use std::time::Duration;

use breaker::Breaker;
pub(super) use committed_counts::CommittedCounts;
pub(super) use compare::compare;
pub use component_loader::{ComponentLoader, LoadError};
pub(super) use component_usage::ComponentUsage;
pub(super) use decide_request::DecideRequest;
pub(super) use decider::{Decider, lookups_of};
pub(super) use failure_budget::{FailureBudget, FailureTally};
pub(super) use isolate::{CommitTarget, LeftParts, given_up, isolate, resume_isolation};
pub use meter::ItemFailure;
pub(super) use meter::TimeSpent;
pub(super) use overlay::{Added, Overlay};
pub(super) use part::Part;
pub(super) use run_error::{DecideError, RunError};
pub(super) use storage_room::StorageRoom;
pub(super) use undo_images::UndoImages;
pub(super) use undo_item::{ImagePlace, UndoItem};
pub(super) use undo_step::{MAX_STEP_BYTES, Resolution, UndoStep, resolve};

use crate::jobs::recent_failures::RecentFailures;
use crate::jobs::right_of_way::RightsOfWay;
use crate::jobs::tenant_time::TenantTime;
use crate::jobs::watchdog::Watchdog;
use crate::store::Store;

/// The parts of a server that all deciders share.
pub(super) struct DeciderContext {
    /// The store in which items' contacts are looked up.
    pub(super) store: Arc<dyn Store>,
    /// The components of all tenants.
    pub(super) components: ComponentLoader,
    /// What each tenant's jobs and calls used of the threads' time lately.
    pub(super) tenant_time: TenantTime,
    /// Notices threads that do not come back.
    pub(super) watchdog: Watchdog,
    /// What requests get whose contacts keep changing.
    pub(super) rights_of_way: RightsOfWay,
    /// What failed lately, for operators.
    pub(super) recent_failures: RecentFailures,
    breaker: Breaker,
}

impl DeciderContext {
    /// Makes a context in which no component has failed yet. `host_timeout` is for each step of a thread outside of components.
    pub(super) fn new(store: Arc<dyn Store>, components: ComponentLoader, host_timeout: Duration) -> Self {
        Self {
            store,
            components,
            tenant_time: TenantTime::default(),
            watchdog: Watchdog::new(host_timeout),
            rights_of_way: RightsOfWay::default(),
            recent_failures: RecentFailures::default(),
            breaker: Breaker::default(),
        }
    }
}
