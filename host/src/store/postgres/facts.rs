//! What a database says of itself, read without changing anything.

use std::sync::atomic::{AtomicI64, Ordering};

use super::connections::Connections;
use super::{DatabaseUrl, migrations, notifications};
use crate::clock::Clock;
use crate::store::StoreError;

/// What a database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresFacts {
    /// The number of its schema; 0 if there is no store in the database.
    pub schema: i64,
    /// The number of the newest schema that this program knows.
    pub known_schema: i64,
    /// Microseconds that its clock is ahead of this machine's.
    pub clock_lead: i64,
}

impl PostgresFacts {
    /// Reads the facts of the database at `url`.
    ///
    /// # Errors
    /// If the database cannot be reached or read.
    pub fn read(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let connections = Connections::new(url, 1, Clock::system())?;
        let clock_lead = AtomicI64::new(0);
        let schema = connections.run("examining the database", async |session| {
            clock_lead.store(notifications::measure_clock_lead(session).await?, Ordering::Relaxed);
            migrations::stored_version(session).await
        })?;
        Ok(Self { schema, known_schema: migrations::newest_version(), clock_lead: clock_lead.into_inner() })
    }
}
