//! What can go wrong below the trait.

/// The store could not do what was asked; nothing was changed, but for [`StoreError::Unsure`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("{doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The driver's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database will not have what it was given, now or later.
    #[error("{doing}: {source}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// The driver's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database cannot be reached, or not be worked with.
    #[error("{0}")]
    Connection(String),
    /// The connection broke off while a change was on its way to take effect: perhaps it did.
    #[error("{0}: the connection broke off before the database said whether it is done")]
    Unsure(&'static str),
    /// Something that this program wrote cannot be read back.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// A file or folder the store needs.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The contacts that were asked for at once are too much to hold in memory.
    #[error("the contacts that a component asks for are more than {0} bytes")]
    ResultTooLarge(usize),
    /// More was written than could be listed while somebody waited.
    #[error("lists are not up to date yet")]
    IndexBehind,
    /// Another server has the data folder.
    #[error("{0} is in use by another 'bulkhead serve'. Stop that one, or choose another folder with --data.")]
    InUse(String),
    /// The schema is from the future.
    #[error(
        "{path} was written by a newer bulkhead (schema {found}; this one knows {known}). Use that version, or another --data or --database."
    )]
    NewerSchema {
        /// Which database.
        path: String,
        /// Its schema version.
        found: i64,
        /// The newest this binary knows.
        known: i64,
    },
}

impl StoreError {
    /// Whether the same would fail again, however often it is tried.
    pub fn would_fail_again(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Corrupt(_))
    }
}

/// Turns a driver's error into a [`StoreError`] that says what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Doing<T> for Result<T, E> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { doing: what, source: Box::new(source) })
    }
}
