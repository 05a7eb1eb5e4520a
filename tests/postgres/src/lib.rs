//! A PostgreSQL cluster of one's own, for tests and measurements: made in a temporary folder, reached over TCP, gone with the
//! process that made it, also when that is killed.
//!
//! The binaries must be on this machine (`scripts/prerequisites` installs them); none is downloaded. PostgreSQL does not run
//! as root, so there it is another user's. And small disks, for clusters and for others.

mod account;
mod cluster;
mod disk;
mod dump;
mod programs;
mod settings;
mod small_disk;
mod stuck;
mod watchdog;

use std::path::Path;

pub use cluster::Cluster;
pub use disk::Part;
pub use settings::Settings;
pub use small_disk::SmallDisk;
pub use stuck::Stuck;

fn text(path: &Path) -> String {
    path.display().to_string()
}
