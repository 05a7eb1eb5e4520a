//! Which store a command works with; the one place that opens it.

use std::env::var_os;
use std::error::Error;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::domain::Digest;
use bulkhead::store::postgres::{DatabaseUrl, PostgresStore};
use bulkhead::store::sqlite::{SqliteStore, make_private_folder};
use bulkhead::store::{Store, StoreError};
use clap::Args;

/// Where the service keeps everything.
#[derive(Args)]
pub(super) struct StoreArgs {
    /// Folder of the embedded store; made if it is missing [default: ./bulkhead-data]
    #[arg(long, value_name = "DIR", env = "BULKHEAD_DATA")]
    data: Option<PathBuf>,
    /// A PostgreSQL database in place of it, which any number of servers share: postgres://USER:PASSWORD@HOST/NAME. Better
    /// given in the environment than here.
    #[arg(long, value_name = "URL", env = "BULKHEAD_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Folder for compiled components, which nobody else may write to; by default in the data folder or, with a database,
    /// in the user's cache.
    #[arg(long, value_name = "DIR", env = "BULKHEAD_CACHE")]
    cache: Option<PathBuf>,
}

/// Where that is.
pub(super) enum Place<'a> {
    /// An embedded store.
    Folder(&'a Path),
    /// The URL of a database.
    Database(&'a str),
}

/// The folder of an embedded store unless another one is named.
const FOLDER: &str = "./bulkhead-data";

/// Keeps a data folder for one server for as long as it lives. A database is nobody's.
pub(super) struct Ownership(#[expect(dead_code, reason = "the lock goes when it is dropped")] Option<File>);

impl StoreArgs {
    /// Where the store is. What is set in the environment but empty counts as not set.
    ///
    /// # Errors
    /// If both a folder and a database are named.
    pub(super) fn place(&self) -> Result<Place<'_>, &'static str> {
        let folder = self.data.as_deref().filter(|folder| !folder.as_os_str().is_empty());
        match (folder, self.database.as_deref().filter(|url| !url.is_empty())) {
            (folder, None) => Ok(Place::Folder(folder.unwrap_or(Path::new(FOLDER)))),
            (None, Some(url)) => Ok(Place::Database(url)),
            (Some(_), Some(_)) => {
                Err("there is either a folder (--data or BULKHEAD_DATA) or a database (--database or \
                                       BULKHEAD_DATABASE), not both; take one of them away")
            }
        }
    }

    /// Keeps other servers off the data folder. To be called before the store is opened: a newer version must not change what
    /// another server works with.
    ///
    /// # Errors
    /// If another server has it, or it cannot be made.
    pub(super) fn own(&self) -> Result<Ownership, Box<dyn Error>> {
        Ok(match self.place()? {
            Place::Folder(folder) => {
                make_private_folder(folder)?;
                Ownership(Some(lock(folder)?))
            }
            Place::Database(_) => Ownership(None),
        })
    }

    /// Opens the store, with up to so many connections at a time if it is a database.
    ///
    /// # Errors
    /// If it cannot be reached or used.
    pub(super) fn open(&self, clock: Clock, connections: usize) -> Result<Arc<dyn Store>, Box<dyn Error>> {
        Ok(match self.place()? {
            Place::Folder(folder) => Arc::new(SqliteStore::open(folder, clock)?),
            Place::Database(url) => {
                let url: DatabaseUrl = url.parse().map_err(|error| format!("--database: {error}"))?;
                let opened = PostgresStore::open(&url, connections, clock);
                Arc::new(opened.map_err(|error| match error {
                    StoreError::Connection(why) => {
                        format!("{why}. Is PostgreSQL running at {url}, and may this user connect?").into()
                    }
                    error => Box::<dyn Error>::from(error),
                })?)
            }
        })
    }

    /// Where compiled components are kept; `None` if there is no place for them, so that they are compiled anew at each
    /// start.
    pub(super) fn compiled(&self) -> Option<PathBuf> {
        match (&self.cache, self.place().ok()?) {
            (Some(folder), _) => Some(folder.clone()),
            (None, Place::Folder(folder)) => Some(folder.join("compiled")),
            // One for each database: a server deletes what its own has no use for.
            (None, Place::Database(url)) => {
                let url: DatabaseUrl = url.parse().ok()?;
                let name: String = hex::encode(Digest::of(url.to_string().as_bytes()).0).chars().take(16).collect();
                user_cache().map(|folder| folder.join("bulkhead").join("compiled").join(name))
            }
        }
    }
}

/// The user's folder for what can be made again.
pub(super) fn user_cache() -> Option<PathBuf> {
    let absolute = |name| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// One server owns a data folder; tenants can be added to it meanwhile. The lock goes with the process.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("server.lock");
    let failed = |source| StoreError::File { path: path.display().to_string(), source };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Without the URL, which holds a password.
impl std::fmt::Debug for StoreArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreArgs").field("data", &self.data).field("cache", &self.cache).finish_non_exhaustive()
    }
}
