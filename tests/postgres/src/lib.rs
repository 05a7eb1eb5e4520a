//! A PostgreSQL cluster of one's own, for tests and measurements: made in a temporary folder, reached over TCP, gone with the
//! process that made it, also when that is killed.
//!
//! The binaries must be on this machine (`scripts/prerequisites` installs them); none is downloaded. PostgreSQL does not run
//! as root, so there it is another user's.

mod account;
mod cluster;
mod programs;
mod settings;
mod watchdog;

pub use cluster::Cluster;
pub use settings::Settings;
