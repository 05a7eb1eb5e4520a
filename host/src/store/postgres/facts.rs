//! What a database says of itself, read without changing anything.

use super::connections::Connections;
use super::sql::get;
use super::{DatabaseUrl, migrations, notifications, presence};
use crate::clock::Clock;
use crate::store::{StoreError, StoredSchema};

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresFacts {
    /// Its schema.
    pub schema: StoredSchema,
    /// The number of the newest schema that this program knows.
    pub known_schema: i64,
    /// The newest schemas that the servers know which use the database.
    pub servers: Vec<i64>,
    /// Its version, such as `15.18`.
    pub version: String,
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
        connections.check_sessions()?;
        let known_schema = migrations::CURRENT.number();
        let database = url.to_string();
        connections.run("examining the database", async |session| {
            let clock_lead = notifications::measure_clock_lead(session).await?;
            let schema = migrations::stored(session, &database).await?;
            let servers = if schema.number > 0 { presence::servers(session).await? } else { Vec::new() };
            let servers = servers.into_iter().map(|server| server.known).collect();
            let version = get(&session.query_one("SHOW server_version", &[]).await?, 0)?;
            Ok(Self { schema, known_schema, servers, version, clock_lead })
        })
    }
}
