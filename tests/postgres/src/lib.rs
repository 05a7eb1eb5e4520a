//! PostgreSQL clusters for tests and measurements. A cluster is in a temporary folder, listens on TCP, and is removed with the
//! process that made it, even if that process is killed. This crate also makes small disks, for clusters and other programs.
//!
//! PostgreSQL's programs must be installed (`scripts/prerequisites` does it), and for tests of other versions and of PgBouncer what
//! `scripts/postgres-tools` gets; nothing is downloaded here. PostgreSQL refuses to run as
//! root, so a test that runs as root gives its clusters to another user.

mod account;
mod cluster;
mod disk;
mod dump;
mod open_transaction;
mod pooler;
mod programs;
mod replication;
mod settings;
mod small_disk;
mod watchdog;

use std::path::Path;

pub use cluster::Cluster;
pub use disk::ClusterPart;
pub use open_transaction::OpenTransaction;
pub use pooler::Pooler;
pub use settings::Settings;
pub use small_disk::SmallDisk;

/// Returns a path as an argument of a command.
fn text(path: &Path) -> String {
    path.display().to_string()
}
