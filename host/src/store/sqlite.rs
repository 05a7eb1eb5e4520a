//! The embedded store: one SQLite database in the data folder, owned by one server.
//!
//! WAL with `synchronous=FULL`: what is committed survives a power cut. One connection writes, a few read beside it.

mod backup;
mod claims;
mod commit;
mod components;
mod connections;
mod contacts;
mod jobs;
mod listing;
mod logs;
mod maintenance;
mod migrations;
mod submit;
mod sweep;
mod tenants;
mod unlisted;
mod words;

use std::path::{Path, PathBuf};

use super::StoreError;
use super::profile_cache::ProfileCache;
use crate::clock::Clock;
use connections::Connections;

/// The file in the data folder.
const FILE: &str = "bulkhead.sqlite";

/// A [`Store`](super::Store) in a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    folder: PathBuf,
    connections: Connections,
    clock: Clock,
    profiles: ProfileCache,
}

impl SqliteStore {
    /// Opens the database in `folder`, making both if they are missing.
    ///
    /// # Errors
    /// If the folder cannot be used, or the database is damaged or from a newer version.
    pub fn open(folder: &Path, clock: Clock) -> Result<Self, StoreError> {
        make_private_folder(folder)?;
        let connections = Connections::open(&folder.join(FILE))?;
        connections.write(|connection| migrations::run(connection, &folder.join(FILE)))?;
        Ok(Self { folder: folder.to_owned(), connections, clock, profiles: ProfileCache::default() })
    }

    /// Whether there is a database in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Copies the database as it is now into a file that is not there yet, while others use it; returns its size in
    /// bytes. To go back to it, stop the server and put the file in the place of `bulkhead.sqlite` in an otherwise empty
    /// data folder.
    ///
    /// # Errors
    /// If the file is there or cannot be written, or the database is damaged. Then there is no file.
    pub fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        self.connections.apart(|connection| backup::backup(connection, to))
    }
}

/// Makes a data folder that only this user can read, unless it is there.
///
/// # Errors
/// If it cannot be made.
pub fn make_private_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { path: folder.display().to_string(), source };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)
}
