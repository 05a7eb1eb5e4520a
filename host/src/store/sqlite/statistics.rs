//! What the store says of itself as a whole.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::{FILE, SqliteStore};
use crate::domain::{JobId, Timestamp};
use crate::store::error::Context;
use crate::store::statistics::{MAX_COUNTED_MESSAGES, MAX_LEASES, age};
use crate::store::{
    ConnectedServer, Lease, MaintenanceStore as _, PoolUse, StatisticsStore, StoreError, StoreStatistics,
};

const READING: &str = "reading statistics";

impl StatisticsStore for SqliteStore {
    fn statistics(&self) -> Result<StoreStatistics, StoreError> {
        let now = self.clock.now();
        let statistics = self.connections.read(|connection| statistics(connection, now))?;
        let bytes = |name: &str| self.folder.join(name).metadata().ok().map(|file| file.len());
        let free_bytes = self.disk_space()?.map(|space| space.free_bytes);
        let log = Path::new(FILE).with_extension("sqlite-wal");
        Ok(StoreStatistics {
            file_bytes: bytes(FILE),
            log_bytes: log.to_str().and_then(bytes),
            free_bytes,
            ..statistics
        })
    }

    fn pool_use(&self) -> PoolUse {
        self.connections.pool_use()
    }

    fn servers(&self) -> Result<Vec<ConnectedServer>, StoreError> {
        Ok(Vec::new())
    }

    fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| leases(connection, now))
    }
}

fn leases(connection: &Connection, now: Timestamp) -> Result<Vec<Lease>, StoreError> {
    let lease = |row: &Row<'_>| {
        Ok(Lease {
            tenant: row.get(0)?,
            job: JobId(row.get(1)?),
            epoch: row.get(2)?,
            until: Timestamp(row.get(3)?),
            processed: row.get(4)?,
            total: row.get(5)?,
        })
    };
    connection
        .prepare_cached(
            "SELECT name, jobs.id, epoch, lease_until, cursor, total
             FROM jobs INDEXED BY jobs_unfinished JOIN tenants ON tenants.id = jobs.tenant
             WHERE finished_at IS NULL AND lease_until > ?1 ORDER BY lease_until LIMIT ?2",
        )
        .and_then(|mut statement| statement.query_map([now.0, MAX_LEASES], lease)?.collect())
        .context("reading leases")
}

fn statistics(connection: &Connection, now: Timestamp) -> Result<StoreStatistics, StoreError> {
    let number = |row: &Row<'_>, place| Ok::<_, rusqlite::Error>(row.get::<_, i64>(place)?.max(0).unsigned_abs());
    let mut statistics = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE started_at IS NULL), count(*) FILTER (WHERE started_at IS NOT NULL),
                    coalesce(sum(total - cursor), 0), min(created_at) FILTER (WHERE started_at IS NULL)
             FROM jobs INDEXED BY jobs_unfinished WHERE finished_at IS NULL",
        )
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok(StoreStatistics {
                    queued_jobs: number(row, 0)?,
                    running_jobs: number(row, 1)?,
                    waiting_items: number(row, 2)?,
                    oldest_queued: age(row.get(3)?, now.0),
                    ..StoreStatistics::default()
                })
            })
        })
        .context(READING)?;
    (statistics.tenants, statistics.contacts, statistics.stored_bytes) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(contacts), 0), (SELECT coalesce(sum(stored_bytes), 0) FROM usage) FROM tenants",
        )
        .and_then(|mut statement| {
            statement.query_row([], |row| Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?)))
        })
        .context(READING)?;
    (statistics.waiting_messages, statistics.oldest_message) = connection
        .prepare_cached(
            "SELECT count(*), min(occurred_at) FROM (
               SELECT occurred_at FROM webhook_messages INDEXED BY webhook_messages_due WHERE due_at IS NOT NULL LIMIT ?1)",
        )
        .and_then(|mut statement| {
            statement.query_row([MAX_COUNTED_MESSAGES], |row| Ok((number(row, 0)?, age(row.get(1)?, now.0))))
        })
        .context(READING)?;
    Ok(statistics)
}
