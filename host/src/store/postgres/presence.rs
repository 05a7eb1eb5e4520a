//! Which servers use the database. Each holds an advisory lock on the connection on which it listens: shared, of the table
//! `bulkhead_schema`, and with the number of the schema that the server knows. The lock ends with the connection, so nothing is
//! left of a server that died. Two services in two schemas of one database have two tables, and so locks of their own.

use std::fmt;

use tokio_postgres::Client;

use super::error::PgError;
use super::migrations::Schema;
use super::sql::get;

/// A server that uses the database.
#[derive(Debug)]
pub(super) struct Presence {
    /// The number of the newest schema that the server knows.
    pub(super) known: i64,
    /// Where the server is connected from.
    address: String,
    /// The process of the database that serves the server.
    backend: i32,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, address, backend } = self;
        write!(f, "one at {address} that knows schema {known} (backend {backend})")
    }
}

/// Shows that a server uses the database, as long as the client is connected. The database must have a schema.
pub(super) async fn announce(client: &Client, schema: &Schema) -> Result<(), PgError> {
    const ANNOUNCE: &str = "SELECT pg_advisory_lock_shared('bulkhead_schema'::regclass::oid::int4, $1)";
    let known = i32::try_from(schema.number()).unwrap_or(i32::MAX);
    client.execute(ANNOUNCE, &[&known]).await?;
    Ok(())
}

/// Returns the servers that use the database, perhaps with this one.
pub(super) async fn servers(client: &Client) -> Result<Vec<Presence>, PgError> {
    // A role that may not see a session of another role sees the session's lock all the same.
    const FIND: &str = "
        SELECT locks.objid::int8,
          CASE WHEN sessions.client_addr IS NOT NULL THEN host(sessions.client_addr)
            WHEN sessions.client_port = -1 THEN 'a socket of the database''s machine'
            ELSE 'an address that this role may not see' END,
          locks.pid
        FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS sessions USING (pid)
        WHERE locks.locktype = 'advisory' AND locks.objsubid = 2 AND locks.granted AND locks.mode = 'ShareLock'
          AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND locks.classid = 'bulkhead_schema'::regclass::oid
        ORDER BY locks.pid";
    let rows = client.query(FIND, &[]).await?;
    rows.iter().map(|row| Ok(Presence { known: get(row, 0)?, address: get(row, 1)?, backend: get(row, 2)? })).collect()
}
