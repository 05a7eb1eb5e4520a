//! Which servers use the database. Each holds an advisory lock on every connection that it works or listens on: shared, of the
//! table `bulkhead_schema`, and with the number of the schema that the server knows. So a server that can still write is found,
//! and nothing is left of one that died, since a lock ends with its connection. Two services in two schemas of one database have
//! two tables, and so locks of their own.

use std::fmt;

use tokio_postgres::Client;

use super::error::PgError;
use super::migrations::Schema;
use super::sql::get;
use crate::store::StoreError;

/// What a server uses a connection for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionUse {
    /// To listen. Each server has one such connection, unless it was lost.
    Listening,
    /// To read and write. The number of the lock is negative, which tells such a connection from the server's other one.
    Working,
}

/// A server that uses the database.
#[derive(Debug)]
pub(super) struct Presence {
    /// The number of the newest schema that the server knows.
    pub(super) known: i64,
    /// Where the server is connected from.
    pub(super) address: String,
    /// The process of the database that serves the server.
    backend: i32,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, address, backend } = self;
        write!(f, "one at {address} that knows schema {known} (backend {backend})")
    }
}

/// Where the session of a lock is connected from. A role that may not see a session of another role sees the session's lock all the
/// same.
pub(super) const ADDRESS: &str = "
    CASE WHEN sessions.client_addr IS NOT NULL THEN host(sessions.client_addr)
      WHEN sessions.client_port = -1 THEN 'a socket of the database''s machine'
      ELSE 'an address that this role may not see' END";

/// Shows that a server uses the database, as long as the client is connected. The database must have a schema.
///
/// # Errors
/// [`StoreError::PresenceLocked`] if a session holds the lock against all servers. None does, unless a stranger may connect.
pub(super) async fn announce(
    client: &Client,
    database: &str,
    schema: &Schema,
    connection_use: ConnectionUse,
) -> Result<(), PgError> {
    let known = i32::try_from(schema.number()).unwrap_or(i32::MAX);
    let number = match connection_use {
        ConnectionUse::Listening => known,
        ConnectionUse::Working => -known,
    };
    let lock = format!("SELECT pg_try_advisory_lock_shared('bulkhead_schema'::regclass::oid::int4, {number})");
    if get(&client.query_one(&lock, &[]).await?, 0)? {
        return Ok(());
    }
    let holders = format!(
        "SELECT locks.pid, {ADDRESS}
         FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS sessions USING (pid)
         WHERE locks.locktype = 'advisory' AND locks.objsubid = 2 AND locks.granted AND locks.mode = 'ExclusiveLock'
           AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND locks.classid = 'bulkhead_schema'::regclass::oid
         ORDER BY locks.pid"
    );
    let holders = describe(client, &holders).await?;
    Err(StoreError::PresenceLocked { path: database.to_owned(), holders }.into())
}

/// Names the sessions that a query returns: their backends, and their addresses.
pub(super) async fn describe(client: &Client, query: &str) -> Result<String, PgError> {
    let mut sessions = Vec::new();
    for row in client.query(query, &[]).await? {
        let (backend, address): (i32, String) = (get(&row, 0)?, get(&row, 1)?);
        sessions.push(format!("backend {backend} at {address}"));
    }
    Ok(if sessions.is_empty() { String::from("a session that has ended since") } else { sessions.join(", ") })
}

/// Returns the servers that use the database, perhaps with this one.
pub(super) async fn servers(client: &Client) -> Result<Vec<Presence>, PgError> {
    let find = format!(
        "SELECT locks.objid::int8, {ADDRESS}, locks.pid
         FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS sessions USING (pid)
         WHERE locks.locktype = 'advisory' AND locks.objsubid = 2 AND locks.granted AND locks.mode = 'ShareLock'
           AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND locks.classid = 'bulkhead_schema'::regclass::oid
         ORDER BY locks.pid"
    );
    let (mut servers, mut working) = (Vec::new(), Vec::new());
    for row in client.query(&find, &[]).await? {
        // The database shows the number without a sign.
        let number = i64::from(u32::try_from(get::<i64>(&row, 0)?).unwrap_or(0).cast_signed());
        let presence = Presence { known: number.abs(), address: get(&row, 1)?, backend: get(&row, 2)? };
        if number < 0 { working.push(presence) } else { servers.push(presence) }
    }
    // A server that has lost the connection on which it listens is found by the others.
    for presence in working {
        let is_same = |server: &Presence| server.known == presence.known && server.address == presence.address;
        if !servers.iter().any(is_same) {
            servers.push(presence);
        }
    }
    Ok(servers)
}
