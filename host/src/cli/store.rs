//! The options that choose the store, and the only place that opens it.

use std::env::var_os;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::domain::Digest;
use bulkhead::jobs::ServiceError;
use bulkhead::operations::OperationError;
use bulkhead::private_files::{check_file, make_private_folder, open_private_file};
use bulkhead::sandbox::SandboxSettings;
use bulkhead::store::postgres::{DatabaseUrl, PostgresFacts, PostgresStore};
use bulkhead::store::sqlite::{SqliteFacts, SqliteStore, is_damage};
use bulkhead::store::{Opening, Store, StoreError};
use clap::Args;

use super::compile::CompileLimitArgs;

/// The options that choose the store.
#[derive(Args)]
pub(super) struct StoreArgs {
    /// A configuration file: TOML whose keys are the long names of the options of 'serve'. Options and environment variables
    /// count before it.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the embedded store, which 'serve' makes if it is missing [default: ./bulkhead-data]
    #[arg(long, value_name = "DIR", env = "BULKHEAD_DATA")]
    data: Option<PathBuf>,
    /// A PostgreSQL database instead of the folder, which any number of servers can share:
    /// postgres://USER:PASSWORD@HOST/NAME. Prefer --database-file or the environment variable: other users can see options.
    #[arg(long, value_name = "URL", env = "BULKHEAD_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// A file with the URL for --database; without it, the systemd credential 'database' counts.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_DATABASE_FILE")]
    database_file: Option<PathBuf>,
    /// Folder for compiled components, which no other user may write to; by default in the data folder or, with a
    /// database, in the user's cache folder. Code is also shared with 'component try' unless this names a folder.
    #[arg(long, value_name = "DIR", env = "BULKHEAD_CACHE")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    compile_limits: CompileLimitArgs,
}

/// Where the store is.
pub(super) enum Place<'a> {
    /// In this folder: an embedded store.
    Folder(&'a Path),
    /// In the database with this URL.
    Database(&'a str),
}

/// The folder of the embedded store, unless an option names another.
const DEFAULT_FOLDER: &str = "./bulkhead-data";

/// Reserves a data folder for one server, until this is dropped. A database is not reserved.
pub(super) struct Ownership(#[expect(dead_code, reason = "dropping the file releases its lock")] Option<File>);

impl StoreArgs {
    /// Returns the configuration file, if one is named.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Returns the arguments that name this store and the configuration file to another command.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let database = self.database.as_ref().map(OsString::from).filter(|_| self.database_file.is_none());
        let files = [("--config=", &self.config), ("--data=", &self.data), ("--database-file=", &self.database_file)];
        let named = files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?.clone().into_os_string())));
        let joined = |(name, value): (&str, OsString)| [OsString::from(name), value].into_iter().collect::<OsString>();
        named.chain(database.map(|url| ("--database=", url))).map(joined).collect()
    }

    /// Returns whether other servers can use the store at the same time.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.place(), Ok(Place::Database(_)))
    }

    /// Returns where the store is. An empty option or environment variable counts as not set.
    ///
    /// # Errors
    /// If both a folder and a database are named.
    pub(super) fn place(&self) -> Result<Place<'_>, &'static str> {
        let folder = self.data.as_deref().filter(|folder| !folder.as_os_str().is_empty());
        match (folder, self.database.as_deref().filter(|url| !url.is_empty())) {
            (folder, None) => Ok(Place::Folder(folder.unwrap_or(Path::new(DEFAULT_FOLDER)))),
            (None, Some(url)) => Ok(Place::Database(url)),
            (Some(_), Some(_)) => Err(
                "both a folder (--data or BULKHEAD_DATA) and a database (--database, --database-file, BULKHEAD_DATABASE or \
                     BULKHEAD_DATABASE_FILE) are given; remove one of them",
            ),
        }
    }

    /// Reserves the data folder for this server, and creates it if it is missing. Must be called before the store is opened:
    /// a newer version must not migrate a store that another server is using.
    ///
    /// # Errors
    /// If another server has reserved the folder, or it cannot be created.
    pub(super) fn own(&self) -> Result<Ownership, Box<dyn Error>> {
        Ok(match self.place()? {
            Place::Folder(folder) => {
                if make_private_folder(folder)? {
                    tracing::warn!(
                        event = "data_folder_made_private",
                        folder = %folder.display(),
                        "other users had rights to the data folder or to a file in it, and have none now"
                    );
                }
                Ownership(Some(lock(folder)?))
            }
            Place::Database(_) => Ownership(None),
        })
    }

    /// Checks that there is a store in the data folder. A database is not checked.
    ///
    /// # Errors
    /// If there is none: the folder's name may be mistaken, and opening a store would make one there.
    pub(super) fn expect_store(&self) -> Result<(), Box<dyn Error>> {
        match self.place()? {
            Place::Folder(folder) if !SqliteStore::is_in(folder) => Err(format!(
                "there is no store in {}; name the server's data folder with --data, or make a store: 'bulkhead serve' does, and 'tenant add' and 'component add' with --create",
                folder.display()
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Opens the store, with up to `connections` connections at a time if it is a database.
    ///
    /// # Errors
    /// If the store cannot be reached or used, or its schema is not this program's and `opening` does not allow to change that.
    pub(super) fn open(
        &self,
        clock: Clock,
        connections: usize,
        opening: Opening,
    ) -> Result<Arc<dyn Store>, Box<dyn Error>> {
        Ok(match self.place()? {
            Place::Folder(folder) => Arc::new(SqliteStore::open(folder, clock, opening)?),
            Place::Database(url) => {
                let url: DatabaseUrl = url.parse().map_err(|error| format!("--database: {error}"))?;
                let opened = PostgresStore::open(&url, connections, clock, opening);
                Arc::new(opened.map_err(|error| match error {
                    StoreError::Connection(why) => {
                        format!("{why}. Is PostgreSQL running at {url}, and may this user connect?").into()
                    }
                    error => Box::<dyn Error>::from(error),
                })?)
            }
        })
    }

    /// Returns the number of the store's schema, and that of the newest one which this program knows. The first is 0 if there is no
    /// store in a database.
    ///
    /// # Errors
    /// If the store cannot be reached or read.
    pub(super) fn schemas(&self) -> Result<(i64, i64), Box<dyn Error>> {
        Ok(match self.place()? {
            Place::Folder(folder) => {
                let facts = SqliteFacts::read(folder)?;
                (facts.schema.number, facts.known_schema)
            }
            Place::Database(url) => {
                let url = url.parse().map_err(|error| format!("--database: {error}"))?;
                let facts = PostgresFacts::read(&url)?;
                (facts.schema.number, facts.known_schema)
            }
        })
    }

    /// Returns how to make a sandbox in which at most `instances` components live at a time, with this many bytes of memory
    /// together.
    pub(super) fn sandbox_settings(&self, instances: u32, guest_memory: usize) -> SandboxSettings {
        // Who names a folder wants code in that folder alone.
        let shared_cache = if self.cache.is_none() { shared_code() } else { None };
        let (cache, compiler) = (self.compiled(), self.compile_limits.compiler());
        SandboxSettings { cache, shared_cache, instances, guest_memory, compiler }
    }

    /// Returns the folder for compiled components; `None` if there is no place for one, so that components are compiled again
    /// at each start.
    pub(super) fn compiled(&self) -> Option<PathBuf> {
        match (&self.cache, self.place().ok()?) {
            (Some(folder), _) => Some(behind_link(folder)),
            (None, Place::Folder(folder)) => Some(folder.join("compiled")),
            // One folder for each database, as a server deletes compiled components that its own database does not have.
            (None, Place::Database(url)) => {
                let url: DatabaseUrl = url.parse().ok()?;
                let name: String = hex::encode(Digest::of(url.to_string().as_bytes()).0).chars().take(16).collect();
                user_cache().map(|folder| folder.join("bulkhead").join("compiled").join(name))
            }
        }
    }
}

/// What to do about a store that is damaged.
pub(super) const DAMAGED: &str = "the file is damaged: stop the server and restore the last backup";

/// Adds what to do to an error of a store that is damaged.
pub(super) fn with_advice(error: Box<dyn Error>) -> Box<dyn Error> {
    let of_operation = || match error.downcast_ref()? {
        OperationError::Store(error) => Some(error),
        _ => None,
    };
    let of_service = || match error.downcast_ref()? {
        ServiceError::Store(error) => Some(error),
        _ => None,
    };
    let of_store = error.downcast_ref::<StoreError>().or_else(of_operation).or_else(of_service);
    if of_store.is_some_and(is_damage) { format!("{error}; {DAMAGED}").into() } else { error }
}

/// Returns the folder in which this user's programs share compiled code, if the user has a cache folder.
pub(super) fn shared_code() -> Option<PathBuf> {
    Some(user_cache()?.join("bulkhead").join("workshop"))
}

/// Returns the folder that a link names, or `folder` itself if it is no link. Code is loaded only from what is no link, and the cache
/// folder that systemd makes for a service without a lasting user is one.
fn behind_link(folder: &Path) -> PathBuf {
    let is_link = folder.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let target = if is_link { folder.canonicalize().ok() } else { None };
    target.unwrap_or_else(|| folder.to_owned())
}

/// Returns the user's cache folder.
fn user_cache() -> Option<PathBuf> {
    let absolute = |name| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// Locks a data folder against other servers; commands can still use the store. The lock ends with the process.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("server.lock");
    check_file(&path)?;
    let failed = |source| StoreError::File { path: path.display().to_string(), source };
    let file = open_private_file(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Leaves out the URL, which contains a password.
impl std::fmt::Debug for StoreArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreArgs").field("data", &self.data).field("cache", &self.cache).finish_non_exhaustive()
    }
}
