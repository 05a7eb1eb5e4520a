//! Deciding what becomes of items, for jobs and for calls alike: a tenant's components at work, the search for the item at
//! which one fails, and what the store is to commit.

mod assemble;
mod breaker;
mod component_loader;
mod components;
mod decider;
mod failure_budget;
mod failure_reason;
mod isolate;
mod meter;
mod part;
mod run_error;

use std::sync::Arc;

use breaker::Breaker;
pub use component_loader::{ComponentLoader, LoadError};
pub(super) use decider::{DecideRequest, Decider};
pub(super) use failure_budget::{FailureBudget, FailureTally};
pub(super) use isolate::{CommitTarget, given_up, isolate};
pub(super) use meter::{ComponentUsage, TimeSpent};
pub(super) use part::Part;
pub(super) use run_error::{DecideError, RunError};

use crate::store::Store;

/// What all deciders of a server share.
pub(super) struct DeciderContext {
    /// The store in which items' contacts are looked up.
    pub(super) store: Arc<dyn Store>,
    /// The components of all tenants.
    pub(super) components: ComponentLoader,
    breaker: Breaker,
}

impl DeciderContext {
    /// Returns a context in which no component has failed yet.
    pub(super) fn new(store: Arc<dyn Store>, components: ComponentLoader) -> Self {
        Self { store, components, breaker: Breaker::default() }
    }
}
