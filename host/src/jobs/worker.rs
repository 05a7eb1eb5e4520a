//! Worker threads: each claims a job, has its items decided batch by batch, and commits them.

pub(in crate::jobs) mod claim_loop;
pub(in crate::jobs) mod committer;
mod job_run;
mod overlap;
mod pipeline;
mod pool;
pub(in crate::jobs) mod running;
mod speculation;
pub(in crate::jobs) mod unreleased;

pub use pool::Workers;
