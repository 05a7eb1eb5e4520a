//! What becomes of jobs when servers die, sleep and lose their database, at moments that rng choose.
//!
//! Tenants send jobs that change the same contacts again and again. Meanwhile servers are killed (`kill -9`), stopped for
//! longer than their leases, ended in good order and started again; with PostgreSQL, the database is restarted without a
//! goodbye and its connections are cut. When that is over and all jobs are done, everything is compared with a
//! [`model`] that plays each tenant's jobs in the order in which they were accepted: each item must have been applied once,
//! in its turn. One tenant lets its jobs run several at a time, beside batches that are answered at once; of what it sent, no more
//! than the order is open.
//!
//! Each item adds a tag of its own to its contact. Tags stay in the order in which they came, so a contact carries the history
//! of what was applied to it; and its version in the database counts how often it was written, so that what was applied
//! twice shows, too.

mod check;
mod concurrent_tenant;
mod deleter;
mod deployment;
mod done_flag;
mod driver;
mod faults;
#[cfg(target_os = "linux")]
mod held_jobs;
mod load;
mod model;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod partition;
mod run;
mod servers;

pub use deployment::Kind;
pub use load::{Load, Outcome, load};
#[cfg(target_os = "linux")]
pub use partition::partition;
pub use run::{Extent, Plan, Report, run};
