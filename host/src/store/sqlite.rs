//! The embedded store: a SQLite database in the data folder, which one server owns.
//!
//! With WAL and `synchronous=FULL`, commits survive a power cut. One connection writes while a few others read.

mod apply;
mod audit;
mod backup;
mod claims;
mod commit;
mod components;
mod connections;
mod console;
mod contacts;
mod credentials;
mod facts;
mod found;
mod index_queue;
mod job_list;
mod jobs;
mod listing;
mod logs;
mod maintenance;
mod migrations;
mod overlays;
mod purge;
mod refresh_tokens;
mod room;
mod shown_contacts;
mod shrink;
mod statistics;
mod submit;
mod sweep;
mod tenants;
mod undo;
mod usage;
mod webhook_messages;
mod webhooks;
mod word_index;

use std::path::{Path, PathBuf};

pub use facts::SqliteFacts;
use rusqlite::ErrorCode;

use super::profile_cache::ProfileCache;
use super::secret_use::SecretUse;
use super::{Opening, StoreError};
use crate::clock::Clock;
use crate::private_files::make_private_folder;
use connections::Connections;

/// The database's file in the data folder.
const FILE: &str = "bulkhead.sqlite";

/// Returns whether an error says that what is stored is damaged, so that only a backup helps.
pub fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Corrupt(_) => true,
        StoreError::Database { source, .. } | StoreError::Refused { source, .. } => {
            let code = source.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
            matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        }
        _ => false,
    }
}

/// A [`Store`](super::Store) in a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    folder: PathBuf,
    connections: Connections,
    clock: Clock,
    profiles: ProfileCache,
    secret_use: SecretUse,
}

impl SqliteStore {
    /// Opens the database in `folder`, and creates either of them if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be used, or the database is damaged, from a newer version, or from an earlier one and `opening` does
    /// not allow to change that.
    pub fn open(folder: &Path, clock: Clock, opening: Opening) -> Result<Self, StoreError> {
        make_private_folder(folder)?;
        let connections = Connections::open(&folder.join(FILE))?;
        connections.write(|connection| migrations::run(connection, &folder.join(FILE), opening))?;
        Ok(Self {
            folder: folder.to_owned(),
            connections,
            clock,
            profiles: ProfileCache::default(),
            secret_use: SecretUse::default(),
        })
    }

    /// Returns whether there is a database in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Copies the database in `folder` as it is now to a new file, while servers use the database, whatever its schema. Returns
    /// the file's size in bytes. To restore the copy, stop the server and put the file as `bulkhead.sqlite` into an otherwise
    /// empty data folder.
    ///
    /// # Errors
    /// If the file exists or cannot be written, or the database is damaged. Then there is no new file.
    pub fn backup(folder: &Path, to: &Path) -> Result<u64, StoreError> {
        make_private_folder(folder)?;
        Connections::open(&folder.join(FILE))?.apart(|connection| backup::backup(connection, to))
    }
}
