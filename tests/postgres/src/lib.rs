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
use std::thread;
use std::time::{Duration, Instant};

pub use cluster::Cluster;
pub use disk::ClusterPart;
pub use open_transaction::OpenTransaction;
pub use pooler::Pooler;
pub use settings::Settings;
pub use small_disk::SmallDisk;

/// The pause between two looks at whether something has happened.
const POLL_PAUSE: Duration = Duration::from_millis(20);

/// Waits until something has happened.
///
/// # Panics
/// If it has not within `timeout`, with what `failure` says.
#[track_caller]
fn wait_until(timeout: Duration, mut has_happened: impl FnMut() -> bool, failure: impl FnOnce() -> String) {
    let begun = Instant::now();
    while !has_happened() {
        if begun.elapsed() >= timeout {
            panic!("{}", failure());
        }
        thread::sleep(POLL_PAUSE);
    }
}

/// Returns a path as an argument of a command.
fn text(path: &Path) -> String {
    path.display().to_string()
}
