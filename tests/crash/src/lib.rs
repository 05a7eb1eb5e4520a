//! Runs in which servers are killed, stopped and cut off from their database at random moments.
//!
//! Tenants send jobs that change the same contacts again and again. Servers are killed (`kill -9`), stopped for longer than
//! their leases, ended cleanly and started again. On PostgreSQL, the database is also restarted without a shutdown, and its
//! connections are cut. In runs with a standby, the primary is killed or stopped, the standby takes over, and the old primary
//! comes back as its standby. When all jobs are finished, jobs and contacts are compared with a [`model`] that applies each tenant's
//! jobs in the order of acceptance: every item must have been applied once and in order. One tenant runs jobs concurrently
//! with each other and with batch calls, so that only their order is open. Another one tries its jobs by dry runs before it applies
//! them, and has an endpoint told of both. A third one undoes its jobs, and some of the undos again.
//!
//! Each item adds a unique tag to its contact. Tags keep their order, so a contact carries the history of its changes. Its
//! version in the database counts how often it was written, so that a change that was applied twice shows.

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
mod mutants;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod partition;
mod run;
mod servers;
mod told_tenant;
mod undone_tenant;
mod upgrade;

pub use deployment::Kind;
pub use load::{Load, Outcome, load};
pub use mutants::{MutantReport, Mutants, try_mutants};
#[cfg(target_os = "linux")]
pub use partition::partition;
pub use run::{Extent, Plan, Report, run};
pub use upgrade::{Upgrade, upgrade};
