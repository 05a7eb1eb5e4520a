//! Work that a server does from time to time beside its jobs, each kind on a thread of its own.

mod compiled_cache;
mod expiry;
mod indexer;
mod lease_keeper;
mod task;

pub use task::Chores;
