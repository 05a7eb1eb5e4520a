//! Errors of the database, before they become a [`StoreError`].

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::SqlState;

use crate::plain_words::io_error;
use crate::store::StoreError;

/// Why an operation on the database failed.
#[derive(Debug)]
pub(super) enum PgError {
    /// The database refused a statement, or the connection to it was lost.
    Database(tokio_postgres::Error),
    /// The store failed elsewhere.
    Store(StoreError),
}

impl PgError {
    /// Returns whether the transaction lost to another one, so that it can be done again as it is. An answer that only says that
    /// an earlier statement failed counts as well: of statements that were sent together, it can be seen before the answer that
    /// says why.
    pub(super) fn is_retryable(&self) -> bool {
        let Self::Database(error) = self else { return false };
        let Some(code) = error.code() else { return false };
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::IN_FAILED_SQL_TRANSACTION]
            .contains(code)
    }

    /// Returns whether a contact was to get a key that another contact has.
    pub(super) fn is_key_taken(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint() == Some("contact_keys_pkey")
        })
    }

    /// Returns whether the connection was lost. What was not committed by then has no effect; a commit on its way may have taken
    /// effect.
    pub(super) fn is_connection_lost(&self) -> bool {
        let Self::Database(error) = self else { return false };
        let is_io = || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
        match error.code() {
            // Class 08: connections. 57P: a shutdown or a crash. 25P03: a transaction that was idle for too long.
            Some(code) => ["08", "57P", "25P03"].iter().any(|begin| code.code().starts_with(begin)),
            None => error.is_closed() || is_io(),
        }
    }

    /// Returns whether the database's disk is full.
    pub(super) fn is_disk_full(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.code() == Some(&SqlState::DISK_FULL)
    }

    /// Returns whether the operation may have taken effect all the same.
    pub(super) fn is_unsure(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unsure(_)))
    }

    /// Returns whether the database would refuse the same again.
    fn would_fail_again(error: &tokio_postgres::Error) -> bool {
        // Classes 22: invalid data. 23: violated constraints. 54: exceeded limits.
        error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)))
    }

    /// Adds what the store was doing.
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

/// Returns why the pool gave no connection.
pub(super) fn pool_error(error: PoolError) -> StoreError {
    StoreError::Connection(match error {
        PoolError::Timeout(_) => String::from("no connection to the database became free, or could be made, in time"),
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            format!("cannot connect to the database: {}", DisplayPgError(error))
        }
        PoolError::PostCreateHook(HookError::Message(why)) => why.into_owned(),
        other => format!("cannot connect to the database: {other}"),
    })
}

/// Shows a driver's error with its causes, which say more than the error itself.
#[derive(Debug)]
pub(super) struct DisplayPgError(pub(super) tokio_postgres::Error);

impl std::fmt::Display for DisplayPgError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            Some(error) => {
                write!(f, "{} (SQLSTATE {})", error.message(), error.code().code())?;
                error.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))?;
                let is_of_another =
                    [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT].contains(error.code());
                if is_of_another { write!(f, "; {}", StoreError::SharedSessions) } else { Ok(()) }
            }
            None => {
                write!(f, "{}", self.0)?;
                match std::error::Error::source(&self.0) {
                    None => Ok(()),
                    Some(source) => match source.downcast_ref() {
                        Some(error) => write!(f, ": {}", io_error(error)),
                        None => write!(f, ": {source}"),
                    },
                }
            }
        }
    }
}

impl std::error::Error for DisplayPgError {}
