//! What can go wrong in a store.

use crate::plain_words::io_error;
use crate::private_files::PrivacyError;

/// Why a store operation failed. The operation changed nothing, except perhaps after [`StoreError::Unsure`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("{context}: {source}")]
    Database {
        /// What the store was doing.
        context: &'static str,
        /// The driver's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refuses what it was given, and would refuse it again.
    #[error("{context}: {source}")]
    Refused {
        /// What the store was doing.
        context: &'static str,
        /// The driver's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database cannot be reached, or cannot be worked with.
    #[error("{0}")]
    Connection(String),
    /// Connections to the database share its sessions.
    #[error(
        "the database is behind a pooler that gives connections a session for a transaction only; make it keep them on one session (in PgBouncer: pool_mode = session), or connect past it"
    )]
    SharedSessions,
    /// The connection broke off during a commit, which may have taken effect.
    #[error("{0}: the connection broke off before the database confirmed the commit")]
    Unsure(&'static str),
    /// The store has data that this program cannot read.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The disk has no room for further writes.
    #[error("the disk is full: {free_mib} MiB are free")]
    DiskFull {
        /// The room that is left, in MiB.
        free_mib: u64,
    },
    /// A bug: the thread that worked on the store panicked.
    #[error("{0}: the server's thread panicked")]
    Panicked(&'static str),
    /// The store cannot use a file or folder.
    #[error("{path}: {}", io_error(source))]
    File {
        /// The file or folder.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The data folder is not private and cannot be made so.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The contacts that were asked for at once are too large to hold in memory.
    #[error("the contacts that a component asks for are more than {0} bytes")]
    ResultTooLarge(usize),
    /// Indexing what was committed takes longer than a list may take.
    #[error("lists are not up to date yet")]
    IndexBehind,
    /// Another server uses the data folder.
    #[error("{0} is in use by another 'bulkhead serve'. Stop that one, or choose another folder with --data.")]
    InUse(String),
    /// A newer server has changed the schema.
    #[error(
        "{path} was written by a newer bulkhead (schema {found}; this one knows {known}). Use that version, or another --data or --database."
    )]
    NewerSchema {
        /// The database.
        path: String,
        /// Its schema version.
        found: i64,
        /// The newest schema version that this program knows.
        known: i64,
    },
    /// An earlier server made the schema, and whoever opened the store may not change that.
    #[error(
        "{path} was written by an earlier bulkhead (schema {found}; this one needs {known}). Make a backup; then start a server of this version, or run 'bulkhead migrate'. Until then, use the earlier version's commands."
    )]
    OlderSchema {
        /// The database.
        path: String,
        /// Its schema version.
        found: i64,
        /// The schema version that this program needs.
        known: i64,
    },
    /// There are tables of a store, but not the number of their schema.
    #[error(
        "{path} has tables of Bulkhead, but does not say which schema they have: perhaps only a part of a backup was restored. Restore all of it, or use another --data or --database."
    )]
    NoSchemaNumber {
        /// The database.
        path: String,
    },
    /// A session holds the advisory lock by which servers show that they use the store, so that no server can.
    #[error(
        "{path}: a session that is no server's holds the advisory lock by which servers show that they are there ({holders}). End the session, and let nobody but Bulkhead's role connect to the database."
    )]
    PresenceLocked {
        /// The database.
        path: String,
        /// The sessions.
        holders: String,
    },
    /// An earlier server made the schema, and servers of earlier versions use the store.
    #[error(
        "{path} has schema {found}, this version needs {known}, and servers of earlier versions are using it: {servers}. {}",
        advice(.can_go_on)
    )]
    ServersRunning {
        /// The database.
        path: String,
        /// Its schema version.
        found: i64,
        /// The schema version that this program needs.
        known: i64,
        /// Where these servers are connected from.
        servers: String,
        /// Whether they could go on with the newer schema.
        can_go_on: bool,
    },
}

/// Says what to do before a schema can be changed that servers of earlier versions are using.
fn advice(can_go_on: &bool) -> &'static str {
    if *can_go_on {
        "They can go on with the newer schema: make a backup, run 'bulkhead migrate' or start this server with --migrate, and then replace them."
    } else {
        "They cannot go on with the newer schema: stop them first."
    }
}

impl StoreError {
    /// Returns whether the same request would fail again, however often it is tried.
    pub fn would_fail_again(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Corrupt(_) | Self::Panicked(_))
    }
}

/// Turns an error of a driver or a codec into a [`StoreError`].
pub(crate) trait Context<T> {
    /// Adds what the store was doing, such as "reading contacts".
    fn context(self, context: &'static str) -> Result<T, StoreError>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn context(self, context: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { context, source: Box::new(source) })
    }
}
