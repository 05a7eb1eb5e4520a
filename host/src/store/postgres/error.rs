//! What can go wrong while the database works, before it becomes a [`StoreError`].

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// Why a piece of work did not come to its end.
#[derive(Debug)]
pub(super) enum PgError {
    /// The database refused, or the connection to it is gone.
    Database(tokio_postgres::Error),
    /// Anything else.
    Store(StoreError),
}

impl PgError {
    /// Whether the database chose this piece of work to give way to another one, so that it can be done again as it is. An
    /// answer that only says that something before it failed counts as well: of statements that were sent together, it can
    /// be heard before the answer that says what.
    pub(super) fn is_retryable(&self) -> bool {
        let Self::Database(error) = self else { return false };
        let Some(code) = error.code() else { return false };
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::IN_FAILED_SQL_TRANSACTION]
            .contains(code)
    }

    /// Whether a key was to be taken that another contact has.
    pub(super) fn is_key_taken(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint() == Some("contact_keys_pkey")
        })
    }

    /// Whether the connection is gone. What was not committed by then has no effect; of a commit on its way nobody knows.
    pub(super) fn is_connection_lost(&self) -> bool {
        let Self::Database(error) = self else { return false };
        let is_io = || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
        match error.code() {
            // Class 08: connections. 57P: a shutdown or a crash. 25P03: a transaction in which nothing went on for too long.
            Some(code) => ["08", "57P", "25P03"].iter().any(|begin| code.code().starts_with(begin)),
            None => error.is_closed() || is_io(),
        }
    }

    /// Whether the database has no room left.
    pub(super) fn is_disk_full(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.code() == Some(&SqlState::DISK_FULL)
    }

    /// Whether it may have taken effect all the same.
    pub(super) fn is_unsure(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unsure(_)))
    }

    /// Whether the database will not have this, whenever it comes.
    fn would_fail_again(error: &tokio_postgres::Error) -> bool {
        // What data must not be, what constraints forbid, and what is too much.
        error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)))
    }

    pub(super) fn into_store_error(self, context: &'static str) -> StoreError {
        match self {
            Self::Database(error) if Self::would_fail_again(&error) => {
                StoreError::Refused { context, source: Box::new(DisplayPgError(error)) }
            }
            Self::Database(error) => StoreError::Database { context, source: Box::new(DisplayPgError(error)) },
            Self::Store(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for PgError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for PgError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why the pool gave no connection, in words.
pub(super) fn pool_error(error: PoolError) -> StoreError {
    StoreError::Connection(match error {
        PoolError::Timeout(_) => String::from("no connection to the database became free, or could be made, in time"),
        PoolError::Backend(error) => format!("cannot connect to the database: {}", DisplayPgError(error)),
        other => format!("cannot connect to the database: {other}"),
    })
}

/// The driver's error with what it holds inside, which says more than it does itself.
#[derive(Debug)]
pub(super) struct DisplayPgError(pub(super) tokio_postgres::Error);

impl std::fmt::Display for DisplayPgError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            Some(error) => {
                write!(f, "{} (SQLSTATE {})", error.message(), error.code().code())?;
                error.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            None => {
                write!(f, "{}", self.0)?;
                std::error::Error::source(&self.0).map_or(Ok(()), |source| write!(f, ": {source}"))
            }
        }
    }
}

impl std::error::Error for DisplayPgError {}
