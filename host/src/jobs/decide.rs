//! Deciding what becomes of items, for jobs and for calls alike: a tenant's components at work, the search for the item at
//! which one fails, and what the store is to commit.

mod assemble;
pub(in crate::jobs) mod breaker;
pub(in crate::jobs) mod component_loader;
pub(in crate::jobs) mod decider;
pub(in crate::jobs) mod isolate;

pub use component_loader::{Library, LibraryError};
